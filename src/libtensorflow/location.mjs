// Where native TensorFlow is installed, and whether this machine can run it; used by the set-up and by the program.
// Plain JavaScript without dependencies, because the set-up runs before anything is installed or compiled.

import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/**
 * A Python wheel, and the files used from it: one build of libtensorflow, or (with `root`) libraries that the CUDA build needs.
 * @typedef {object} Wheel
 * @property {string} platform `process.platform`-`process.arch`
 * @property {'cpu' | 'cuda'} flavour
 * @property {string} package name on the Python package index
 * @property {string} version
 * @property {string} pipPlatform platform tag of the wheel
 * @property {string} uvPlatform uv's name of the same platform
 * @property {string} sha256 of the wheel, in hexadecimal
 * @property {number} bytes size of the wheel
 * @property {number} unpackedBytes size of the unpacked wheel
 * @property {readonly string[]} libraries paths in the library's folder, in the order in which they have to be loaded
 * @property {boolean} tried whether elbo has run with this wheel
 * @property {string} [place] folder in the cache, if not named after version, flavour and platform
 * @property {string} [root] folder of the wheel whose libraries and programs are used, if those are not TensorFlow's own
 */

/**
 * Why something is not available, and how to fix that.
 * @typedef {{ reason: string, fix: string }} Reason
 */

/**
 * The properties of a machine that decide whether it can run the library.
 * @typedef {object} Host
 * @property {string} platform `process.platform`-`process.arch`
 * @property {string | undefined} glibc version; undefined with another C library
 * @property {readonly string[]} cpuFlags as Linux names them; empty if unknown
 */

/** TensorFlow's version, the same for every row. */
export const tensorflowVersion = '2.21.0'

/** Oldest glibc that the Linux wheels run on, as their platform tags say: 2.27. */
const oldestGlibc = 27

const linuxLibraries = ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2']
const macLibraries = ['libtensorflow_framework.2.dylib', 'libtensorflow_cc.2.dylib']

/**
 * Every platform with a libtensorflow. Absent: Intel Macs (the last wheel is 2.16) and Windows (its wheel has no C API as a library).
 * @type {readonly Wheel[]}
 */
export const platforms = [
  {
    platform: 'linux-x64',
    flavour: 'cpu',
    package: 'tensorflow-cpu',
    version: tensorflowVersion,
    pipPlatform: 'manylinux_2_27_x86_64',
    uvPlatform: 'x86_64-manylinux_2_28',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    bytes: 273_829_956,
    unpackedBytes: 1_272_020_530,
    libraries: linuxLibraries,
    tried: true,
  },
  {
    platform: 'linux-arm64',
    flavour: 'cpu',
    package: 'tensorflow',
    version: tensorflowVersion,
    pipPlatform: 'manylinux_2_27_aarch64',
    uvPlatform: 'aarch64-manylinux_2_28',
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    bytes: 281_828_020,
    unpackedBytes: 1_325_458_473,
    libraries: linuxLibraries,
    tried: false,
  },
  {
    platform: 'darwin-arm64',
    flavour: 'cpu',
    package: 'tensorflow',
    version: tensorflowVersion,
    pipPlatform: 'macosx_12_0_arm64',
    uvPlatform: 'aarch64-apple-darwin',
    sha256: '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    bytes: 223_405_849,
    unpackedBytes: 1_132_843_372,
    libraries: macLibraries,
    tried: false,
  },
]

const thisPlatform = () => `${process.platform}-${process.arch}`

/**
 * The wheel for a platform; undefined if there is none.
 * @returns {Wheel | undefined}
 */
export function wheelFor(platform = thisPlatform()) {
  return platforms.find(row => row.platform === platform)
}

/** The user's cache of elbo, shared by all clones: `ELBO_CACHE`, else the platform's usual place. */
export function cacheDirectory() {
  if (process.env.ELBO_CACHE) return resolve(process.env.ELBO_CACHE)
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'elbo')
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'elbo')
}

/** The folder of one build inside the cache. @param {Wheel} wheel */
export function cachedLibrary(wheel) {
  const key = `${wheel.version}-${wheel.flavour}-${wheel.platform}`
  return join(cacheDirectory(), 'libtensorflow', wheel.place ?? key)
}

/**
 * The directory of this platform's library, installed or not: `LIBTENSORFLOW_DIR` as it is, else a folder in the cache; undefined without
 * either.
 * @returns {string | undefined}
 */
export function libraryDirectory() {
  if (process.env.LIBTENSORFLOW_DIR) return resolve(process.env.LIBTENSORFLOW_DIR)
  const wheel = wheelFor()
  return wheel && cachedLibrary(wheel)
}

/**
 * The library's directory if it is completely installed. `LIBTENSORFLOW_DIR` is not checked.
 * @returns {string | undefined}
 */
export function installedLibrary() {
  if (process.env.LIBTENSORFLOW_DIR) return libraryDirectory()
  const wheel = wheelFor()
  return wheel && isWhole(wheel, cachedLibrary(wheel)) ? cachedLibrary(wheel) : undefined
}

/**
 * Whether a directory holds every file that the set-up unpacked from this wheel, by the sizes in its `complete.json`.
 * @param {Wheel} wheel
 * @param {string} directory
 */
export function isWhole(wheel, directory) {
  const { sha256, files } = readJson(join(directory, 'complete.json')) ?? {}
  if (sha256 !== wheel.sha256 || !files || !wheel.libraries.every(name => Object.hasOwn(files, name))) return false
  return Object.entries(files).every(([name, bytes]) => sizeOf(join(directory, name)) === bytes)
}

/** The file in which the set-up records why it could not install the library. @param {Wheel} wheel */
export function failureFile(wheel) {
  return `${cachedLibrary(wheel)}.failure.json`
}

/**
 * Why the last set-up could not install the library; undefined if it could, or if it could not write to the cache.
 * @returns {Reason | undefined}
 */
export function lastFailure(wheel = wheelFor()) {
  const { reason, fix } = (wheel && readJson(failureFile(wheel))) ?? {}
  return typeof reason === 'string' && typeof fix === 'string' ? { reason, fix } : undefined
}

/**
 * Why this machine cannot run any libtensorflow that elbo knows; undefined if it can.
 * @param {Host} host
 * @returns {Reason | undefined}
 */
export function unsupportedReason(host = thisHost()) {
  if (!wheelFor(host.platform)) return noWheel(host.platform)
  if (host.platform.startsWith('linux-')) return unsupportedLibc(host.glibc) ?? unsupportedCpu(host)
  return undefined
}

/** @param {string} platform @returns {Reason} */
function noWheel(platform) {
  /** @type {Record<string, string>} */
  const fixes = {
    'win32-x64': 'on Windows use WSL',
    'darwin-x64': 'on Apple silicon use an arm64 build of Node',
  }
  const known = platforms.map(row => row.platform).join(', ')
  return {
    reason: `no TensorFlow ${tensorflowVersion} library for ${platform}`,
    fix: fixes[platform] ?? `use one of ${known}, or build libtensorflow and set LIBTENSORFLOW_DIR`,
  }
}

/** @param {string | undefined} glibc @returns {Reason | undefined} */
function unsupportedLibc(glibc) {
  const oldest = `2.${oldestGlibc}`
  const fix = `use a system with glibc ${oldest} or newer, such as Debian or Ubuntu (as a container: node:22-bookworm-slim)`
  if (glibc === undefined)
    return { reason: 'TensorFlow needs glibc, and this system has another C library (musl)', fix }
  const [major = 0, minor = 0] = glibc.split('.').map(Number)
  const isOld = major < 2 || (major === 2 && minor < oldestGlibc)
  return isOld ? { reason: `TensorFlow needs glibc ${oldest}, and this system has ${glibc}`, fix } : undefined
}

/** @param {Host} host @returns {Reason | undefined} */
function unsupportedCpu({ platform, cpuFlags }) {
  if (platform !== 'linux-x64' || cpuFlags.length === 0 || cpuFlags.includes('avx')) return undefined
  return {
    reason: 'TensorFlow needs a CPU with AVX, and this one lacks it',
    fix: "use another machine or, in a virtual machine, pass the host's CPU through",
  }
}

/** @returns {Host} */
function thisHost() {
  const cpuInfo = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : ''
  return {
    platform: thisPlatform(),
    glibc: process.platform === 'linux' ? glibcVersion() : undefined,
    cpuFlags: /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1]?.trim().split(/\s+/) ?? [],
  }
}

/** @returns {string | undefined} */
function glibcVersion() {
  // Without this, the report resolves the host names of all open connections.
  Object.assign(process.report, { excludeNetwork: true })
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport())
  return report.header.glibcVersionRuntime
}

/** @param {string} path */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** Undefined if nothing can be read there. @param {string} path */
function sizeOf(path) {
  try {
    return statSync(path).size
  } catch {
    return undefined
  }
}
