// scripts/check-gpu.mjs, which needs a GPU: its rehearsal, where the CPU takes the GPU's place.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { skipped } from './support/native.js'
import { repository } from './support/repository.js'

const script = join(repository, 'scripts/check-gpu.mjs')
const name = `the rehearsal of check-gpu compares ELBO, gradients, places and training, and reports them${skipped}`

test.skipIf(skipped !== '')(name, { timeout: 600_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--rehearse'], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/^# elbo on the CPU, rehearsing/)
  expect(stdout.match(/^- ok: /gm)).toHaveLength(9)
  expect(stdout).toContain('repeating the training gives the same bytes')
  expect(stdout.trim()).toMatch(/all checks passed$/)
})
