/** Writes files completely or not at all, even if the process is killed; one-line errors for failed reads and writes. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Replaces `path` by `data` atomically; on failure the old file stays and the temporary file is removed. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    writeFlushed(temporary, data)
    renameSync(temporary, path)
    flushDirectory(dirname(path))
  } catch (error) {
    rmSync(temporary, { force: true })
    throw explain(error, path)
  }
}

/** Why `writeFileAtomic` would fail to write `path`; undefined if it would not. */
export function whyUnwritable(path: string): string | undefined {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return explanations.EISDIR
    closeSync(openSync(temporary, 'w'))
    rmSync(temporary)
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}

/** Whether `name` is a temporary file of `writeFileAtomic` for the file `target`, left by a killed process. */
export const isLeftover = (name: string, target: string): boolean =>
  name.startsWith(`${target}.`) && name.endsWith('.tmp')

/** Writes `path` and waits until the bytes are on disk. */
export function writeFlushed(path: string, data: string | Uint8Array): void {
  const file = openSync(path, 'w')
  try {
    writeFileSync(file, data)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Reads a file; an error names it, as `shownAs`, and says why it cannot be read. */
export function readWhole(path: string, shownAs = path): Buffer {
  return named(shownAs, () => readFileSync(path))
}

/** Reads parts of a file, and no more of it; an error names the file, as `shownAs`, and says why it cannot be read. */
export function readPart<T>(
  path: string,
  shownAs: string,
  use: (read: (from: number, length: number) => Buffer, size: number) => T,
): T {
  const file = named(shownAs, () => openSync(path, 'r'))
  try {
    const { size } = fstatSync(file)
    const read = (from: number, length: number) => {
      const bytes = Buffer.alloc(length)
      const got = named(shownAs, () => readSync(file, bytes, 0, length, from))
      return bytes.subarray(0, got)
    }
    return use(read, size)
  } finally {
    closeSync(file)
  }
}

/** Runs a read of the file `shownAs`; its error is a line that says why the file cannot be read. */
function named<T>(shownAs: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`${shownAs}: ${unreadable[code ?? ''] ?? message}`, { cause: error })
  }
}

const unreadable: Record<string, string> = {
  ENOENT: 'the file is missing',
  EISDIR: 'this is a folder; a file was expected',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EACCES: 'permission denied: the file cannot be read',
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

const explanations: Record<string, string> = {
  ENOSPC: 'no space left on the disk; free some, or choose another folder',
  EDQUOT: 'the disk quota is used up; free some space, or choose another folder',
  EROFS: 'the file system is read-only; choose another folder',
  EACCES: 'permission denied; choose a folder that you may write to',
  EPERM: 'permission denied; choose a folder that you may write to',
  ENOENT: 'its folder does not exist, or is read-only',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'this is a folder; a file was expected',
}

/** A one-line error for a failed write: the path, what happened and what to do. */
export function explain(error: unknown, path: string): Error {
  return new Error(`cannot write ${path}: ${reasonOf(error)}`, { cause: error })
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return explanations[code ?? ''] ?? message
}
