// Puts the CUDA build of TensorFlow and NVIDIA's libraries into the user's cache, wheel by wheel: a set-up that is cut off goes on with
// the wheel that it was fetching. Unlike the CPU build this is done only when asked for, so what cannot be done is a failure.

import { mkdir, rm } from 'node:fs/promises'
import { cudaDirectory, cudaWheel, missingWheels, unsupportedCuda } from '../../src/libtensorflow/cuda-build.mjs'
import { failureFile } from '../../src/libtensorflow/location.mjs'
import { asRefusal, checkSpace, installLibrary, remember } from './library.mjs'
import { say } from './progress.mjs'
import { Refusal } from './refusal.mjs'

/** @typedef {import('../../src/libtensorflow/location.mjs').Wheel} Wheel */

/**
 * Installs what is missing of the CUDA build. Returns whether anything was.
 * @throws {Refusal} if there is none for this machine, or it cannot be had
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
      `at most ${gigabytes(needed)} GB in ${cudaDirectory()}; nobody has run it on a GPU yet`,
  )
  await checkSpace(cudaDirectory(), needed)
  for (const wheel of missing) await installLibrary(wheel)
}

/** @param {readonly Wheel[]} wheels @param {(wheel: Wheel) => number} size */
const sum = (wheels, size) => wheels.reduce((total, wheel) => total + size(wheel), 0)

/** @param {number} bytes */
const gigabytes = bytes => (bytes / 1e9).toFixed(1)
