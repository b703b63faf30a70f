/** How pictures lie in folders: directly inside, in one folder a class (as torchvision's ImageFolder), or so in `train`, `validation` and `test`. */
import { extname, join } from 'node:path'
import { byCodePoints, filesUnder, listFolder } from './find-files.js'
import { partOfName } from './part-names.js'
import type { Labels, PartName, Warning } from './reader.js'

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.jpe', '.jfif', '.webp', '.gif', '.tif', '.tiff', '.avif'])

/** Whether a file is a picture by the end of its name, in any case. */
export const isPictureName = (name: string): boolean => EXTENSIONS.has(extname(name).toLowerCase())

/** Pictures of one part. */
export interface PicturesOfPart {
  /** Relative to the folder that was given, in order. */
  readonly names: readonly string[]
  readonly labels?: Labels
}

export interface PictureFolder {
  readonly parts: Partial<Record<PartName, PicturesOfPart>>
  readonly warnings: readonly Warning[]
}

/** Finds the parts, the classes and the pictures of a folder. Throws an Error that names the folder if its layout is ambiguous or has no pictures. */
export async function findPictures(folder: string): Promise<PictureFolder> {
  const top = await listFolder(folder, isPictureName)
  const partFolders = foldersOfParts(folder, top.folders)
  if (partFolders.size === 0) return labelled(folder, new Map([['all', await classesIn(folder, '')]]))
  const found = new Map<PartName, Class[]>()
  for (const [part, name] of partFolders) found.set(part, await classesIn(folder, name))
  const { parts, warnings } = labelled(folder, found)
  const others = [...top.files, ...top.folders.filter(name => partOfName(name) === undefined)]
  if (others.length === 0) return { parts, warnings }
  const message = `${folder}: only ${[...partFolders.values()].join(', ')} are read; ${others[0]} is not${others.length > 1 ? `, nor ${others.length - 1} more` : ''}`
  return { parts, warnings: [...warnings, { kind: 'unread-files', message }] }
}

/** The folder of each part; none if the folders are classes, of which one may be called `train` or `test`. */
function foldersOfParts(folder: string, names: readonly string[]): Map<Exclude<PartName, 'all'>, string> {
  const found = new Map<Exclude<PartName, 'all'>, string>()
  const parts = names.filter(name => partOfName(name) !== undefined)
  const isTrain = parts.some(name => partOfName(name) === 'train')
  if (parts.length < names.length && !(isTrain && parts.length > 1)) return found
  for (const name of parts) {
    const part = partOfName(name) as Exclude<PartName, 'all'>
    const other = found.get(part)
    if (other !== undefined)
      throw new Error(`${folder}: both ${other}/ and ${name}/ are ${part} images; only one may be there`)
    found.set(part, name)
  }
  return found
}

/** The pictures of one class; those that lie in no class folder have the name null. */
interface Class {
  readonly name: string | null
  readonly pictures: readonly string[]
}

/** The classes in the folder of a part, which is empty for `root` itself. */
async function classesIn(root: string, part: string): Promise<Class[]> {
  const folder = join(root, part)
  const prefix = part === '' ? '' : `${part}/`
  const { files, folders } = await listFolder(folder, isPictureName)
  const classes: Class[] = []
  for (const name of folders) {
    const pictures = await filesUnder(root, prefix + name, isPictureName)
    if (pictures.length > 0) classes.push({ name, pictures: pictures.map(picture => `${prefix}${name}/${picture}`) })
  }
  const [first] = classes
  if (files.length === 0 && first === undefined) throw new Error(`${folder}: no pictures in this folder; ${READABLE}`)
  if (files.length === 0) return classes
  if (first === undefined) return [{ name: null, pictures: files.map(file => prefix + file) }]
  throw new Error(
    `${folder}: pictures lie both directly inside (${files[0]}) and in folders (${first.name}/); ` +
      'give pictures only, folders of classes only, or a pattern such as *.png',
  )
}

const READABLE = `names that end in ${[...EXTENSIONS].join(', ')} are read`

/** Numbers the classes, in the order of their names, alike in all parts; a single class folder is no label. */
function labelled(folder: string, found: ReadonlyMap<PartName, readonly Class[]>): PictureFolder {
  const namesOf = (classes: readonly Class[] = []) => classes.flatMap(({ name }) => (name === null ? [] : [name]))
  const names = [...new Set([...found.values()].flatMap(namesOf))].sort(byCodePoints)
  const parts = [...found].map(([part, classes]) => {
    const pictures = { names: classes.flatMap(one => one.pictures) }
    const isLabelled = names.length > 1 && namesOf(classes).length > 0
    return [part, isLabelled ? { ...pictures, labels: { names, values: labelsOf(classes, names) } } : pictures] as const
  })
  const known = new Set(namesOf(found.get('train')))
  const unknown = known.size > 0 ? names.find(name => !known.has(name)) : undefined
  const message = `${folder}: no training image is of the class '${unknown}', which other parts have`
  return {
    parts: Object.fromEntries(parts),
    warnings: unknown === undefined ? [] : [{ kind: 'unknown-class', message }],
  }
}

function labelsOf(classes: readonly Class[], names: readonly string[]): Int32Array {
  const number = new Map(names.map((name, i) => [name, i]))
  return Int32Array.from(classes.flatMap(({ name, pictures }) => pictures.map(() => number.get(name ?? '') ?? 0)))
}
