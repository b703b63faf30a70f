/** A pass over the training images, cut into batches: in which order, and which images count. */
import type { HostKey } from '../random.js'
import { epochOrder, gather, type Split } from './dataset.js'

/** Batches of one size; a batch that images do not fill is filled up with black ones. */
export interface Pass {
  readonly steps: number
  /** Pixels of `count` batches from batch number `from` on, end to end. */
  batches(from: number, count: number): Uint8Array
  /** Images of a batch that count. */
  used(step: number): number
}

/** Every image once in a seeded order of its own for each epoch; the rest that fills no batch is left out. */
export function shuffledPass(images: Split, batchSize: number, key: HostKey, epoch: number): Pass {
  const order = epochOrder(key, epoch, images.count)
  return {
    steps: Math.floor(images.count / batchSize),
    batches: (from, count) => gather(images, order, from * batchSize, (from + count) * batchSize),
    used: () => batchSize,
  }
}

/** Every image once, in order. */
export function wholePass({ pixels, count: images }: Split, batchSize: number): Pass {
  const length = (batchSize * pixels.length) / images
  return {
    steps: Math.ceil(images / batchSize),
    batches(from, count) {
      const filled = new Uint8Array(count * length)
      filled.set(pixels.subarray(from * length, (from + count) * length))
      return filled
    },
    used: step => Math.min(batchSize, images - step * batchSize),
  }
}
