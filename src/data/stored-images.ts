/** Levels that lie in a file, read by position; sets that are small are held in memory. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type ImageSet, type ImageShape, imageSize } from './images.js'
import { cutWhileInUse, gatherFrom, type OpenFile } from './scattered-reads.js'

/** Sets up to this size are read whole when they are opened: 256 MiB. */
const LARGEST_IN_MEMORY = 2 ** 28

/** `count` images whose levels begin at byte `offset` of a file. Throws an Error that names the file if it is too short, or once it changes. */
export function imagesInFile(
  path: string,
  offset: number,
  { count, ...shape }: ImageShape & { count: number },
): ImageSet {
  const size = imageSize(shape)
  const opened = openedFile(path)
  const read = (from: number, to: number): Uint8Array => {
    const bytes = new Uint8Array((to - from) * size)
    for (let at = 0; at < bytes.length; ) {
      const more = readSync(opened.file, bytes, at, Math.min(bytes.length - at, 2 ** 30), offset + from * size + at)
      if (more === 0) throw cutWhileInUse(path, offset + from * size + at)
      at += more
    }
    return bytes
  }
  if (opened.size < offset + count * size) {
    closeSync(opened.file)
    throw new Error(`${path}: ${opened.size} bytes; ${offset + count * size} were expected`)
  }
  if (count * size > LARGEST_IN_MEMORY) {
    closeWhenUnused.register(opened, opened.file) // the functions below keep it in use
    places.set(read, { path, offset })
    return { ...shape, count, read, gather: positions => gatherFrom(opened, { offset, size }, positions) }
  }
  try {
    const pixels = read(0, count)
    places.set(pixels, { path, offset })
    return { ...shape, count, pixels }
  } finally {
    closeSync(opened.file)
  }
}

function openedFile(path: string): OpenFile & { readonly size: number } {
  const file = openSync(path, constants.O_RDONLY)
  return { path, file, size: fstatSync(file).size }
}

interface Place {
  readonly path: string
  /** Of the first level, in bytes. */
  readonly offset: number
}

/** By the function or the levels of a set. */
const places = new WeakMap<object, Place>()

/** Where the levels of a set lie in a file; undefined if they were selected from one, or computed. */
export const placeOf = (images: ImageSet): Place | undefined =>
  places.get('pixels' in images ? images.pixels : images.read)

const closeWhenUnused = new FinalizationRegistry<number>(file => closeSync(file))
