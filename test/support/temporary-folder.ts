/** One folder for every temporary file of a run of the tests, and of the commands that they start; removed at the end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Vitest's global set-up: workers inherit the environment. What it returns is called after the last test. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'elbo-tests-'))
  process.env.TMPDIR = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}
