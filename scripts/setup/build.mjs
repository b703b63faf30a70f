// Compiles src into dist if the sources differ from those of the last build.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { chmod, readdir, rm, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { withLock } from '../../src/setup/lock.mjs'
import { during } from '../../src/setup/progress.mjs'
import { errorCode, Refusal } from '../../src/setup/refusal.mjs'
import { bundleVendor } from '../../vendor/bundle.mjs'
import { bundleWeb } from '../../vendor/bundle-web.mjs'
import { writeDeclarations } from './declare.mjs'
import { cloneLock } from './packages.mjs'
import { run } from './run.mjs'

const compiler = 'node_modules/typescript/bin/tsc'
const stampFile = 'dist/.elbo-build'

/** tsc's record of an earlier build; with it, tsc would not rebuild output files that were deleted since. */
const compilerMemory = 'dist/.tsbuildinfo'

/**
 * Compiles the program if its sources, settings or packages have changed. Returns whether it did.
 * @param {string} root of the clone
 * @throws {Refusal} if it does not compile, after printing the compiler's errors
 */
export async function ensureBuild(root) {
  if (isUpToDate(root)) return false
  return withLock(join(root, cloneLock), async guard => {
    if (isUpToDate(root)) return false
    await build(root, guard)
    return true
  })
}

/** @param {string} root */
function isUpToDate(root) {
  try {
    return readFileSync(join(root, stampFile), 'utf8') === fingerprint(root)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
}

/** A digest of all files that determine the build. @param {string} root */
function fingerprint(root) {
  const hash = createHash('sha256')
  for (const path of ['tsconfig.json', 'package.json', 'package-lock.json', ...sources(root)]) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0')
  }
  return hash.digest('hex')
}

/** @param {string} root */
function sources(root) {
  return ['src', 'vendor']
    .flatMap(folder => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(entry => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

/** @param {string} root @param {(pid: number) => void} guard */
async function build(root, guard) {
  // Computed before the build, so that changes made while the compiler runs are built next time.
  const stamp = fingerprint(root)
  await rm(join(root, stampFile), { force: true })
  await rm(join(root, compilerMemory), { force: true })
  const vendored = [...(await bundleVendor()), ...(await bundleWeb())]
  const emitted = await compile(root, guard)
  for (const path of [...vendored, await writeDeclarations(root)]) emitted.add(path)
  await removeOthers(root, emitted)
  if (emitted.has(join(root, 'dist/cli.js'))) await chmod(join(root, 'dist/cli.js'), 0o755)
  await writeFile(join(root, stampFile), stamp)
}

/** Returns the paths of the files that were written. @param {string} root @param {(pid: number) => void} guard @returns {Promise<Set<string>>} */
async function compile(root, guard) {
  const command = [process.execPath, join(root, compiler), '-p', root, '--listEmittedFiles']
  let done = 0
  const onLine = () => done++
  const { status, output } = await during(
    'compiling',
    async () => ({ done, total: undefined, unit: 'files' }),
    () => {
      return run(command, { cwd: root, onLine, onStart: guard })
    },
  )
  const emitted = [...output.matchAll(/^TSFILE: (.*)$/gm)].map(([, path = '']) => resolve(root, path.trim()))
  if (status === 0) return new Set(emitted)
  process.stderr.write(`${output.replace(/^TSFILE: .*\n?/gm, '')}\n`)
  throw new Refusal('the program does not compile', "fix the compiler's errors above")
}

/** Removes outputs of deleted sources. Names that start with a dot are not the compiler's. @param {string} root @param {Set<string>} emitted */
async function removeOthers(root, emitted) {
  for (const entry of await readdir(join(root, 'dist'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const isHidden = relative(root, path).includes('/.')
    if (entry.isFile() && !isHidden && !emitted.has(path)) await rm(path)
  }
}
