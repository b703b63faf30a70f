/** Files that are whole or absent, whatever moment the process dies: written aside, flushed, then renamed. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Replaces `path` by `data` in one step; on failure the old file stays and nothing is left beside it. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  const aside = `${path}.${process.pid}.tmp`
  try {
    writeFlushed(aside, data)
    renameSync(aside, path)
    flushDirectory(dirname(path))
  } catch (error) {
    rmSync(aside, { force: true })
    throw explain(error, path)
  }
}

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
}

/** The error of a failed write as one line: the path, what happened and what to do. */
export function explain(error: unknown, path: string): Error {
  const { code, message } = error as NodeJS.ErrnoException
  return new Error(`cannot write ${path}: ${explanations[code ?? ''] ?? message}`, { cause: error })
}
