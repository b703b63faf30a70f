// A few of the programs of scripts/hostile-programs.mjs: wrong arguments of every kind end in exceptions, never in a signal or a hang.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { skipped } from '../support/native.js'
import { repository } from '../support/repository.js'

test.skipIf(skipped !== '')(`hostile programs end by themselves${skipped}`, { timeout: 900_000 }, () => {
  const script = join(repository, 'scripts', 'hostile-programs.mjs')
  const { stdout, status } = spawnSync(process.execPath, [script, '4', '1'], { encoding: 'utf8' })
  expect(stdout).toMatch(/^4 programs, 48 calls: \d+ results, \d+ exceptions; 0 programs ended by a signal, 0 by/)
  expect(status).toBe(0)
})
