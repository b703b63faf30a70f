// Installs native TensorFlow in the user's cache. A problem is reported in one line and recorded, but does not make the set-up fail: the
// program then trains on another backend.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import {
  cacheDirectory,
  cachedLibrary,
  failureFile,
  installedLibrary,
  isWhole,
  unsupportedReason,
  wheelFor,
} from '../../src/libtensorflow/location.mjs'
import { withLock } from './lock.mjs'
import { during, say } from './progress.mjs'
import { errorCode, errorText, Refusal } from './refusal.mjs'
import { namesIn, unzip } from './unzip.mjs'
import { fetchWheel } from './wheel.mjs'
import { wrongChecksum } from './wheel-failures.mjs'

/** @typedef {import('../../src/libtensorflow/location.mjs').Wheel} Wheel */
/** @typedef {import('./wheel.mjs').Fetched} Fetched */

/** The licences of TensorFlow and of the code linked into it, which are kept with the library. */
const licences = ['tensorflow/include/LICENSE', 'tensorflow/THIRD_PARTY_NOTICES.txt']

/** Installs the library for this machine if it is missing. Returns whether it did. */
export async function ensureLibrary() {
  if (installedLibrary()) return false
  const wheel = wheelFor()
  const unsupported = unsupportedReason()
  if (unsupported) refuse(unsupported)
  return wheel && !unsupported ? tryToInstall(wheel) : false
}

/** @param {Wheel} wheel */
async function tryToInstall(wheel) {
  try {
    if (!wheel.tried) say(`elbo has not been tested with TensorFlow on ${wheel.platform} yet`)
    await installLibrary(wheel)
    await rm(failureFile(wheel), { force: true })
    return true
  } catch (error) {
    const refusal = asRefusal(error)
    await remember(wheel, refusal)
    refuse(refusal)
    return false
  }
}

/** @param {import('../../src/libtensorflow/location.mjs').Reason} reason */
function refuse({ reason, fix }) {
  say(`native TensorFlow cannot be installed, so slower backends will be used: ${reason}; ${fix}`)
}

/** Records the reason where the program looks for it. @param {Wheel} wheel @param {Refusal} refusal */
export async function remember(wheel, { reason, fix }) {
  // Writing to the cache may be the very thing that fails.
  await writeFile(failureFile(wheel), JSON.stringify({ reason, fix })).catch(() => undefined)
}

/** Describes an error of the operating system; any other error is a defect and is rethrown. @param {unknown} error */
export function asRefusal(error) {
  if (error instanceof Refusal) return error
  const elsewhere = 'set ELBO_CACHE to another directory, then run `npm run setup`'
  const code = errorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Refusal(`the disk of ${cacheDirectory()} is full`, elsewhere)
  if (/^E[A-Z]+$/.test(code)) return new Refusal(`the cache cannot be written (${errorText(error)})`, elsewhere)
  throw error
}

/**
 * Fetches a wheel and unpacks the library into the cache, completely or not at all, even if the process is killed.
 * @param {Wheel} wheel
 * @param {typeof fetchWheel} fetch
 * @throws {Refusal} if it cannot be fetched, its checksum is wrong, or it does not fit on the disk
 */
export async function installLibrary(wheel, fetch = fetchWheel) {
  const place = cachedLibrary(wheel)
  await withLock(`${place}.lock`, async () => {
    if (isWhole(wheel, place)) return
    await removeLeftovers(place)
    await checkSpace(dirname(place), wheel.unpackedBytes)
    await fill(wheel, place, fetch)
  })
}

/** @param {Wheel} wheel @param {string} place @param {typeof fetchWheel} fetch */
async function fill(wheel, place, fetch) {
  const staging = `${place}.partial-${process.pid}`
  try {
    await mkdir(join(staging, 'library'), { recursive: true })
    await unpack(wheel, await fetch(wheel, join(staging, 'fetch')), join(staging, 'library'))
    await seal(wheel, join(staging, 'library'))
    await rm(place, { recursive: true, force: true })
    await rename(join(staging, 'library'), place)
    await flush(dirname(place))
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Removes the files of killed set-ups; no other set-up runs, because this one holds the lock. @param {string} place */
async function removeLeftovers(place) {
  for (const name of await readdir(dirname(place))) {
    if (name.startsWith(`${basename(place)}.partial-`))
      await rm(join(dirname(place), name), { recursive: true, force: true, maxRetries: 5 })
  }
}

/**
 * Throws a Refusal if the disk has too little free space.
 * @param {string} directory on that disk
 * @param {number} bytes needed
 * @param {(directory: string) => Promise<{ bavail: number, bsize: number }>} measure
 */
export async function checkSpace(directory, bytes, measure = statfs) {
  const { bavail, bsize } = await measure(directory)
  if (bavail * bsize >= bytes) return
  const [needed, free] = [bytes, bavail * bsize].map(size => (size / 1e9).toFixed(1))
  throw new Refusal(
    `installing it takes ${needed} GB on the disk of ${directory}, and ${free} GB are free`,
    'free some space or set ELBO_CACHE to a directory on another disk, then run `npm run setup`',
  )
}

/** @param {Wheel} wheel @param {Fetched} fetched @param {string} target */
async function unpack(wheel, fetched, target) {
  if ('archive' in fetched) return unpackArchive(wheel, fetched.archive, target)
  const destinations = await prepareDestinations(wheel, await filesUnder(fetched.folder), target)
  for (const [member, destination] of destinations) await rename(join(fetched.folder, member), destination)
}

/** @param {Wheel} wheel @param {string} archive @param {string} target */
async function unpackArchive(wheel, archive, target) {
  if ((await sha256(archive)) !== wheel.sha256) throw wrongChecksum(wheel)
  const destinations = await prepareDestinations(wheel, await namesIn(archive), target)
  const unpacked = async () => ({ done: await megabytesOf(destinations.values()), total: undefined, unit: 'MB' })
  const what = wheel.root ? `${wheel.package} ${wheel.version}` : `TensorFlow ${wheel.version}`
  await during(`unpacking ${what}`, unpacked, () => unzip(archive, destinations))
}

/** Maps the files of the wheel to their destinations, and creates the folders. @param {Wheel} wheel @param {readonly string[]} names @param {string} target */
async function prepareDestinations(wheel, names, target) {
  const destinations = new Map(membersOf(wheel, names).map(([member, path]) => [member, join(target, path)]))
  for (const folder of new Set([...destinations.values()].map(dirname))) await mkdir(folder, { recursive: true })
  return destinations
}

/** Of NVIDIA's wheels: libraries, programs and libdevice, but no headers and no second builds of a library. */
const neededByCuda = /^(lib\/[^/.]+\.so[.\d]*|bin\/.+|nvvm\/libdevice\/.+)$/

/** The files to unpack, with their paths below the library's folder. @param {Wheel} wheel @param {readonly string[]} names @returns {[string, string][]} */
function membersOf({ root, libraries }, names) {
  if (!root) return [...libraries.map(name => `tensorflow/${name}`), ...licences].map(name => [name, basename(name)])
  const inside = names.filter(name => name.startsWith(root) && neededByCuda.test(name.slice(root.length)))
  const licence = names.filter(name => /\.dist-info\/(.*\/)?License\.txt$/.test(name))
  return [
    ...inside.map(name => /** @type {[string, string]} */ ([name, name.slice(root.length)])),
    ...licence.map(name => /** @type {[string, string]} */ ([name, basename(name)])),
  ]
}

/** @param {string} path */
async function sha256(path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/** @param {Iterable<string>} paths */
async function megabytesOf(paths) {
  const sizes = await Promise.all(
    [...paths].map(path =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1e6)
}

/** Writes complete.json, which marks a directory as complete, after all files are flushed to disk. @param {Wheel} wheel @param {string} directory */
async function seal(wheel, directory) {
  /** @type {Record<string, number>} */
  const files = {}
  for (const name of await filesUnder(directory)) {
    if (name.startsWith('bin/')) await chmod(join(directory, name), 0o755)
    await flush(join(directory, name))
    files[name] = (await stat(join(directory, name))).size
  }
  const list = join(directory, 'complete.json')
  await writeFile(list, `${JSON.stringify({ sha256: wheel.sha256, files }, null, 2)}\n`, { flush: true })
  await flush(directory)
}

/** The paths of all files below a folder. @param {string} folder */
async function filesUnder(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => relative(folder, join(entry.parentPath, entry.name)))
}

/** @param {string} path */
async function flush(path) {
  const file = await open(path)
  await file.sync()
  await file.close()
}
