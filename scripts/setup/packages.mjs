// Installs the npm packages if node_modules does not match package-lock.json.

import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { withLock } from '../../src/setup/lock.mjs'
import { during } from '../../src/setup/progress.mjs'
import { errorText, Refusal } from '../../src/setup/refusal.mjs'
import { run } from './run.mjs'

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} Package */

/** npm writes this list last and deletes it first, so it lists what is really installed. */
const installedList = 'node_modules/.package-lock.json'

/** The lock for everything that writes into a clone. It is in dist, which git ignores and `npm ci` does not touch. */
export const cloneLock = 'dist/.setup.lock'

/**
 * Installs the packages if they are missing or differ from the locked ones. Returns whether it did.
 * @param {string} root of the clone
 * @throws {Refusal} if npm fails
 */
export async function ensurePackages(root) {
  if (arePackagesInstalled(root)) return false
  return withLock(join(root, cloneLock), async guard => {
    if (arePackagesInstalled(root)) return false
    await install(root, guard)
    return true
  })
}

/** Whether every locked package that this machine needs is installed, in the locked version. @param {string} root */
export function arePackagesInstalled(root) {
  const installed = readPackages(join(root, installedList))
  return neededPackages(root).every(([path, { version, integrity }]) => {
    return installed[path]?.version === version && installed[path]?.integrity === integrity
  })
}

/** @param {string} root @returns {[string, Package][]} */
function neededPackages(root) {
  const locked = readPackages(join(root, 'package-lock.json'))
  return Object.entries(locked).filter(([path, entry]) => path !== '' && isNeeded(entry))
}

/** An optional package is needed if it is for this platform only; if it is for one libc only, npm decides. @param {Package} entry */
function isNeeded({ optional, os, cpu, libc }) {
  return !optional || (!libc && os?.includes(process.platform) && cpu?.includes(process.arch))
}

/** @param {string} path @returns {Record<string, Package>} */
function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch (error) {
    // If the list is missing, or truncated by a full disk, nothing is installed.
    if (path.endsWith(installedList)) return {}
    throw new Refusal(
      `${path} cannot be read (${errorText(error)})`,
      'restore it, for example with `git checkout package-lock.json`',
    )
  }
}

/** @param {string} root @param {(pid: number) => void} guard */
async function install(root, guard) {
  await rm(join(root, installedList), { force: true })
  const needed = neededPackages(root)
  const progress = async () => {
    const unpacked = needed.filter(([path]) => existsSync(join(root, path, 'package.json')))
    return { done: unpacked.length, total: needed.length, unit: 'packages' }
  }
  const { status, output } = await during('installing npm packages (npm ci)', progress, () => {
    return run([...npmCommand(), ...npmArguments], { cwd: root, onStart: guard })
  })
  if (status !== 0) throw npmRefusal(output)
}

/** Includes development packages whatever NODE_ENV is, because the compiler is one. Retries for at most a few seconds. */
const npmArguments = [
  ...['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error', '--color=false'],
  ...['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'],
]

/** The npm that runs this script, if there is one; yarn and pnpm set the same variable. */
function npmCommand() {
  const path = process.env.npm_execpath
  return path && basename(path) === 'npm-cli.js' ? [process.execPath, path] : ['npm']
}

/** @param {string} output */
function npmRefusal(output) {
  const errors = [...output.matchAll(/^npm (?:error|ERR!) (.*)$/gm)].map(([, text = '']) => text)
  const code = errors.find(text => text.startsWith('code '))?.slice('code '.length)
  const text = errors.find(line => !/^(code|errno|syscall|network|path) /.test(line)) ?? output.split('\n').at(-1)
  const reason = /reason: (.*)/.exec(output)?.[1] ?? text
  const said = [code, reason].filter(Boolean).join(': ')
  return new Refusal(
    `the npm packages cannot be installed (${said})`,
    `${npmFix(code ?? '')}, then run \`npm run setup\``,
  )
}

/** @param {string} code */
function npmFix(code) {
  if (/^(ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET|FETCH_ERROR|EIDLETIMEOUT)/.test(code)) {
    return "check the network, the proxy and npm's registry setting"
  }
  return 'run `npm ci --ignore-scripts` to see the whole error, fix it'
}
