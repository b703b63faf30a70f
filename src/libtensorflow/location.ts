// Where native TensorFlow is installed: a cache of the user's, which nobody else may change, because its libraries are loaded.
import { type Stats, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { isWhole, readJson } from './integrity.js'
import { type Reason, type Wheel, wheelFor } from './wheels.js'

/**
 * The user's cache of elbo: `ELBO_CACHE`, else the platform's usual place.
 * @throws {Error} if there is none, which `cacheProblem` explains
 */
export function cacheDirectory(): string {
  if (process.env.ELBO_CACHE) return resolve(process.env.ELBO_CACHE)
  const folder = usualCache()
  if (!isAbsolute(folder)) throw new Error(`${noHome.reason}; ${noHome.fix}`)
  return folder
}

const noHome: Reason = {
  reason: 'HOME is empty, so the user has no cache folder',
  fix: 'set HOME to the home directory, or ELBO_CACHE to a folder of your own',
}

function usualCache(): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'elbo')
  // The XDG standard says that a relative path is to be ignored.
  const { XDG_CACHE_HOME = '' } = process.env
  return join(isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache'), 'elbo')
}

/** The folder of one build inside the cache. */
export function cachedLibrary(wheel: Wheel): string {
  const key = `${wheel.version}-${wheel.flavour}-${wheel.platform}`
  return join(cacheDirectory(), 'libtensorflow', wheel.place ?? key)
}

/** Why nothing may be loaded from the cache, or written to it: no home, or others could change it. Undefined if all is well. */
export function cacheProblem(wheel = wheelFor()): Reason | undefined {
  if (!process.env.ELBO_CACHE && !isAbsolute(usualCache())) return noHome
  const cache = cacheDirectory()
  const folder = wheel && cachedLibrary(wheel)
  const libraries = wheel && folder ? [folder, ...wheel.libraries.map(name => join(folder, name))] : []
  for (const path of [cache, join(cache, 'libtensorflow'), ...libraries]) {
    const problem = problemOf(path)
    if (problem) return problem
  }
  return undefined
}

function problemOf(path: string): Reason | undefined {
  const user = process.getuid?.()
  const found = statOf(path)
  if (user === undefined || !found) return undefined
  if (found.uid !== user && found.uid !== 0)
    return {
      reason: `${path} belongs to another user (${found.uid}), who could change the library that would be loaded`,
      fix: 'set ELBO_CACHE to a folder of your own',
    }
  if ((found.mode & 0o002) === 0) return undefined
  return {
    reason: `every user may write to ${path}, and so change the library that would be loaded`,
    fix: `run \`chmod o-w ${path}\` if you trust its content, or set ELBO_CACHE to a folder of your own`,
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

/**
 * The directory of this platform's library, installed or not: `LIBTENSORFLOW_DIR` as it is, else a folder in the cache; undefined without
 * either.
 */
export function libraryDirectory(): string | undefined {
  if (process.env.LIBTENSORFLOW_DIR) return resolve(process.env.LIBTENSORFLOW_DIR)
  const wheel = wheelFor()
  return wheel && cachedLibrary(wheel)
}

/** The library's directory if it is completely installed. `LIBTENSORFLOW_DIR` is not checked. */
export function installedLibrary(): string | undefined {
  if (process.env.LIBTENSORFLOW_DIR) return libraryDirectory()
  const wheel = wheelFor()
  if (!wheel || cacheProblem(wheel)) return undefined
  return isWhole(wheel, cachedLibrary(wheel)) ? cachedLibrary(wheel) : undefined
}

/** The file in which the set-up records why it could not install the library. */
export function failureFile(wheel: Wheel): string {
  return `${cachedLibrary(wheel)}.failure.json`
}

/** Why the last set-up could not install the library; undefined if it could, or if it could not write to the cache. */
export function lastFailure(wheel = wheelFor()): Reason | undefined {
  const { reason, fix } = (wheel && readJson(failureFile(wheel))) ?? {}
  return typeof reason === 'string' && typeof fix === 'string' ? { reason, fix } : undefined
}
