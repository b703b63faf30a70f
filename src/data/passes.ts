/** A pass over the training images, cut into batches: in which order, and which images count. */
import { type HostKey, keyAt, permutation } from '../random.js'
import { gatherImages, type Images, imagesFrom } from './images.js'

/** Batches of one size; a batch that images do not fill is filled up with black ones. */
export interface Pass {
  readonly steps: number
  /** Pixels of `count` batches from batch number `from` on, end to end. */
  batches(from: number, count: number): Uint8Array
  /** Images of a batch that count. */
  used(step: number): number
}

/** The seeded order in which pass number `epoch` sees `count` images. */
export function epochOrder(key: HostKey, epoch: number, count: number): Int32Array {
  return permutation(keyAt(key, epoch), count)
}

/** Every image once in a seeded order of its own for each epoch; the rest that fills no batch is left out. */
export function shuffledPass(images: Images, batchSize: number, key: HostKey, epoch: number): Pass {
  const order = epochOrder(key, epoch, images.count)
  return {
    steps: Math.floor(images.count / batchSize),
    batches: (from, count) => gatherImages(images, order, from * batchSize, (from + count) * batchSize).pixels,
    used: () => batchSize,
  }
}

/** Every image once, in order. */
export function wholePass(images: Images, batchSize: number): Pass {
  return {
    steps: Math.ceil(images.count / batchSize),
    batches: (from, count) => imagesFrom(images, from * batchSize, count * batchSize),
    used: step => Math.min(batchSize, images.count - step * batchSize),
  }
}
