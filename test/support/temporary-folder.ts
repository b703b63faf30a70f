/** Temporary files of the tests: all of a run, and of the commands that it starts, lie in one folder, which is removed at the end. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let all: string

/** Vitest's global set-up, in the main process; the processes of the tests inherit the environment. */
export function setup(): void {
  all = mkdtempSync(join(tmpdir(), 'elbo-tests-'))
  process.env.TMPDIR = all
}

/** Vitest calls it after the last test. */
export function teardown(): void {
  rmSync(all, { recursive: true, force: true, maxRetries: 3 })
}

/** A new folder, which is empty. */
export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'elbo-'))
