/** Writes files completely or not at all, even if the process is killed; one-line errors for failed writes. */
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { kindOfFile } from './kind-of-file.js'

const { O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_WRONLY, W_OK } = constants

/**
 * Replaces `path` by `data` atomically; on failure the old file stays and the temporary file is removed. A symbolic link stays: what it
 * leads to is replaced, and keeps its mode. A named pipe or a device is written to and never replaced.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  try {
    const to = destinationOf(path)
    if (to.isStream) writeToStream(path, data)
    else replaceFile(to, data)
  } catch (error) {
    throw explain(error, path)
  }
}

/** Why `writeFileAtomic` would fail to write `path`; undefined if it would not. A pipe or a device is not opened. */
export function whyUnwritable(path: string): string | undefined {
  try {
    const to = destinationOf(path)
    if (to.isStream) {
      accessSync(path, W_OK)
    } else {
      const temporary = openTemporary(to.path)
      closeSync(temporary.file)
      rmSync(temporary.path)
    }
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

/** Whether `name` is a temporary file of `writeFileAtomic` for a file whose name is `target` or matches it, left by a killed process. */
export function isLeftover(name: string, target: string | RegExp): boolean {
  const [, of] = /^(.+)\.\d+(?:-\d+)?\.tmp$/.exec(name) ?? []
  return of !== undefined && (typeof target === 'string' ? of === target : target.test(of))
}

/** Writes the new file `path` and waits until the bytes are on disk. */
export function writeFlushed(path: string, data: string | Uint8Array): void {
  fill(openSync(path, NEW), data)
}

/** Adds `text` to a file and waits until it is on disk; a failed write leaves the file as it was. */
export function appendFlushed(path: string, text: string): void {
  let file: number | undefined
  let size: number | undefined
  try {
    file = openSync(path, O_RDWR | O_APPEND | O_CREAT)
    size = fstatSync(file).size
    writeAll(file, text)
    fsyncSync(file)
  } catch (error) {
    attempt(() => file !== undefined && size !== undefined && ftruncateSync(file, size))
    throw explain(error, path)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Writes all of `data`: one call of the operating system may write only a part of it, as on a disk that is almost full. */
export function writeAll(file: number, data: string | Uint8Array): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, Math.min(bytes.length - at, MOST_AT_ONCE))
}

/** Makes renames in `folder` survive a power cut. */
export function flushDirectory(folder: string): void {
  const directory = openSync(folder, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** A one-line error for a failed write: the path, what happened and what to do. */
export function explain(error: unknown, path: string): Error {
  return new Error(`cannot write ${path}: ${reasonOf(error)}`, { cause: error })
}

/** The file that `path` leads to through all symbolic links; it need not exist. Throws ELOOP if they lead in a circle. */
export function followLinks(path: string): string {
  let target = path
  for (let links = 0; links < MOST_LINKS; links++) {
    target = join(realpathSync(dirname(target)), basename(target))
    if (!lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink()) return target
    target = resolve(dirname(target), readlinkSync(target))
  }
  throw Object.assign(new Error(), { code: 'ELOOP' })
}

const NEW = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW

/** Linux writes at most 2 GiB in one call. */
const MOST_AT_ONCE = 2 ** 30

/** As many as Linux follows. */
const MOST_LINKS = 40

type Destination = { isStream: true } | { isStream: false; path: string; mode: number | undefined }

/** Where `path` leads. Throws an Error whose message is the reason if it can be no output. */
export function destinationOf(path: string): Destination {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isFIFO() || found?.isCharacterDevice()) return { isStream: true }
  if (found && !found.isFile()) throw new Error(`this is ${kindOfFile(found)}; a file was expected`)
  if (path.endsWith('/')) throw new Error(explanations.EISDIR)
  if (isDescriptor(path)) return { isStream: true }
  return { isStream: false, path: followLinks(path), mode: found && found.mode & 0o7777 }
}

/** Whether a path stands for a file that is open already, such as /dev/stdout: another program reads or writes it too. */
function isDescriptor(path: string): boolean {
  const folder = attempt(() => realpathSync(dirname(resolve(path))))
  const link = folder === '/dev' ? attempt(() => readlinkSync(path)) : undefined
  return /^\/proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/fd(?:\/|$)/.test(link ?? `${folder}/`)
}

function replaceFile({ path, mode }: { path: string; mode: number | undefined }, data: string | Uint8Array): void {
  const temporary = openTemporary(path)
  try {
    fill(temporary.file, data, mode)
    renameSync(temporary.path, path)
    flushDirectory(dirname(path))
  } catch (error) {
    removeIfPossible(temporary.path)
    throw error
  }
}

/** Removes what a failed write has left. If that fails too, it stays: the error to report is that of the write. */
export function removeIfPossible(path: string): void {
  attempt(() => rmSync(path, { recursive: true, force: true }))
}

/** A new file beside `path`; its name is that of no other, even if a killed process had the same process id. */
export function openTemporary(path: string): { path: string; file: number } {
  for (let n = 1; ; n++) {
    const temporary = `${path}.${process.pid}${n === 1 ? '' : `-${n}`}.tmp`
    try {
      return { path: temporary, file: openSync(temporary, NEW) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || n === 1000) throw error
    }
  }
}

/** Writes, flushes and closes an open file. */
function fill(file: number, data: string | Uint8Array, mode?: number): void {
  try {
    if (mode !== undefined) fchmodSync(file, mode)
    writeAll(file, data)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Opening a pipe waits for a reader and cannot be interrupted, so it is opened for waiting only if there is one. */
function writeToStream(path: string, data: string | Uint8Array): void {
  const probe = openSync(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK)
  try {
    const file = openSync(path, O_WRONLY | O_APPEND | O_NOCTTY)
    try {
      writeAll(file, data)
    } finally {
      closeSync(file)
    }
  } finally {
    closeSync(probe)
  }
}

/** The result of `work`; undefined if it throws. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

const explanations = {
  ENOSPC: 'no space left on the disk; free some, or choose another folder',
  EDQUOT: 'the disk quota is used up; free some space, or choose another folder',
  EFBIG: 'the file would be larger than the file system or the limit of this shell (ulimit -f) allows',
  EROFS: 'the file system is read-only; choose another folder',
  EACCES: 'permission denied; choose a folder that you may write to',
  EPERM: 'permission denied; choose a folder that you may write to',
  ENOENT: 'its folder does not exist, or is read-only',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'this is a folder; a file was expected',
  EEXIST: 'something that is no folder has this name; a folder was expected',
  ELOOP: 'a symbolic link that leads in a circle, or that must not be followed',
  ENXIO: 'no process reads this pipe',
  EPIPE: 'the process that read this pipe has ended',
} as const

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return explanations[code as keyof typeof explanations] ?? message
}
