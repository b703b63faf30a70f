/** Reads pictures in files: a folder of them, the files that match a pattern, or a single one. */
import { join } from 'node:path'
import type { OnReading } from '../progress.js'
import { filesMatching, holdsFile, isPattern } from './find-files.js'
import { findPictures, isPictureName, type PicturesOfPart } from './picture-folders.js'
import type { OpenedSource, Probe, Reader, ReadOptions } from './reader.js'
import { openPictures, type StoredPart, type StoredPicture } from './stored-pictures.js'

/**
 * Folders hold PNG, JPEG, WebP, GIF, TIFF or AVIF files: directly, in one folder a class, or so in the folders train, validation (valid, val)
 * and test. Images are in the order of their names' code points. Any folder with a picture not far below it is recognised, so the
 * other readers of folders are asked first.
 */
export const pictures: Reader = {
  name: 'pictures',
  recognises: ({ path, isFolder, start }) => {
    if (isFolder) return holdsFile(path, isPictureName, MOST_ABOVE)
    return start.length === 0 ? isPattern(path) && !path.endsWith('.parquet') : isPicture(start)
  },
  open: (path, options, probe, onReading) =>
    probe.isFolder ? openFolder(path, options, onReading) : openFiles(path, options, probe, onReading),
}

/** Folders above pictures: a part, a class, and one more. */
const MOST_ABOVE = 3

async function openFolder(folder: string, options: ReadOptions, onReading: OnReading): Promise<OpenedSource> {
  const found = await findPictures(folder)
  const parts = Object.entries(found.parts).map(([name, part]) => [name, storedFiles(folder, part)])
  const { parts: opened, warnings } = await openPictures(Object.fromEntries(parts), options, onReading)
  return { parts: opened, warnings: [...found.warnings, ...warnings] }
}

async function openFiles(
  path: string,
  options: ReadOptions,
  { start }: Probe,
  onReading: OnReading,
): Promise<OpenedSource> {
  const names = start.length > 0 ? [path] : await filesMatching(path, isPictureName)
  if (names.length === 0) throw new Error(`${path}: no pictures match this pattern`)
  return openPictures({ all: storedFiles('', { names }) }, options, onReading)
}

/** Files that are read at once, some of them in parallel. */
const BATCH = 1024

function storedFiles(folder: string, { names, labels }: PicturesOfPart): StoredPart {
  const files = names.map(name => join(folder, name))
  return {
    names,
    files,
    count: files.length,
    ...(labels && { labels }),
    *pictures(): Iterable<StoredPicture[]> {
      for (let from = 0; from < files.length; from += BATCH)
        yield files.slice(from, from + BATCH).map(file => ({ place: file, data: file }))
    },
  }
}

/** The first bytes of the formats; a dot stands for any byte. */
const signatures = [
  /^\x89PNG\r\n/,
  /^\xff\xd8\xff/,
  /^GIF8[79]a/,
  /^RIFF.{4}WEBP/s,
  /^(?:II[*+]\0|MM\0[*+])/,
  /^.{4}ftyp.*?(?:avif|avis)/s,
]

function isPicture(start: Uint8Array): boolean {
  const text = Buffer.from(start.subarray(0, 64)).toString('latin1')
  return signatures.some(signature => signature.test(text))
}
