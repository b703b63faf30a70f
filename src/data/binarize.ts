/** Binarization of grey images: in every step, or once for a whole set. */
import * as tf from '#tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import { type HostKey, type Key, keyAt, uniformValues } from '../random.js'
import { type Images, imageSize } from './images.js'
import { WHITE } from './levels.js'

/** `dynamic`: a Bernoulli draw with the grey value as probability. `static`: the threshold 0.5. `none`: grey values, for density models. */
export const readings = ['dynamic', 'static', 'none'] as const

export type Reading = (typeof readings)[number]

/** Binarizes grey values in [0, 1], of any shape; only 'dynamic' uses the key. */
export function binarize(key: Key, grey: tf.Tensor, reading: Reading): tf.Tensor {
  if (reading === 'none') return grey
  return reading === 'dynamic' ? bernoulli.sample(key, grey) : tf.cast(tf.greaterEqual(grey, 0.5), 'float32')
}

/** Images that share one key in `binarizeOnce`. */
const BLOCK = 1000

/** Binarizes a whole set once, to levels 0 and 255. Block b of 1,000 images draws with `keyAt(key, b)`. */
export function binarizeOnce<I extends Images>(images: I, reading: Exclude<Reading, 'none'>, key: HostKey): I {
  const binary = new Uint8Array(images.pixels.length)
  const length = BLOCK * imageSize(images)
  for (let start = 0; start < binary.length; start += length) {
    const grey = images.pixels.subarray(start, start + length)
    const thresholds = reading === 'dynamic' ? uniformValues(keyAt(key, start / length), grey.length) : undefined
    grey.forEach((level, i) => {
      // Round to float32 as the training step does.
      const isWhite = thresholds ? (thresholds[i] as number) < Math.fround(level / WHITE) : level >= WHITE / 2
      binary[start + i] = isWhite ? WHITE : 0
    })
  }
  return { ...images, pixels: binary }
}
