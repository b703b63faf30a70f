/** One writer per run: advisory `flock`s, which the operating system releases whenever the process ends. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, statSync } from 'node:fs'
import { constants as system } from 'node:os'
import { join } from 'node:path'
import koffi from '#koffi'
import { explain, writeAll } from '../files/files.js'
import { kindOfFile } from '../files/kind-of-file.js'

const EXCLUSIVE_NOW = 2 | 4 // LOCK_EX | LOCK_NB
const { O_CREAT, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants

/**
 * Locks the run in `folder` until the returned function is called; throws if another process has it, which `work` describes. The folder
 * itself is locked, so that removing the file `lock` lets no second process in. That file is locked too: it holds the process id, and
 * earlier versions lock nothing else.
 */
export function lockRun(folder: string, work = 'is training this run'): () => void {
  for (;;) {
    const lock = openLock(folder)
    try {
      requireFree(lock, folder, work)
      if (lock.isInPlace()) {
        lock.writeProcessId()
        return lock.close
      }
      lock.close() // removed in the meantime: another process may have made it anew
    } catch (error) {
      lock.close()
      throw error
    }
  }
}

function requireFree({ folderFile, file, path, readProcessId }: OpenLock, folder: string, work: string): void {
  const ofFolder = flock(folderFile) // refused: a file system that locks no folders, such as NFS
  const result = ofFolder === 'taken' ? ofFolder : flock(file)
  if (result === 'taken') throw new Error(`${folder}: another process ${readProcessId()}${work}`)
  if (result === 'refused') throw new Error(`cannot lock ${path}: the file system locks no files`)
}

interface OpenLock {
  /** Descriptors of the folder and of the file in it. */
  folderFile: number
  file: number
  path: string
  /** Whether the folder and the file still have their names. */
  isInPlace(): boolean
  readProcessId(): string
  writeProcessId(): void
  close(): void
}

function openLock(folder: string): OpenLock {
  const path = join(folder, 'lock')
  const folderFile = attempt(folder, () => openSync(folder, O_RDONLY | O_DIRECTORY))
  const file = attempt(path, () => {
    try {
      return openFile(path)
    } catch (error) {
      closeSync(folderFile)
      throw error
    }
  })
  return {
    folderFile,
    file,
    path,
    isInPlace: () => isAt(folderFile, folder) && isAt(file, path),
    readProcessId() {
      const bytes = Buffer.alloc(20)
      const id = bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)).trim()
      return /^\d+$/.test(id) ? `(pid ${id}) ` : ''
    },
    writeProcessId: () =>
      attempt(path, () => {
        ftruncateSync(file)
        writeAll(file, `${process.pid}\n`)
      }),
    close() {
      closeSync(file)
      closeSync(folderFile)
    },
  }
}

function openFile(path: string): number {
  const file = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
  const found = fstatSync(file)
  if (found.isFile()) return file
  closeSync(file)
  throw new Error(`this is ${kindOfFile(found)}; a file was expected`)
}

/** Whether an open file is the one that has this path. */
function isAt(file: number, path: string): boolean {
  const [here, there] = [fstatSync(file), statSync(path, { throwIfNoEntry: false })]
  return here.ino === there?.ino && here.dev === there.dev
}

function attempt<T>(path: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    throw explain(error, path)
  }
}

let flockOfLibc: ((file: number, operation: number) => number) | undefined

function flock(file: number): 'locked' | 'taken' | 'refused' {
  flockOfLibc ??= koffi.load(null).func('int flock(int, int)') as (file: number, operation: number) => number
  if (flockOfLibc(file, EXCLUSIVE_NOW) === 0) return 'locked'
  return koffi.errno() === system.errno.EWOULDBLOCK ? 'taken' : 'refused'
}
