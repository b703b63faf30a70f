/** Levels: the bytes 0 (dark) … 255 (bright) of files and pictures, of each channel, and the values 0 … 1 that models read. */
import * as tf from '#tfjs'

/** The level of a white pixel. */
export const WHITE = 255

/** Levels of any shape as values in [0, 1]. */
export const toUnit = (levels: tf.Tensor): tf.Tensor => tf.div(levels, WHITE)

/** `toUnit` on the host. */
export const unitValues = (levels: ArrayLike<number>): Float32Array => Float32Array.from(levels, level => level / WHITE)

/** Values in [0, 1], rounded to levels. */
export const toLevels = (values: ArrayLike<number>): Uint8Array =>
  Uint8Array.from(values, value => Math.round(WHITE * value))
