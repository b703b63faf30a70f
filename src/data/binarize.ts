/** How grey images become the binary ones that a model reads: in each step anew, or once and for all. */
import * as tf from '@tensorflow/tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import { type HostKey, type Key, keyAt, uniformValues } from '../random.js'
import { type Images, imageSize } from './images.js'
import { WHITE } from './levels.js'

/** A Bernoulli draw with the grey value as probability, or the threshold 0.5; 'none' leaves grey values, for models that are densities. */
export const readings = ['dynamic', 'static', 'none'] as const

export type Reading = (typeof readings)[number]

/** Grey values in [0, 1], of any shape, as the model reads them. */
export function binarize(key: Key, grey: tf.Tensor, how: Reading): tf.Tensor {
  if (how === 'none') return grey
  return how === 'dynamic' ? bernoulli.sample(key, grey) : tf.cast(tf.greaterEqual(grey, 0.5), 'float32')
}

/** How many images share one key when a set is binarized once and for all. */
const BLOCK = 1000

/** One fixed binary sample of the images, every level black or white. Block b of 1,000 images draws with `keyAt(key, b)`. */
export function binarizeOnce<I extends Images>(images: I, how: Exclude<Reading, 'none'>, key: HostKey): I {
  const binary = new Uint8Array(images.pixels.length)
  const length = BLOCK * imageSize(images)
  for (let start = 0; start < binary.length; start += length) {
    const grey = images.pixels.subarray(start, start + length)
    const thresholds = how === 'dynamic' ? uniformValues(keyAt(key, start / length), grey.length) : undefined
    grey.forEach((level, i) => {
      // float32 division, as the training step does it
      const isWhite = thresholds ? (thresholds[i] as number) < Math.fround(level / WHITE) : level >= WHITE / 2
      binary[start + i] = isWhite ? WHITE : 0
    })
  }
  return { ...images, pixels: binary }
}
