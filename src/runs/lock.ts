/** One writer per run: an advisory `flock`, which the operating system releases whenever the process ends. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import koffi from 'koffi'
import { explain } from '../files/files.js'

const EXCLUSIVE_NOW = 2 | 4 // LOCK_EX | LOCK_NB

/** Locks the run in `folder` until the returned function is called. Throws an Error if another process holds the lock. */
export function lockRun(folder: string): () => void {
  const path = join(folder, 'lock')
  const file = attempt(path, () => openSync(path, 'a+'))
  if (flock(file, EXCLUSIVE_NOW) !== 0) {
    closeSync(file)
    throw new Error(`${folder}: another process (pid ${readFileSync(path, 'utf8').trim()}) is training this run`)
  }
  attempt(path, () => writeFileSync(path, `${process.pid}\n`))
  return () => closeSync(file)
}

function attempt<T>(path: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    throw explain(error, path)
  }
}

let flockOfLibc: ((file: number, operation: number) => number) | undefined

function flock(file: number, operation: number): number {
  flockOfLibc ??= koffi.load(null).func('int flock(int, int)') as (file: number, operation: number) => number
  return flockOfLibc(file, operation)
}
