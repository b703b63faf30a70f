/** Reads regular files, of any size that memory holds; a pipe, a device or a file without an end is refused, as it might never finish. */
import { constants as bufferLimits } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { kindOfFile } from './kind-of-file.js'

/** The largest JSON file that is read, in bytes. */
export const MOST_JSON = 64 * 2 ** 20

/** A file that is open for reading. */
export interface OpenFile {
  /** In bytes. */
  readonly size: number
  /** Up to `length` bytes from `from` on; fewer where the file ends. Throws an Error if there are more than memory can hold. */
  read(from: number, length: number): Buffer
}

/** Reads a file of at most `most` bytes; an error names it, as `shownAs`, and says why it cannot be read. */
export function readWhole(path: string, shownAs = path, most: number = bufferLimits.MAX_LENGTH): Buffer {
  return withFile(path, shownAs, file => {
    if (file.size > most) throw new Error(`${shownAs}: ${tooLarge(file.size, most)}`)
    return file.read(0, file.size)
  })
}

/** What `use` makes of a file, which is closed afterwards. Throws a one-line Error if it is no regular file or cannot be read. */
export function withFile<T>(path: string, shownAs: string, use: (file: OpenFile) => T): T {
  const file = explained(shownAs, () => openRegular(path))
  try {
    const { size } = fstatSync(file)
    if (size === 0) explained(shownAs, () => requireEmpty(file))
    return use({ size, read: (from, length) => explained(shownAs, () => readBytes(file, from, length)) })
  } finally {
    closeSync(file)
  }
}

/** Opening a device can have effects and opening a pipe can wait, so the kind is looked at before as well as after. */
function openRegular(path: string): number {
  requireRegular(statSync(path))
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    requireRegular(fstatSync(file))
    return file
  } catch (error) {
    closeSync(file)
    throw error
  }
}

function requireRegular(found: Stats): void {
  if (found.isDirectory()) throw new Error(unreadable.EISDIR)
  if (!found.isFile()) throw new Error(`${kindOfFile(found)}; a regular file was expected`)
}

/** Files of /proc are said to have no bytes, whatever they hold. */
function requireEmpty(file: number): void {
  let count: number
  try {
    count = readSync(file, Buffer.alloc(1), 0, 1, 0)
  } catch {
    count = 1
  }
  if (count > 0) throw new Error('a file without a size, as in /proc; a regular file was expected')
}

/** Node reads at most 2 GiB at once. */
const MOST_AT_ONCE = 2 ** 30

function readBytes(file: number, from: number, length: number): Buffer {
  if (length > bufferLimits.MAX_LENGTH) throw new Error(tooLarge(length, bufferLimits.MAX_LENGTH))
  const bytes = Buffer.allocUnsafeSlow(length)
  let at = 0
  while (at < length) {
    const count = readSync(file, bytes, at, Math.min(length - at, MOST_AT_ONCE), from + at)
    if (count === 0) break
    at += count
  }
  return bytes.subarray(0, at)
}

/** Why so many bytes are not read. */
const tooLarge = (bytes: number, most: number): string =>
  `${bytes.toLocaleString('en')} bytes are too many; at most ${most.toLocaleString('en')} can be read`

const unreadable: Record<string, string> = {
  ENOENT: 'the file is missing',
  EISDIR: 'this is a folder; a file was expected',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EACCES: 'permission denied: the file cannot be read',
  ELOOP: 'symbolic links that lead in a circle',
  ERR_MEMORY_ALLOCATION_FAILED: 'there is not enough memory to hold the file',
}

function explained<T>(shownAs: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`${shownAs}: ${unreadable[code ?? ''] ?? message}`, { cause: error })
  }
}
