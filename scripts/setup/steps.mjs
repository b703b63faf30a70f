// The steps of the set-up of a clone, in order.

import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { say } from '../../src/setup/progress.mjs'
import { Refusal } from '../../src/setup/refusal.mjs'
import { ensureBuild } from './build.mjs'
import { ensurePackages } from './packages.mjs'

/**
 * Does the missing steps for the clone that contains this file. Returns the exit code.
 * @param {{ library: boolean }} options `library`: also fetch native TensorFlow; a failure is said, but does not fail the set-up
 */
export async function setUp({ library }) {
  const root = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
  try {
    const done = []
    if (await ensurePackages(root)) done.push('npm packages')
    if (await ensureBuild(root)) done.push('compiled program')
    if (library) await fetchLibrary(root)
    if (done.length > 0) say(`ready: ${done.join(', ')}`)
    return 0
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    say(error.message)
    return 1
  }
}

/** By the program's own set-up, which is compiled only now. @param {string} root */
async function fetchLibrary(root) {
  const { ensureLibrary } = await import(pathToFileURL(join(root, 'dist/setup/ensure.js')).href)
  const failure = await ensureLibrary()
  if (failure) say(`native TensorFlow cannot be installed: ${failure.reason}; ${failure.fix}`)
}
