// Installs native TensorFlow where a command is about to compute with it, and says why that fails.
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { damageOf } from '../libtensorflow/integrity.js'
import {
  cacheDirectory,
  cachedLibrary,
  cacheProblem,
  failureFile,
  installedLibrary,
} from '../libtensorflow/location.js'
import { unsupportedReason } from '../libtensorflow/machine.js'
import { type Reason, type Wheel, wheelFor } from '../libtensorflow/wheels.js'
import { asRefusal, type FetchWheel, fetchWheel, installLibrary, isOffline, remember } from './library.js'
import { say } from './progress.mjs'

/** Installs the library for this machine if it is missing. Returns why it cannot; undefined if it is there now. */
export async function ensureLibrary(fetch: FetchWheel = fetchWheel, signal?: AbortSignal): Promise<Reason | undefined> {
  const problem = unsupportedReason() ?? (process.env.LIBTENSORFLOW_DIR ? undefined : cacheProblem())
  if (problem) return problem
  const wheel = wheelFor()
  if (!wheel || installedLibrary()) return undefined
  try {
    if (existsSync(join(cachedLibrary(wheel), 'complete.json')))
      say(`${cachedLibrary(wheel)} is damaged (${damageOf(wheel, cachedLibrary(wheel))}); it is not used`)
    if (fetch === fetchWheel && !isOffline()) announce(wheel)
    await installLibrary(wheel, fetch, signal)
    await rm(failureFile(wheel), { force: true })
    return undefined
  } catch (error) {
    const refusal = asRefusal(error)
    // That the user wants nothing to be fetched is no failure to remember.
    if (!isOffline()) await remember(wheel, refusal)
    return refusal
  }
}

function announce(wheel: Wheel): void {
  const tried = wheel.tried ? '' : `; elbo has not been tested with it on ${wheel.platform} yet`
  say(
    `native TensorFlow ${wheel.version} is fetched once for all projects of this user: ${Math.round(wheel.bytes / 1e6)} MB, ` +
      `unpacked into ${cacheDirectory()}${tried} (ELBO_OFFLINE=1 does without it)`,
  )
}
