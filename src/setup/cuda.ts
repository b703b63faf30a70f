// Installs the CUDA build of TensorFlow and NVIDIA's libraries in the user's cache, wheel by wheel: an interrupted set-up continues with the
// wheel that it was fetching.
import { mkdir, rm } from 'node:fs/promises'
import { cudaDirectory, cudaWheel, missingWheels, unsupportedCuda } from '../libtensorflow/cuda-build.js'
import { cacheProblem, failureFile } from '../libtensorflow/location.js'
import type { Wheel } from '../libtensorflow/wheels.js'
import { asRefusal, checkSpace, type FetchWheel, installLibrary, remember } from './library.js'
import { say } from './progress.mjs'
import { Refusal } from './refusal.mjs'

/**
 * Installs the missing wheels of the CUDA build. Returns those that were missing.
 * @throws {Refusal} if there is no build for this machine, or it cannot be installed
 */
export async function ensureCuda(fetch: FetchWheel, signal?: AbortSignal): Promise<readonly Wheel[]> {
  const unsupported = unsupportedCuda() ?? cacheProblem(cudaWheel)
  if (unsupported) throw new Refusal(unsupported.reason, unsupported.fix)
  const missing = missingWheels()
  if (missing.length === 0) return []
  try {
    await install(missing, fetch, signal)
    await rm(failureFile(cudaWheel), { force: true })
    return missing
  } catch (error) {
    const refusal = asRefusal(error)
    await remember(cudaWheel, refusal)
    throw refusal
  }
}

async function install(missing: readonly Wheel[], fetch: FetchWheel, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(cudaDirectory(), { recursive: true })
  const needed = sum(missing, wheel => wheel.unpackedBytes)
  say(
    `the CUDA build of TensorFlow: ${missing.length} wheels to fetch, ${gigabytes(sum(missing, wheel => wheel.bytes))} GB; ` +
      `at most ${gigabytes(needed)} GB in ${cudaDirectory()}`,
  )
  await checkSpace(cudaDirectory(), needed)
  for (const wheel of missing) await installLibrary(wheel, fetch, signal)
}

const sum = (wheels: readonly Wheel[], size: (wheel: Wheel) => number) =>
  wheels.reduce((total, wheel) => total + size(wheel), 0)

const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1)
