// The README's example program, run as it stands there.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { skipped } from './support/native.js'
import { repository } from './support/repository.js'

test.skipIf(skipped !== '')(`the README's compiled step trains${skipped}`, () => {
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(repository, 'README.md'), 'utf8')) ?? []
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', example], {
    cwd: repository,
    encoding: 'utf8',
  })
  const [, mode, first, last, weights = ''] = /^(\w+): loss (\S+) -> (\S+), w = (.*)$/m.exec(stdout) ?? []
  expect(['xla', 'graph'], stderr).toContain(mode)
  expect(Number(last)).toBeLessThan(Number(first) / 50)
  for (const weight of weights.split(',').map(Number)) expect(Math.abs(weight - 1)).toBeLessThan(0.1)
})
