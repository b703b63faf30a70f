/** Files that are written in pieces, because they may not fit into memory: completely or not at all. */
import { closeSync, fchmodSync, fsyncSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { destinationOf, explain, flushDirectory, openTemporary } from './files.js'

/** A file under construction. */
export interface FileInPieces {
  write(bytes: Uint8Array, at: number): void
  /** Bytes that have been written; fewer at the end of the file. */
  read(at: number, length: number): Buffer
}

/**
 * Replaces `path` by what `work` writes, once it returns true; otherwise, and if it throws, the old file stays. Throws an Error of one line
 * if `path` cannot be written; a pipe or a device cannot, because pieces are written out of order.
 */
export async function writeInPieces(path: string, work: (file: FileInPieces) => Promise<boolean>): Promise<boolean> {
  const { temporary, target } = attemptTo(path, () => {
    const to = destinationOf(path)
    if (to.isStream) throw new Error('this is a pipe or a device; a file was expected')
    const temporary = openTemporary(to.path)
    if (to.mode !== undefined) fchmodSync(temporary.file, to.mode)
    return { temporary, target: to.path }
  })
  let isOpen = true
  try {
    const isWhole = await work(piecesOf(temporary.file, path))
    attemptTo(path, () => fsyncSync(temporary.file))
    closeSync(temporary.file)
    isOpen = false
    if (isWhole)
      attemptTo(path, () => {
        renameSync(temporary.path, target)
        flushDirectory(dirname(target))
      })
    return isWhole
  } finally {
    if (isOpen) closeSync(temporary.file)
    rmSync(temporary.path, { force: true })
  }
}

function piecesOf(file: number, path: string): FileInPieces {
  return {
    write: (bytes, at) =>
      attemptTo(path, () => {
        for (let done = 0; done < bytes.length; )
          done += writeSync(file, bytes, done, Math.min(bytes.length - done, MOST_AT_ONCE), at + done)
      }),
    read: (at, length) =>
      attemptTo(path, () => {
        const bytes = Buffer.alloc(length)
        return bytes.subarray(0, readSync(file, bytes, 0, length, at))
      }),
  }
}

/** Linux writes at most 2 GiB in one call. */
const MOST_AT_ONCE = 2 ** 30

function attemptTo<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw explain(error, path)
  }
}
