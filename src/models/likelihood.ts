/** What a family of p(x|z) is. */
import * as tf from '#tfjs'
import type { Key } from '../random.js'

/** p(x|z) for each z [..., latent]. */
export interface PixelDistribution {
  /** The mean image: [..., pixels]. */
  readonly mean: tf.Tensor
  /** log p(x|z) in nats, summed over pixels; x [..., pixels] broadcasts over the leading axes of z. */
  logProb(x: tf.Tensor): tf.Tensor
  /** log p(x|z) in nats of every image given every z: x [images, pixels], z [points, latent] -> [points, images]. */
  logProbOfEach(x: tf.Tensor): tf.Tensor
  /** One image drawn for each z: [..., pixels]. */
  sample(key: Key): tf.Tensor
}

/** An output layer of the decoder. */
export interface Head {
  readonly name: string
  /**
   * What it outputs: one number for each value of the image (row, column and channel), one for each channel, which is repeated over the
   * pixels, or `size` numbers for each pixel. Every head's output has all of them in one axis.
   */
  readonly per: 'value' | 'channel' | 'pixel'
  /** With `per: 'pixel'`. */
  readonly size?: number
}

export interface Likelihood {
  /** The decoder's output layers; the first is `logits`, the logits of the mean or location of each value. */
  readonly heads: readonly Head[]
  /** What x is: binary values, levels 0 … 255 as multiples of 1/255, or grey values in [0, 1] with a density. */
  readonly values: 'binary' | 'levels' | 'density'
  /** Whether log p(x|z) is linear in x, so that `logProbOfEach` is one matrix product. */
  readonly linear: boolean
  /** Whether sigmoid(logits) is the mean image. */
  readonly sigmoidMean: boolean
  /** What the decoder's outputs mean, in a line for users of an exported decoder. */
  readonly meaning: string
  of(heads: readonly tf.Tensor[]): PixelDistribution
}

/** Outputs of the decoder, to be compared with each of many images: [points, values] -> [points, 1, values]. */
export const besideImages = (outputs: tf.Tensor): tf.Tensor =>
  tf.reshape(outputs, [-1, 1, outputs.shape.at(-1) as number])
