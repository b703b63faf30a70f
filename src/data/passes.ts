/** Passes over a set of images in batches: their order and their padding. */
import type { ArrayValues, TableRows } from '../compile/step.js'
import { type HostKey, keyAt, permutation } from '../random.js'
import { gatherImages, type ImageSet, imageSize, imagesFrom, rowSize, rowsOf, rowsOfLevels } from './images.js'
import { readAhead } from './read-ahead.js'

/** A pass in batches of one size; an incomplete batch is padded with black images. */
export interface Pass {
  readonly steps: number
  /** The rows of `count` batches starting at batch `from`, concatenated. */
  batches(from: number, count: number): Promise<Uint8Array>
  /** The same as the inputs of steps; of shuffled images in memory, as rows of a table. */
  inputs(from: number, count: number): Promise<ArrayValues | TableRows>
  /** Number of images in a batch, without padding. */
  used(step: number): number
}

/** The seeded order of `count` images in an epoch. */
export function epochOrder(key: HostKey, epoch: number, count: number): Int32Array {
  return permutation(keyAt(key, epoch), count)
}

/** Every image once, in a seeded order that differs between epochs; the last incomplete batch is dropped. */
export function shuffledPass(images: ImageSet, batchSize: number, key: HostKey, epoch: number): Pass {
  const order = epochOrder(key, epoch, images.count)
  const rows = inOrder(images, order)
  const batches = (from: number, count: number) => rows(from * batchSize, (from + count) * batchSize)
  return {
    steps: Math.floor(images.count / batchSize),
    batches,
    async inputs(from, count) {
      if (!('pixels' in images) || images.classes) return asInputs(images, batchSize, await batches(from, count))
      const table: ArrayValues = { data: images.pixels, shape: [images.count, imageSize(images)], dtype: 'float32' }
      const numbers = order.subarray(from * batchSize, (from + count) * batchSize)
      return { table, rows: numbers, shape: [count, batchSize] }
    },
    used: () => batchSize,
  }
}

/** Rows of batches as the inputs of steps. */
function asInputs(images: ImageSet, batchSize: number, rows: Uint8Array): ArrayValues {
  const size = rowSize(images)
  return { data: rows, shape: [rows.length / (batchSize * size), batchSize, size], dtype: 'float32' }
}

/** Every image once, in order; the last batch may be padded. */
export function wholePass(images: ImageSet, batchSize: number): Pass {
  const rows = inSequence(images)
  const batches = (from: number, count: number) => rows(from * batchSize, count * batchSize)
  return {
    steps: Math.ceil(images.count / batchSize),
    batches,
    inputs: async (from, count) => asInputs(images, batchSize, await batches(from, count)),
    used: step => Math.min(batchSize, images.count - step * batchSize),
  }
}

/** The batches of a pass that are a worker's: number `first` + `index`, and every `count`-th from there. */
export interface Share {
  readonly first: number
  readonly index: number
  readonly count: number
}

/** The batches of `wholePass` that are a worker's, numbered from 0. */
export function dividedPass(images: ImageSet, batchSize: number, { first, index, count }: Share): Pass {
  const whole = wholePass(images, batchSize)
  const batchAt = (own: number) => first + index + own * count
  const steps = Math.max(0, Math.ceil((whole.steps - first - index) / count))
  const order = Int32Array.from(
    { length: steps * batchSize },
    (_, i) => batchAt(Math.floor(i / batchSize)) * batchSize + (i % batchSize),
  )
  const present = order.filter(image => image < images.count) // of the last batch, perhaps not all
  const rows = inOrder(images, present)
  const batches = async (from: number, wanted: number) => {
    const [start, end] = [from * batchSize, (from + wanted) * batchSize]
    return padded(await rows(start, Math.min(end, present.length)), (end - start) * rowSize(images))
  }
  return {
    steps,
    batches,
    inputs: async (from, wanted) => asInputs(images, batchSize, await batches(from, wanted)),
    used: own => whole.used(batchAt(own)),
  }
}

/** The rows of images `from` … `to - 1` of an order. */
function inOrder(images: ImageSet, order: Int32Array): (from: number, to: number) => Promise<Uint8Array> {
  const ahead = readAhead(images, index => order[index] as number)
  return async (from, to) =>
    ahead
      ? rowsOfLevels(images, await ahead(from, to), i => order[from + i] as number)
      : rowsOf(gatherImages(images, order, from, to))
}

/** The rows, and black images (of class 0) up to `length` bytes. */
function padded(rows: Uint8Array, length: number): Uint8Array {
  if (rows.length === length) return rows
  const all = new Uint8Array(length)
  all.set(rows)
  return all
}

/**
 * The rows of `size` images starting at `from`, for requests one after the other, padded with black images (of class 0) beyond the last one. Stored images
 * are read ahead.
 */
export function inSequence(images: ImageSet): (from: number, size: number) => Promise<Uint8Array> {
  const ahead = readAhead(images, index => index)
  if (ahead === undefined) return async (from, size) => imagesFrom(images, from, size)
  return async (from, size) => {
    const levels = await ahead(from, Math.min(from + size, images.count))
    const rows = rowsOfLevels(images, levels, i => from + i)
    return padded(rows, size * rowSize(images))
  }
}
