/** Passes over a set of images in batches: their order and their padding. */
import { type HostKey, keyAt, permutation } from '../random.js'
import { gatherImages, type ImageSet, imagesFrom, rowsOf } from './images.js'

/** A pass in batches of one size; an incomplete batch is padded with black images. */
export interface Pass {
  readonly steps: number
  /** The rows of `count` batches starting at batch `from`, concatenated. */
  batches(from: number, count: number): Uint8Array
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
  return {
    steps: Math.floor(images.count / batchSize),
    batches: (from, count) => rowsOf(gatherImages(images, order, from * batchSize, (from + count) * batchSize)),
    used: () => batchSize,
  }
}

/** Every image once, in order; the last batch may be padded. */
export function wholePass(images: ImageSet, batchSize: number): Pass {
  return {
    steps: Math.ceil(images.count / batchSize),
    batches: (from, count) => imagesFrom(images, from * batchSize, count * batchSize),
    used: step => Math.min(batchSize, images.count - step * batchSize),
  }
}
