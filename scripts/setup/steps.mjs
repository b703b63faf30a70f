// The steps of the set-up, in order.

import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tensorflowVersion } from '../../src/libtensorflow/location.mjs'
import { ensureBuild } from './build.mjs'
import { ensureCuda } from './cuda.mjs'
import { ensureLibrary } from './library.mjs'
import { ensurePackages } from './packages.mjs'
import { say } from './progress.mjs'
import { Refusal } from './refusal.mjs'

/**
 * Does the missing steps for the clone that contains this file. Returns the exit code.
 * @param {{ cuda: boolean }} options `cuda`: also install the CUDA build
 */
export async function setUp({ cuda }) {
  const root = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
  try {
    const done = []
    if (await ensurePackages(root)) done.push('npm packages')
    if (await ensureLibrary()) done.push(`native TensorFlow ${tensorflowVersion}`)
    if (cuda && (await ensureCuda())) done.push(`TensorFlow ${tensorflowVersion} for CUDA`)
    if (await ensureBuild(root)) done.push('compiled program')
    if (done.length > 0) say(`ready: ${done.join(', ')}`)
    return 0
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    say(error.message)
    return 1
  }
}
