// Intercepts the calls of node:fs that change files beneath a folder: the synchronous ones, those with a callback, promises, and the methods
// of a FileHandle. Linux only: the path of an open file is read from /proc. What native code writes (TensorBoard's files) is not seen.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { resolve } from 'node:path'

/** Which argument is the path that a call changes. */
const pathArguments = {
  open: 0,
  mkdir: 0,
  mkdtemp: 0,
  rmdir: 0,
  unlink: 0,
  truncate: 0,
  chmod: 0,
  utimes: 0,
  writeFile: 0,
  appendFile: 0,
  rename: 1,
  link: 1,
  symlink: 1,
  copyFile: 1,
}
const descriptorCalls = ['write', 'writev', 'ftruncate', 'fsync', 'fdatasync', 'fchmod', 'futimes']
const handleCalls = ['write', 'writev', 'writeFile', 'appendFile', 'truncate', 'sync', 'datasync', 'chmod', 'utimes']

const { O_ACCMODE = 3, O_CREAT, O_TRUNC, O_RDONLY } = fs.constants
const { readlinkSync, lstatSync, readdirSync } = fs

/**
 * From now on calls `before({ name, path })` before each such call; what it throws, the call throws. With `cutWrites` every synchronous write
 * is done in two halves, as on a disk that is almost full, so that there is a moment between them.
 */
export async function interceptCalls(folder, before, { cutWrites = false } = {}) {
  const root = resolve(folder)
  const notice = (name, path) => {
    if (path === root || path?.startsWith(`${root}/`)) before({ name, path })
  }
  for (const [name, at] of Object.entries(pathArguments)) {
    const look = args => (name === 'open' && !changes(args[1]) ? undefined : notice(name, pathOf(args[at])))
    wrapAll(name, look)
  }
  for (const name of descriptorCalls) wrapAll(name, ([file]) => notice(name, pathOfDescriptor(file)))
  if (cutWrites) fs.writeSync = inHalves(fs.writeSync, root)
  fs.rmSync = removeOneByOne
  await wrapHandles(notice)
  syncBuiltinESMExports()
}

/** Whether opening with these flags can make or empty a file, or lets it be changed. */
function changes(flags = 'r') {
  if (typeof flags === 'string') return flags !== 'r' && flags !== 'rs'
  return (flags & O_ACCMODE) !== O_RDONLY || (flags & (O_CREAT | O_TRUNC)) !== 0
}

const pathOf = path =>
  typeof path === 'number' ? pathOfDescriptor(path) : resolve(path instanceof URL ? path.pathname : String(path))

function pathOfDescriptor(file) {
  try {
    return readlinkSync(`/proc/self/fd/${file}`)
  } catch {
    return undefined
  }
}

function wrapAll(name, look) {
  const [sync, callback, promise] = [fs[`${name}Sync`], fs[name], fs.promises[name]]
  if (sync)
    fs[`${name}Sync`] = (...args) => {
      look(args)
      return sync(...args)
    }
  if (callback)
    fs[name] = (...args) => {
      try {
        look(args)
      } catch (error) {
        return process.nextTick(args.at(-1), error)
      }
      return callback(...args)
    }
  if (promise)
    fs.promises[name] = async (...args) => {
      look(args)
      return promise(...args)
    }
}

async function wrapHandles(notice) {
  const handle = await fs.promises.open(process.execPath)
  const prototype = Object.getPrototypeOf(handle)
  await handle.close()
  for (const name of handleCalls) {
    const original = prototype[name]
    prototype[name] = async function (...args) {
      notice(name, pathOfDescriptor(this.fd))
      return original.apply(this, args)
    }
  }
}

/** `writeSync` that writes the first half of the bytes only, unless it continues such a write. */
function inHalves(write, root) {
  let continued
  return (file, data, at, length, ...rest) => {
    const isCut = typeof length === 'number' && length > 1 && file !== continued
    continued = undefined
    if (!isCut || !pathOfDescriptor(file)?.startsWith(`${root}/`)) return write(file, data, at, length, ...rest)
    continued = file
    return write(file, data, at, length >> 1, ...rest)
  }
}

/** `rmSync` by single calls: Node's own removes a whole tree in native code. */
function removeOneByOne(path, { recursive = false, force = false } = {}) {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found && force) return
  if (!found?.isDirectory() || !recursive) return fs.unlinkSync(path)
  for (const name of readdirSync(path)) removeOneByOne(`${path}/${name}`, { recursive, force })
  fs.rmdirSync(path)
}
