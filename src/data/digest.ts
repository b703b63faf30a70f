/** Digests of the levels of image sets. Those of large files are kept in the cache, so that only the first start reads all of a file. */
import { createHash } from 'node:crypto'
import { type Stats, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { type ImageSet, imageShape, imageSize, levelsOf } from './images.js'
import type { OnReading } from './progress.js'
import { keep, kept } from './sources/kept.js'
import { placeOf } from './stored-images.js'

/** Digests of more levels than these are kept: 256 MiB, a fraction of a second. */
const LARGEST_UNKEPT = 2 ** 28

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/)

/** Levels that are hashed at once. */
const PIECE = 2 ** 24

/**
 * SHA-256 of the levels of all images, one set after the other. If they are many and each set is a file, the digest of the same files with the
 * same sizes, times and inodes is taken from the cache.
 */
export async function digestOf(sets: readonly ImageSet[], onReading?: OnReading): Promise<string> {
  const total = sets.reduce((sum, images) => sum + images.count * imageSize(images), 0)
  if (total <= LARGEST_UNKEPT) return hashed(sets, onReading)
  const name = nameOf(sets)
  if (name === undefined) return hashed(sets, onReading)
  const known = kept('digests', name, digestSchema)
  if (known !== undefined) return known
  const digest = await hashed(sets, onReading)
  if (nameOf(sets) === name && !isRecent(sets)) keep('digests', name, digest) // otherwise a file was changed meanwhile, or may be
  return digest
}

async function hashed(sets: readonly ImageSet[], onReading: OnReading): Promise<string> {
  const hash = createHash('sha256')
  const total = sets.reduce((sum, { count }) => sum + count, 0)
  let done = 0
  for (const images of sets) {
    const block = Math.max(1, Math.floor(PIECE / imageSize(images)))
    for (let from = 0; from < images.count; from += block) {
      hash.update(levelsOf(images, from, from + block))
      done += Math.min(block, images.count - from)
      onReading?.('hashed', done, total)
      await setImmediate() // a signal can end the program
    }
  }
  return hash.digest('hex')
}

/** A name that changes with any of the files; undefined if a set is no file. */
function nameOf(sets: readonly ImageSet[]): string | undefined {
  const hash = createHash('sha256')
  for (const images of sets) {
    const found = statsOf(images)
    if (found === undefined) return undefined
    const { dev, ino, size, mtimeMs, ctimeMs } = found
    hash.update(JSON.stringify([placeOf(images), dev, ino, size, mtimeMs, ctimeMs, images.count, imageShape(images)]))
  }
  return hash.digest('hex')
}

function statsOf(images: ImageSet): Stats | undefined {
  const place = placeOf(images)
  return place && statSync(place.path, { throwIfNoEntry: false })
}

/** Files that were changed within these milliseconds may change again without another time. */
const RECENT = 2000

const isRecent = (sets: readonly ImageSet[]): boolean =>
  sets.some(images => Date.now() - (statsOf(images)?.ctimeMs ?? 0) < RECENT)
