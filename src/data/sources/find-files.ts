/** Finds the files of a data set in a folder or by a pattern. Hidden files, pipes and devices are left out; symbolic links are followed. */
import { type Dirent, opendirSync, statSync } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The names of a folder's files and folders that are not hidden, each in the order of code points. */
interface Listing {
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** The order of the names' code points, as in Python's `sorted` and so in torchvision's ImageFolder: capitals first, `10.png` before `2.png`. */
export function byCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++)
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0)
  return a.length - b.length
}

/** The files and folders in `folder`. Those that `wanted` refuses are left out before they are looked at. */
export async function listFolder(folder: string, wanted: (name: string) => boolean): Promise<Listing> {
  const files: string[] = []
  const folders: string[] = []
  for await (const entry of await explained(folder, opendir(folder))) {
    if (entry.name.startsWith('.')) continue
    const kind = await kindOf(folder, entry)
    if (kind === 'folder') folders.push(entry.name)
    if (kind === 'file' && wanted(entry.name)) files.push(entry.name)
  }
  return { files: files.sort(byCodePoints), folders: folders.sort(byCodePoints) }
}

/** A link to nothing counts as a file, so that reading it says what is missing. */
async function kindOf(folder: string, entry: Dirent): Promise<'file' | 'folder' | undefined> {
  if (!entry.isSymbolicLink()) return entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : undefined
  const found = await stat(join(folder, entry.name)).catch(() => undefined)
  if (found === undefined) return 'file'
  return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : undefined
}

/**
 * The files in and under `root/folder` that `wanted` accepts by name, as paths relative to that folder. They are in the order of their paths,
 * folder by folder. A link to a folder in which it lies, `root` included, is not followed.
 */
export async function filesUnder(root: string, folder: string, wanted: (name: string) => boolean): Promise<string[]> {
  const found: string[] = []
  const visit = async (path: string, prefix: string, above: readonly string[]): Promise<void> => {
    const here = await explained(path, realpath(path))
    if (above.includes(here)) return
    const { files, folders } = await listFolder(path, wanted)
    const isFolder = new Set(folders)
    for (const name of [...files, ...folders].sort(byCodePoints)) {
      if (isFolder.has(name)) await visit(join(path, name), `${prefix}${name}/`, [...above, here])
      else found.push(prefix + name)
    }
  }
  const parts = folder.split('/').filter(part => part !== '')
  const above = parts.map((_, i) => realpath(join(root, ...parts.slice(0, i))))
  await visit(join(root, folder), '', await Promise.all(above))
  return found
}

/** Whether a file that `wanted` accepts by name lies in `folder` or up to `depth` folders below it. */
export function holdsFile(folder: string, wanted: (name: string) => boolean, depth: number): boolean {
  const folders: string[] = []
  const open = opendirSync(folder)
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      if (entry.name.startsWith('.')) continue
      if (entry.isDirectory() || entry.isSymbolicLink()) folders.push(join(folder, entry.name))
      if (!entry.isDirectory() && wanted(entry.name)) return true
    }
  } finally {
    open.closeSync()
  }
  return depth > 0 && folders.some(path => isFolder(path) && holdsFile(path, wanted, depth - 1))
}

/** A link to nothing, or to itself, is no folder. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Whether `path` is a pattern: it has `*` or `?` in it. */
export const isPattern = (path: string): boolean => /[*?]/.test(path)

/**
 * The files that match `pattern` and that `wanted` accepts, in the order of their paths. `*` stands for any part of a name, `?` for one
 * character, and `**` for any number of folders. All other characters stand for themselves.
 */
export async function filesMatching(pattern: string, wanted: (name: string) => boolean): Promise<string[]> {
  const parts = pattern.split('/')
  const first = parts.findIndex(isPattern)
  const folder = parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '.')
  const prefix = first === 0 ? '' : `${parts.slice(0, first).join('/')}/`
  const expression = new RegExp(`^${parts.slice(first).map(partExpression).join('')}$`, 'su')
  const found = await filesIn(folder, parts.length - first, parts.includes('**'), wanted)
  return found.filter(path => expression.test(path)).map(path => prefix + path)
}

/** Files `depth` names below `folder`, or at any depth. */
async function filesIn(folder: string, depth: number, any: boolean, wanted: (name: string) => boolean) {
  if (any) return filesUnder(folder, '', wanted)
  const { files, folders } = await listFolder(folder, wanted)
  if (depth === 1) return [...files]
  const found: string[] = []
  for (const name of folders)
    for (const path of await filesIn(join(folder, name), depth - 1, false, wanted)) found.push(`${name}/${path}`)
  return found
}

/** The regular expression of one part of a pattern, with the slash after it. */
function partExpression(part: string, index: number, parts: readonly string[]): string {
  const isLast = index === parts.length - 1
  if (part === '**') return isLast ? '.*' : '(?:[^/]+/)*'
  const expression = part
    .replace(/[\\^$+.()|[\]{}/]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
  return isLast ? expression : `${expression}/`
}

async function explained<T>(folder: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`${folder}: ${unreadable[code ?? ''] ?? message}`, { cause: error })
  }
}

const unreadable: Record<string, string> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'this is a file; a folder was expected',
  EACCES: 'permission denied: the folder cannot be read',
  ELOOP: 'symbolic links that lead in a circle',
}
