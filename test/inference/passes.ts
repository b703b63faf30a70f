/** Passes over a small data set, for tests: batches of one size, the last filled up with images that must not count. */
import * as tf from '@tensorflow/tfjs'
import type { Algorithm } from '../../src/inference/algorithm.js'
import { type HostKey, keyAt } from '../../src/random.js'

const FILLER = 3

export interface Images {
  /** [images, pixels]. */
  x: Float32Array
  pixels: number
}

export const root: HostKey = [3, 5]

/** Every batch of `images` with how many of its rows count. */
export function batches({ x, pixels }: Images, batchSize: number): { data: Float32Array; used: number }[] {
  const size = batchSize * pixels
  return Array.from({ length: Math.ceil(x.length / size) }, (_, i) => {
    const part = x.subarray(i * size, (i + 1) * size)
    const data = new Float32Array(size).fill(FILLER)
    data.set(part)
    return { data, used: part.length / pixels }
  })
}

/** One pass, uncompiled; the numbers of its end, and the means of the steps' outputs over all images. */
export async function pass(algorithm: Algorithm, images: Images, batchSize: number, key = root) {
  const sums: Record<string, number> = {}
  batches(images, batchSize).forEach(({ data, used }, i) => {
    tf.tidy(() => {
      const batch = tf.tensor2d(data, [batchSize, images.pixels])
      const outputs = algorithm.step(batch, keyAt(key, i), { learningRate: 0, beta: 1, used, first: 0 })
      for (const [name, value] of Object.entries(outputs))
        sums[name] = (sums[name] ?? 0) + (value.dataSync()[0] as number) * used
    })
  })
  const count = images.x.length / images.pixels
  const means = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / count]))
  return { means, end: (await algorithm.finishPass?.()) as Record<string, number> }
}

/** The tensor [images, pixels]. */
export function imageTensor({ x, pixels }: Images): tf.Tensor2D {
  return tf.tensor2d(x, [x.length / pixels, pixels])
}
