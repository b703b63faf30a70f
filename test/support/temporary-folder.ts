/** Temporary files of the tests: all of a run, and of the commands that it starts, lie in one folder, which is removed at the end. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheDirectory } from '../../src/libtensorflow/location.js'

let all: string

/** Vitest's global set-up, in the main process; the processes of the tests inherit the environment. */
export function setup(): void {
  all = mkdtempSync(join(tmpdir(), 'elbo-tests-'))
  process.env.TMPDIR = all
  process.env.ELBO_CACHE = cacheOfTests(join(all, 'cache'))
}

/** A cache for the images of the tests, with the library of the user's. */
function cacheOfTests(folder: string): string {
  const library = join(cacheDirectory(), 'libtensorflow')
  mkdirSync(folder)
  if (existsSync(library)) symlinkSync(library, join(folder, 'libtensorflow'))
  return folder
}

/** Vitest calls it after the last test. */
export function teardown(): void {
  rmSync(all, { recursive: true, force: true, maxRetries: 3 })
}

/** A new folder, which is empty. */
export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'elbo-'))
