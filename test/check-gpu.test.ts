// scripts/check-gpu.mjs, which only a machine with a GPU runs for good: its rehearsal, with the CPU in the GPU's place.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { skipped } from './support/native.js'

const script = resolve(import.meta.dirname, '../scripts/check-gpu.mjs')

describe.skipIf(skipped !== '')(`check-gpu${skipped}`, () => {
  it('compares ELBO, gradients, places and training, and reports them', { timeout: 600_000 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--rehearse'], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(stdout).toMatch(/^# elbo on the CPU, rehearsing/)
    expect(stdout.match(/^- ok: /gm)).toHaveLength(6)
    expect(stdout).toContain('the same training once more ends with the same bytes')
    expect(stdout.trim()).toMatch(/all is well$/)
  })
})
