/**
 * The discretized logistic distribution over the 256 levels of a byte (Kingma et al. 2016, section 2; Salimans et al. 2017, equation 1):
 * a logistic distribution with location m and scale s over x in [0, 1], integrated over the cell of each level, x ± 1/510; black and white
 * take the tails. The 256 probabilities sum to 1, so that -log2 P is a code length.
 */
import * as tf from '#tfjs'
import { type Key, uniform } from '../random.js'

/** The highest of the 256 levels. */
const WHITE = 255

/** Half of the width of a level's cell. */
const HALF = 0.5 / WHITE

/** Scales do not go below e^-7, a quarter of a level's cell: rounding of x - m would be felt below that. */
const SMALLEST_LOG_SCALE = -7

/**
 * log P(x) in nats of each level x, a multiple of 1/255 in [0, 1]; x, `location` and `logScale` broadcast. As
 * sigma(a) - sigma(b) = sigma(a) sigma(-b) (1 - e^(b - a)), nothing cancels, however small the probability.
 */
export function logProb(x: tf.Tensor, location: tf.Tensor, logScale: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const scale = tf.exp(tf.maximum(logScale, SMALLEST_LOG_SCALE))
    const difference = tf.sub(x, location)
    const below = tf.neg(tf.softplus(tf.neg(tf.div(tf.add(difference, HALF), scale)))) // log sigma(a), a at the cell's upper end
    const above = tf.neg(tf.softplus(tf.div(tf.sub(difference, HALF), scale))) // log sigma(-b), b at its lower end
    const width = tf.log(tf.neg(tf.expm1(tf.div(-2 * HALF, scale))))
    const between = tf.add(tf.add(below, above), width)
    const isBlack = tf.less(x, HALF)
    const isWhite = tf.greater(x, 1 - HALF)
    return tf.where(isBlack, below, tf.where(isWhite, above, between))
  })
}

/** One level drawn for each location and scale: multiples of 1/255 in [0, 1]. */
export function sample(key: Key, location: tf.Tensor, logScale: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const scale = tf.exp(tf.maximum(logScale, SMALLEST_LOG_SCALE))
    const shape = tf.broadcastTo(
      location,
      tf.broadcast_util.assertAndGetBroadcastShape(location.shape, logScale.shape),
    ).shape
    const u = uniform(key, shape)
    const drawn = tf.add(location, tf.mul(scale, tf.sub(tf.log(u), tf.log1p(tf.neg(u)))))
    return toLevel(drawn)
  })
}

/** The nearest level. */
const toLevel = (x: tf.Tensor): tf.Tensor => tf.div(tf.round(tf.mul(tf.clipByValue(x, 0, 1), WHITE)), WHITE)
