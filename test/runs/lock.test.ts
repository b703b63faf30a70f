// Who may write to a run: locks, names that two starts want at the same moment, and whose files are removed.
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { claimFolder, isFree } from '../../src/runs/claim.js'
import { hasHistory, makeRunFolder, requireLinks, saveSnapshot } from '../../src/runs/directory.js'
import { removeLeftovers } from '../../src/runs/leftovers.js'
import { lockRun } from '../../src/runs/lock.js'

const newFolder = () => mkdtempSync(join(tmpdir(), 'elbo-lock-'))

test('one lock at a time, whatever happens to its file', () => {
  const folder = newFolder()
  const unlock = lockRun(folder)
  const taken = `${folder}: another process (pid ${process.pid}) is training this run`
  expect(() => lockRun(folder)).toThrow(taken)
  expect(readFileSync(join(folder, 'lock'), 'utf8')).toBe(`${process.pid}\n`)
  rmSync(join(folder, 'lock'))
  expect(() => lockRun(folder)).toThrow(`${folder}: another process is training this run`)
  unlock()
  lockRun(folder)()
})

test('earlier versions, which lock the file alone, are kept out and keep out', () => {
  const folder = newFolder()
  const flock = (command: string) => spawnSync('flock', ['-n', join(folder, 'lock'), ...command.split(' ')])
  const unlock = lockRun(folder)
  expect(flock('true').status).toBe(1)
  unlock()
  expect(flock('true').status).toBe(0)
})

test('a lock that is no regular file is refused and left alone', () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'mine'), 'mine')
  symlinkSync('mine', join(folder, 'lock'))
  expect(() => lockRun(folder)).toThrow(`cannot write ${join(folder, 'lock')}: a symbolic link`)
  expect(readFileSync(join(folder, 'mine'), 'utf8')).toBe('mine')
  rmSync(join(folder, 'lock'))
  spawnSync('mkfifo', [join(folder, 'lock')])
  expect(() => lockRun(folder)).toThrow('this is a FIFO (named pipe); a file was expected')
})

test('every start without a name has one of its own', () => {
  const checkpoints = newFolder()
  mkdirSync(join(checkpoints, 'vae-2'))
  const claims = [1, 2, 3].map(() => claimFolder(checkpoints, { run: null, prefix: 'vae' }))
  expect(claims.map(({ name }) => name)).toEqual(['vae-1', 'vae-3', 'vae-4'])
  for (const { release } of claims) release()
})

test('a claim discards only the folder that it made', () => {
  const checkpoints = newFolder()
  const first = claimFolder(checkpoints, { run: 'a', prefix: '' })
  expect(() => claimFolder(checkpoints, { run: 'a', prefix: '', work: 'works here' })).toThrow(
    `another process (pid ${process.pid}) works here`,
  )
  first.release()
  const second = claimFolder(checkpoints, { run: 'a', prefix: '' })
  second.discard()
  expect(existsSync(join(checkpoints, 'a'))).toBe(true)
  second.release()
})

test('a folder is free after a start that was killed before its first file was whole', () => {
  const folder = newFolder()
  expect([isFree(folder, 'config.json'), isFree(join(folder, 'none'), 'config.json')]).toEqual([true, true])
  writeFileSync(join(folder, 'lock'), '12\n')
  writeFileSync(join(folder, 'config.json.12.tmp'), '{')
  expect([isFree(folder, 'config.json'), isFree(folder, 'settings.json')]).toEqual([true, false])
  writeFileSync(join(folder, 'notes'), '')
  expect(isFree(folder, 'config.json')).toBe(false)
})

test('a kill during the first snapshot leaves no history, and nothing half written after the next start', () => {
  const folder = join(newFolder(), 'run')
  makeRunFolder(folder)
  for (const name of ['step-00000000', 'step-00000000-2', 'step-00000020.tmp'])
    mkdirSync(join(folder, 'snapshots', name))
  writeFileSync(join(folder, 'snapshots', 'step-00000020.tmp', 'state.safetensors'), '')
  symlinkSync('snapshots/step-00000000', join(folder, 'latest.tmp'))
  for (const name of [
    'config.json.1.tmp',
    'metrics.jsonl.1-2.tmp',
    'plots/elbo.svg.1.tmp',
    'images/samples-epoch-0001.png.1.tmp',
  ])
    writeFileSync(join(folder, name), '')
  expect(hasHistory(folder)).toBe(false)
  symlinkSync(folder, `${folder}-linked`)
  removeLeftovers(`${folder}-linked`)
  requireLinks(folder)
  const left = readdirSync(folder, { recursive: true }) as string[]
  expect(left.filter(name => name.includes('.tmp'))).toEqual([])
  expect(readdirSync(join(folder, 'snapshots'))).toEqual(['step-00000000', 'step-00000000-2'])
})

test('files of the user stay, in the run and behind links', async () => {
  const [folder, elsewhere] = [join(newFolder(), 'run'), newFolder()]
  makeRunFolder(folder)
  const mine = [
    'notes.tmp',
    'snapshots/notes.tmp',
    'snapshots/step-00000001.mine',
    'snapshots/old',
    'images/a.1.tmp',
    'x.1.tmp',
  ]
  for (const name of mine) writeFileSync(join(folder, name), 'mine')
  mkdirSync(join(elsewhere, 'step-00000002.tmp'))
  writeFileSync(join(elsewhere, 'elbo.svg.1.tmp'), 'mine')
  symlinkSync(join(elsewhere, 'step-00000002.tmp'), join(folder, 'snapshots', 'step-00000002.tmp'))
  symlinkSync(elsewhere, join(folder, 'snapshots', 'step-00000003'))
  rmSync(join(folder, 'plots'), { recursive: true })
  symlinkSync(elsewhere, join(folder, 'plots'))
  removeLeftovers(folder)
  for (const step of ['step-00000004', 'step-00000005'])
    await saveSnapshot(folder, step, true, async to => writeFileSync(join(to, 'state'), ''))
  expect(readlinkSync(join(folder, 'latest'))).toBe('snapshots/step-00000005')
  expect(existsSync(join(folder, 'snapshots', 'step-00000004'))).toBe(false)
  for (const name of mine) expect(readFileSync(join(folder, name), 'utf8'), name).toBe('mine')
  expect(readdirSync(elsewhere).sort()).toEqual(['elbo.svg.1.tmp', 'step-00000002.tmp'])
  for (const name of ['step-00000002.tmp', 'step-00000003'])
    expect(lstatSync(join(folder, 'snapshots', name)).isSymbolicLink(), name).toBe(true)
})

const ELBO = resolve(import.meta.dirname, '../../dist/cli.js')

/** Exit code and standard error of several commands that are started at the same moment. */
const together = (cwd: string, commands: readonly (readonly string[])[]) =>
  Promise.all(
    commands.map(
      args =>
        new Promise<[number | null, string]>(done => {
          const child = spawn(process.execPath, [ELBO, ...args], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
          let said = ''
          child.stderr.on('data', chunk => {
            said += chunk
          })
          child.on('exit', code => done([code, said]))
        }),
    ),
  )

test('of two starts under one name one wins, and without names both have their own', async () => {
  const home = newFolder()
  const fit = ['em', 'bernoulli-mixture', '--train-images', '200', '--validation-images', '50', '--epochs', '2']
  const same = await together(
    home,
    [1, 2].map(() => [...fit, '--run', 'same', '--compile', 'off']),
  )
  expect(same.map(([code]) => code === 0).sort(), JSON.stringify(same)).toEqual([false, true])
  const [, said] = same.find(([code]) => code !== 0) as [number, string]
  expect(said).toMatch(/is training this run|already has a run/)
  expect(readFileSync(join(home, 'checkpoints/same/metrics.jsonl'), 'utf8').trim().split('\n')).toHaveLength(2)
  const own = await together(
    home,
    [1, 2].map(() => [...fit, '--compile', 'off']),
  )
  expect(
    own.map(([code]) => code),
    JSON.stringify(own),
  ).toEqual([0, 0])
  expect(readdirSync(join(home, 'checkpoints')).sort()).toEqual(['bernoulli-mixture-1', 'bernoulli-mixture-2', 'same'])
})
