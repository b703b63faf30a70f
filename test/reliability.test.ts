// A sample of what scripts/reliability/ tries in full: kills, full disks, mutated files; and that its interception of calls misses none.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repository } from './support/repository.js'
import { temporaryFolder } from './support/temporary-folder.js'

const tool = (name: string) => join(repository, 'scripts', 'reliability', `${name}.mjs`)

/** What a tool prints, which must find nothing lost and nothing wrong. */
function run(name: string, ...options: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool(name), ...options], { encoding: 'utf8' })
  expect(status, stdout + stderr).toBe(0)
  return stdout
}

describe('nothing is lost or wrong', () => {
  test.each([
    ['train', 6],
    ['compare', 2],
    ['repair', 4],
  ])('after a kill before a call that changes a file: %s', (scenario, count) => {
    const said = run('kill-at-every-call', '--only', scenario, '--count', String(count))
    expect(said).toContain(`${scenario}: ${count} tried, ${count} clean, 0 refused, 0 lost, 0 wrong`)
  })

  test('after a real kill', () => {
    const said = run('kill-at-every-call', '--only', 'em', '--count', '1', '--real', '1')
    expect(said).toContain('em, by SIGKILL: 1 tried, 1 clean')
  })

  test('if the disk is full or may not be written to', () => {
    const said = run('disk-full', '--only', 'train', '--count', '3')
    for (const code of ['ENOSPC', 'EACCES', 'EROFS']) expect(said).toContain(`train, ${code}: 3 tried, 3 clean`)
  })

  test('in mutated files: refused in one line, or read as before', () => {
    expect(run('fuzz-files', '--count', '15')).toMatch(
      /all files: 225 mutated, \d+ refused, \d+ read as before, 0 wrong/,
    )
  })
})

test('a tool refuses an option that it does not have', () => {
  const { status, stderr } = spawnSync(process.execPath, [tool('disk-full'), '--every', '2'], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([2, expect.stringMatching(/^--every 2: expected --only TEXT .*--count NUMBER/)])
})

/** Runs lines of a module under the preload; what they print. */
function intercepted(lines: string[], environment: Record<string, string>) {
  const folder = temporaryFolder()
  const script = join(temporaryFolder(), 'script.mjs')
  const imports = `import fs, * as named from 'node:fs'\nimport { open, writeFile } from 'node:fs/promises'`
  const context = `process.chdir('${folder}')\nconst tell = error => console.log(error?.code ?? 'done')`
  writeFileSync(script, [imports, context, ...lines].join('\n'))
  const env = { ...process.env, ELBO_BENEATH: folder, ...environment }
  const result = spawnSync(process.execPath, ['--import', tool('preload'), script], { env, encoding: 'utf8' })
  return { folder, ...result }
}

const attempt = (call: string) => `try { ${call}; tell() } catch (error) { tell(error) }`

test.each([
  ['a function', attempt(`named.writeFileSync('a', 'x')`)],
  ['a method of the module', attempt(`fs.mkdirSync('a')`)],
  ['a callback', `fs.mkdir('a', tell)`],
  ['a promise', attempt(`await writeFile('a', 'x')`)],
  ['a removal of a whole folder', attempt(`fs.mkdirSync('a'); fs.rmSync('a', { recursive: true })`), 2],
  ['a method of a file handle', `const file = await open('a', 'w')\n${attempt(`await file.write('x')`)}`, 2],
  ['a descriptor', `const file = fs.openSync('a', 'w')\n${attempt(`named.ftruncateSync(file, 1)`)}`, 2],
  ['a link', attempt(`named.symlinkSync('elsewhere', 'a')`)],
])('calls are intercepted: %s', (_form, line, at = 1) => {
  const { stdout, stderr } = intercepted([line], { ELBO_FAIL_AT: `${at}:EROFS` })
  expect(stdout, stderr).toBe('EROFS\n')
})

test('reading is not intercepted, nor is what lies elsewhere', () => {
  const lines = [
    `fs.readdirSync('.')`,
    `fs.openSync(process.execPath, 'r')`,
    `fs.mkdirSync('../elsewhere-' + process.pid)`,
    'tell()',
  ]
  expect(intercepted(lines, { ELBO_FAIL_AT: '1:ENOSPC' }).stdout).toBe('done\n')
})

test('a process is killed between the halves of a write', () => {
  const lines = [
    `const file = fs.openSync('a', 'w')`,
    `fs.writeSync(file, Buffer.from('abcdef'), 0, 6)`,
    `fs.writeSync(file, Buffer.from('g'), 0, 1)`,
  ]
  const { signal, folder } = intercepted(lines, { ELBO_KILL_AT: '3', ELBO_CUT_WRITES: '1' })
  expect([signal, readFileSync(join(folder, 'a'), 'utf8')]).toEqual(['SIGKILL', 'abc'])
})

test.each([5, 6])(
  'a start whose writes fail from call %i on says so, and unlocks the folder that it cannot remove',
  at => {
    const module = (path: string) => `await import('${join(repository, 'dist', path)}')`
    const lines = [
      `const { claimRun } = ${module('commands/train/run-folder.js')}`,
      `const { isLocked } = ${module('runs/lock-state.js')}`,
      `const { resolveConfig } = ${module('methods/vae.js')}`,
      `const start = { run: 'a', prefix: '', resume: false }`,
      `try { claimRun({ checkpoints: process.cwd() }, start, resolveConfig({})) } catch (error) { console.log(error.message) }`,
      `console.log(isLocked('a'))`,
    ]
    const { stdout, stderr, folder } = intercepted(lines, { ELBO_FAIL_AT: `${at}:EACCES` })
    expect(stdout, stderr).toBe(
      `cannot write ${join(folder, 'a', 'config.json')}: permission denied; choose a folder that you may write to\nfalse\n`,
    )
  },
)
