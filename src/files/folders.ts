/** Makes folders. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { explain } from './files.js'

/** Makes `path` and the folders above it, where they are missing. One by one: Node's own recursion never ends below /proc. */
export function makeFolder(path: string): void {
  try {
    makeMissing(resolve(path))
  } catch (error) {
    throw explain(error, path)
  }
}

/** Makes `path`, which must not exist yet; false if something has this name already. The folder above it may be missing. */
export function makeNewFolder(path: string): boolean {
  makeFolder(dirname(resolve(path)))
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw explain(error, path)
  }
}

function makeMissing(path: string): void {
  if (isFolder(path)) return
  const above = dirname(path)
  if (above !== path) makeMissing(above)
  try {
    mkdirSync(path)
  } catch (error) {
    if (!isFolder(path)) throw error
  }
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
