// What commands write and where, as users run them: devices, pipes, links, a run's own files, full disks, pictures that a kill lost.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { smallMnist } from '../support/idx-file.js'

const ELBO = resolve(import.meta.dirname, '../../dist/cli.js')
const home = mkdtempSync(join(tmpdir(), 'elbo-outputs-'))
const run = join(home, 'checkpoints', 'a')
const options = { cwd: home, encoding: 'utf8', timeout: 200_000, env: { ...process.env, NO_COLOR: '1' } } as const

const elbo = (...args: string[]): SpawnSyncReturns<string> => spawnSync(process.execPath, [ELBO, ...args], options)

/** A line of shell, where ELBO stands for the program. */
const shell = (line: string): SpawnSyncReturns<string> =>
  spawnSync('sh', ['-c', line.replaceAll('ELBO', `"${process.execPath}" "${ELBO}"`)], options)

/** The line of the error. */
const errorOf = ({ stderr }: SpawnSyncReturns<string>) => stderr.split('\n').find(line => line.startsWith('elbo: '))

beforeAll(() => {
  smallMnist(600, 60, { folder: join(home, 'small'), stride: 4 })
  const small = ['--data', 'small', '--batch-size', '50', '--hidden', '8', '--latent-dim', '2', '--compile', 'off']
  const { status, stderr } = elbo('train', '--run', 'a', '--epochs', '2', ...small)
  expect(status, stderr).toBe(0)
})

describe('--out', () => {
  test('into devices and pipes, which stay what they are', () => {
    expect(elbo('sample', 'a', '--out', '/dev/null').status).toBe(0)
    const full = elbo('sample', 'a', '--out', '/dev/full')
    expect([full.status, errorOf(full)]).toEqual([
      1,
      expect.stringContaining('cannot write /dev/full: no space left on the disk'),
    ])
    for (const path of ['/dev/null', '/dev/full']) expect(lstatSync(path).isCharacterDevice()).toBe(true)
    expect(shell('ELBO sample a --json --out /dev/stdout | head -c 4 | tail -c 3').stdout).toBe('PNG')
    expect(shell('mkfifo pipe; head -c 4 pipe | tail -c 3 & ELBO sample a --out pipe > said; wait').stdout).toBe('PNG')
    expect(lstatSync(join(home, 'pipe')).isFIFO()).toBe(true)
  })

  test('through a link', () => {
    symlinkSync('target.png', join(home, 'link.png'))
    expect(elbo('sample', 'a', '--out', 'link.png').status).toBe(0)
    expect(lstatSync(join(home, 'link.png')).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(home, 'target.png')).subarray(1, 4).toString()).toBe('PNG')
  })
})

test.each([
  ['sample', '--out', 'checkpoints/a/config.json'],
  ['reconstruct', '--out', 'checkpoints/a/latest/state.safetensors'],
  ['manifold', '--out', 'checkpoints/a/snapshots/new.png'],
  ['sample', '--out', 'checkpoints/a/lock'],
  ['sample', '--out', 'linked'],
  ['evaluate', '--save', 'checkpoints/a/metrics.jsonl'],
  ['export', '--to', 'checkpoints/a/latest'],
  ['sample', '--out', 'checkpoints/c/compare.json'],
])('%s %s %s is refused', (command, flag, path) => {
  const comparison = join(home, 'checkpoints', 'c')
  cpSync(run, comparison, { recursive: true, filter: from => from === run })
  for (const name of ['settings.json', 'compare.json']) writeFileSync(join(comparison, name), '{}')
  if (path === 'linked') symlinkSync(join(run, 'best'), join(home, 'linked'))
  const before = readdirSync(run, { recursive: true })
  const result = elbo(command, 'a', flag, path)
  expect([result.status, errorOf(result)]).toEqual([
    2,
    expect.stringMatching(`${flag} ${path}: this belongs to the (run a|comparison c); choose another path`),
  ])
  expect(readdirSync(run, { recursive: true })).toEqual(before)
})

test('other pictures may lie in a run', () => {
  expect(elbo('sample', 'a', '--out', 'checkpoints/a/images/mine.png').status).toBe(0)
})

test('folders below /proc are refused at once', () => {
  for (const result of [
    elbo('export', 'a', '--to', '/proc/x'),
    elbo('train', '--checkpoints', '/proc/x', '--data', 'small'),
  ])
    expect([result.status, errorOf(result)]).toEqual([1, expect.stringContaining('cannot write /proc/x')])
})

test.each([
  [['train', '--config', 'fifo'], 'fifo: a FIFO (named pipe); a regular file was expected'],
  [['train', '--config', '/dev/zero'], '/dev/zero: a character device; a regular file was expected'],
  [['train', '--data', 'fifo,fifo'], 'fifo: a FIFO (named pipe); a regular file was expected'],
  [['train', '--data', '/dev/zero,/dev/zero'], '/dev/zero: a character device; a regular file was expected'],
])('%s is refused without waiting', (args, message) => {
  if (!existsSync(join(home, 'fifo'))) spawnSync('mkfifo', [join(home, 'fifo')])
  const result = elbo(...args, '--run', 'new')
  expect([result.status, errorOf(result)]).toEqual([1, expect.stringContaining(message)])
  expect(existsSync(join(home, 'checkpoints', 'new'))).toBe(false)
})

test('output that a disk takes only a part of is an error', () => {
  const result = shell(`trap '' XFSZ; ulimit -f 1; ELBO runs --json > runs.json`)
  expect([result.status, result.stderr]).toEqual([
    1,
    expect.stringMatching(/(?:^|\n)elbo: cannot write the output: .*\n$/),
  ])
  expect(lstatSync(join(home, 'runs.json')).size).toBeGreaterThan(0)
})

const decoder = [
  ...[
    '--epochs',
    '2',
    '--data',
    'small',
    '--hidden',
    '4',
    '--latent-dim',
    '2',
    '--compile',
    'off',
    '--tolerance',
    'off',
  ],
  ...['--validation-images', '5', '--leapfrog-steps', '2', '--updates', '1'],
]

describe('pictures and summaries that a kill lost are made again by --resume', () => {
  test.each([
    ['train', 'a', []],
    ['em vae', 'decoder', decoder],
  ])('%s', (command, name, settings) => {
    const folder = join(home, 'checkpoints', name)
    if (settings.length > 0) {
      const made = elbo(...command.split(' '), '--run', name, ...settings, '--train-images', '50')
      expect(made.status, made.stderr).toBe(0)
    }
    const files = ['plots/elbo.png', 'images/samples-epoch-0002.png', 'images/reconstructions-epoch-0002.png']
    const before = files.map(file => readFileSync(join(folder, file)))
    for (const file of files) rmSync(join(folder, file))
    const summaries = readdirSync(join(folder, 'tensorboard'))
    for (const name of summaries) rmSync(join(folder, 'tensorboard', name))
    const { status, stderr } = elbo(...command.split(' '), '--run', name, '--resume')
    expect(status, stderr).toBe(0)
    for (const [i, file] of files.entries())
      expect(readFileSync(join(folder, file)).equals(before[i] as Buffer), file).toBe(true)
    // Native TensorFlow alone writes summaries; those of the last pass are there again, and another resume adds none.
    expect(readdirSync(join(folder, 'tensorboard'))).toHaveLength(summaries.length)
    expect(elbo(...command.split(' '), '--run', name, '--resume').status).toBe(0)
    expect(readdirSync(join(folder, 'tensorboard'))).toHaveLength(summaries.length)
  })
})

test.skipIf(process.getuid?.() === 0)('a checkpoints folder that cannot be read is an error', () => {
  chmodSync(join(home, 'checkpoints'), 0o600)
  const result = elbo('runs')
  chmodSync(join(home, 'checkpoints'), 0o700)
  expect([result.status, errorOf(result)]).toEqual([1, expect.stringContaining('the folder cannot be read')])
})

test('a comparison that was killed in its first write does not keep its name', () => {
  const folder = join(home, 'checkpoints', 'killed')
  cpSync(run, folder, { recursive: true, filter: from => from === run })
  writeFileSync(join(folder, 'settings.json.12.tmp'), '{')
  writeFileSync(join(folder, 'lock'), '12\n')
  const result = elbo('compare', '--run', 'killed', '--data', 'small', '--train-images', '501')
  expect([result.status, errorOf(result)]).toEqual([2, expect.stringContaining('there are only 500 training images')])
})
