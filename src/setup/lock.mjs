// A lock that allows one set-up at a time and is freed when its owner dies.
// The lock is a directory with one file, named after its owner. A directory can be renamed onto it only while it is absent or empty, so two
// claims cannot both succeed. A dead owner's lock is freed by deleting that owner's file, whose name no other owner has.

import { randomUUID } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { say } from './progress.mjs'
import { errorCode } from './refusal.mjs'

const pollMs = 300
const heartbeatMs = 5_000

/** An owner on another machine (a shared home, a container) shows only by its heartbeat that it is alive. */
const silentElsewhereMs = 60_000

/** Longer than any set-up pauses: after this time, the owner's process id must have been reused by another process. */
const silentHereMs = 600_000

/**
 * The owner of a lock: the process ids of the set-up and of a program that it started, and their machine.
 * @typedef {{ pids: number[], host: string }} Owner
 */

/**
 * Does some work while holding a lock. Waits for the current owner, with a message.
 * @template T
 * @param {string} path of the lock; its folder is created
 * @param {(guard: (pid: number) => void) => Promise<T>} work may name a process that must also end before the lock is free
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  const file = await acquire(path)
  const heartbeat = setInterval(() => touch(file), heartbeatMs)
  try {
    return await work(pid => addOwner(path, file, pid))
  } finally {
    clearInterval(heartbeat)
    await rm(file, { force: true })
    await removeIfEmpty(path)
  }
}

/** Waits for the lock and takes it. Returns the file that holds it. @param {string} path */
async function acquire(path) {
  await mkdir(dirname(path), { recursive: true })
  const name = randomUUID()
  for (let said = false; !(await claim(path, name)); await sleep(pollMs)) {
    const holder = await freeIfDead(path)
    if (holder && !said)
      say(`waiting for another set-up (pid ${holder.pids.find(isRunning) ?? holder.pids[0]}, lock ${path})`)
    said ||= holder !== undefined
  }
  return join(path, name)
}

/** @param {string} path @param {string} name */
async function claim(path, name) {
  const candidate = `${path}.${name}`
  await mkdir(candidate)
  try {
    await writeFile(join(candidate, name), ownerText([process.pid]))
    await rename(candidate, path)
    return true
  } catch (error) {
    await rm(candidate, { recursive: true, force: true })
    if (['ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) return false
    throw error
  }
}

/** Returns the living owner, or frees the lock of a dead one. @param {string} path @returns {Promise<Owner | undefined>} */
async function freeIfDead(path) {
  try {
    const [name] = await readdir(path)
    if (name === undefined) return undefined
    const file = join(path, name)
    const { mtimeMs } = await stat(file)
    const owner = parseOwner(await readFile(file, 'utf8'))
    if (!isDead(owner, Date.now() - mtimeMs)) return owner
    await rm(file, { force: true })
  } catch (error) {
    // The owner released the lock between two of these calls.
    if (errorCode(error) !== 'ENOENT') throw error
  }
  return undefined
}

/** @param {Owner} owner @param {number} silentMs */
function isDead({ pids, host }, silentMs) {
  if (host !== hostname()) return silentMs > silentElsewhereMs
  return silentMs > silentHereMs || !pids.some(isRunning)
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

/** @param {number[]} pids */
function ownerText(pids) {
  return JSON.stringify({ pids, host: hostname() })
}

/** Replaces the file atomically, so that it is never read half-written, even after a kill in here. @param {string} path @param {string} file @param {number} pid */
function addOwner(path, file, pid) {
  const next = `${path}.${pid}`
  writeFileSync(next, ownerText([process.pid, pid]))
  renameSync(next, file)
}

/** @param {string} text @returns {Owner} */
function parseOwner(text) {
  try {
    return JSON.parse(text)
  } catch {
    // The file was emptied by a power failure, so its owner is dead too.
    return { pids: [], host: hostname() }
  }
}

/** @param {string} file */
async function touch(file) {
  const now = new Date()
  // Fails only if another set-up has considered this one dead; nothing can be done then.
  await utimes(file, now, now).catch(() => undefined)
}

/** @param {string} path */
async function removeIfEmpty(path) {
  // A waiting set-up may have taken it already.
  await rmdir(path).catch(() => undefined)
}
