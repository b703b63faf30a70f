/** The folder of a new run or comparison: it is made and locked before anything is written to it. */
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isLeftover, removeIfPossible } from '../files/files.js'
import { makeNewFolder } from '../files/folders.js'
import { runFolder } from './directory.js'
import { lockRun } from './lock.js'

/** A folder that no other process writes to. */
export interface Claim {
  name: string
  folder: string
  /** Unlocks the folder. */
  release(): void
  /** Removes the folder if this claim made it, and if it can be removed; to be called before `release`. */
  discard(): void
}

interface Wanted {
  /** Null: the first of PREFIX-1, PREFIX-2, … that is free. */
  run: string | null
  prefix: string
  /** What another process does that has the folder. */
  work?: string | undefined
}

/** Makes and locks the folder of a run; one that is there is only locked. Throws an Error if another process has it. */
export function claimFolder(checkpoints: string, { run, prefix, work }: Wanted): Claim {
  const name = run ?? makeUnused(checkpoints, prefix)
  const folder = runFolder(checkpoints, name)
  const isNew = run === null || makeNewFolder(folder)
  const release = lockRun(folder, work)
  return {
    name,
    folder,
    release,
    discard() {
      if (isNew) removeIfPossible(folder)
    },
  }
}

/** Whether nothing has begun in a folder. A start that was killed at once leaves its lock and the beginning of its file `first`. */
export function isFree(folder: string, first: string): boolean {
  if (!existsSync(folder)) return true
  const isOurs = (name: string) =>
    isLeftover(name, first) || (name === 'lock' && lstatSync(join(folder, name)).isFile())
  return statSync(folder).isDirectory() && readdirSync(folder).every(isOurs)
}

/** Makes the first of PREFIX-1, PREFIX-2, … that nothing has as its name, whatever other processes make at the same time. */
function makeUnused(checkpoints: string, prefix: string): string {
  let n = 1
  while (!makeNewFolder(runFolder(checkpoints, `${prefix}-${n}`))) n++
  return `${prefix}-${n}`
}
