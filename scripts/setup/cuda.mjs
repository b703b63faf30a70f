// Installs the CUDA build of TensorFlow and NVIDIA's libraries in the user's cache, wheel by wheel: an interrupted set-up continues with the
// wheel that it was fetching. Unlike the CPU build, it is installed only on request, so a problem makes the set-up fail.

import { mkdir, rm } from 'node:fs/promises'
import { cudaDirectory, cudaWheel, missingWheels, unsupportedCuda } from '../../src/libtensorflow/cuda-build.mjs'
import { failureFile } from '../../src/libtensorflow/location.mjs'
import { asRefusal, checkSpace, installLibrary, remember } from './library.mjs'
import { say } from './progress.mjs'
import { Refusal } from './refusal.mjs'

/** @typedef {import('../../src/libtensorflow/location.mjs').Wheel} Wheel */

/**
 * Installs the missing wheels of the CUDA build. Returns whether any were missing.
 * @throws {Refusal} if there is no build for this machine, or it cannot be installed
 */
export async function ensureCuda() {
  const unsupported = unsupportedCuda()
  if (unsupported) throw new Refusal(unsupported.reason, unsupported.fix)
  const missing = missingWheels()
  if (missing.length === 0) return false
  try {
    await install(missing)
    await rm(failureFile(cudaWheel), { force: true })
    return true
  } catch (error) {
    const refusal = asRefusal(error)
    await remember(cudaWheel, refusal)
    throw refusal
  }
}

/** @param {readonly Wheel[]} missing */
async function install(missing) {
  await mkdir(cudaDirectory(), { recursive: true })
  const needed = sum(missing, wheel => wheel.unpackedBytes)
  say(
    `the CUDA build of TensorFlow: ${missing.length} wheels to fetch, ${gigabytes(sum(missing, wheel => wheel.bytes))} GB; ` +
      `at most ${gigabytes(needed)} GB in ${cudaDirectory()}; it has not been tested on a GPU yet`,
  )
  await checkSpace(cudaDirectory(), needed)
  for (const wheel of missing) await installLibrary(wheel)
}

/** @param {readonly Wheel[]} wheels @param {(wheel: Wheel) => number} size */
const sum = (wheels, size) => wheels.reduce((total, wheel) => total + size(wheel), 0)

/** @param {number} bytes */
const gigabytes = bytes => (bytes / 1e9).toFixed(1)
