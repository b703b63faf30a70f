/**
 * The continuous Bernoulli distribution over values in [0, 1], by logits (Loaiza-Ganem & Cunningham 2019):
 * p(x | l) = exp(x l - A(l)), A(l) = log((e^l - 1) / l). Its cumulant A is softplus(l) - log C, with C = l / tanh(l / 2).
 */
import * as tf from '#tfjs'
import { type Key, uniform } from '../random.js'

/** Below this |l| the closed forms lose precision, so series are used. */
const SMALL = 0.3

/** Below this |l| the distribution is treated as uniform: the error is below the rounding error of the inverse in float32. */
const UNIFORM = 1e-3

/**
 * log p(x | logits) in nats, summed over the last axis: `x` [..., pixels] in [0, 1]; the two broadcast.
 *
 * @example
 * console.log(continuousBernoulli.logProb(tf.tensor1d([0.3]), tf.zeros([1])).dataSync()[0]?.toFixed(4)) // 0.0000
 */
export function logProb(x: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.sum(tf.sub(tf.mul(x, logits), cumulant(logits)), -1))
}

/**
 * The mean of each entry, A'(l) = 1 / (1 - e^-l) - 1 / l, in (0, 1); near 0 by the series 1/2 + l / 12 - l^3 / 720 + l^5 / 30240.
 *
 * @example
 * console.log(continuousBernoulli.mean(tf.tensor1d([0])).dataSync()[0]) // 0.5
 */
export function mean(logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const square = tf.square(logits)
    const series = tf.add(tf.mul(logits, polynomial(square, [1 / 30240, -1 / 720, 1 / 12])), 0.5)
    // 1/2 + coth(l / 2) / 2 - 1 / l is equal and never overflows.
    const safe = away(logits)
    const closed = tf.add(tf.sub(tf.div(0.5, tf.tanh(tf.div(safe, 2))), tf.div(1, safe)), 0.5)
    return tf.where(isSmall(logits), series, closed)
  })
}

/**
 * One draw per entry of `logits`, by inverting the cumulative distribution function: values in [0, 1] of that shape.
 *
 * @example
 * const x = continuousBernoulli.sample(streamKey(1, 'x'), tf.zeros([3]))
 * console.log(x.dataSync().every(value => value >= 0 && value <= 1)) // true
 */
export function sample(key: Key, logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const u = uniform(key, logits.shape)
    const uniformEnough = tf.less(tf.abs(logits), UNIFORM)
    // For l < 0: log(1 + u (e^l - 1)) / l. For l > 0: its mirror image, as p(x | l) = p(1 - x | -l).
    const negative = tf.neg(tf.where(uniformEnough, tf.onesLike(logits), tf.abs(logits)))
    const inverse = tf.div(tf.log1p(tf.mul(u, tf.expm1(negative))), negative)
    const drawn = tf.where(tf.greater(logits, 0), tf.sub(1, inverse), inverse)
    return tf.clipByValue(tf.where(uniformEnough, u, drawn), 0, 1)
  })
}

/** A(l) = log((e^l - 1) / l), whose derivative is the mean. */
const cumulant = tf.customGrad((...inputs) => {
  const [logits, save] = inputs as [tf.Tensor, tf.GradSaveFunc]
  save([logits])
  return {
    value: cumulantValue(logits),
    gradFunc: (dy, saved) => tf.mul(dy as tf.Tensor, mean(saved[0] as tf.Tensor)),
  }
})

/** l / 2 + l^2 / 24 - l^4 / 2880 + l^6 / 181440 near 0; otherwise max(l, 0) + log((1 - e^-|l|) / |l|). */
function cumulantValue(logits: tf.Tensor): tf.Tensor {
  const square = tf.square(logits)
  const series = tf.add(tf.div(logits, 2), tf.mul(square, polynomial(square, [1 / 181440, -1 / 2880, 1 / 24])))
  const size = tf.abs(away(logits))
  const closed = tf.add(tf.relu(logits), tf.log(tf.div(tf.sub(1, tf.exp(tf.neg(size))), size)))
  return tf.where(isSmall(logits), series, closed)
}

const isSmall = (logits: tf.Tensor): tf.Tensor => tf.less(tf.abs(logits), SMALL)

/** The logits, with small ones replaced by 1: the closed forms divide by them. */
const away = (logits: tf.Tensor): tf.Tensor => tf.where(isSmall(logits), tf.onesLike(logits), logits)

/** Horner's scheme; coefficients from the highest power to the constant. */
const polynomial = (x: tf.Tensor, [highest = 0, ...rest]: readonly number[]): tf.Tensor =>
  rest.reduce((sum, coefficient) => tf.add(tf.mul(sum, x), coefficient), tf.fill(x.shape, highest) as tf.Tensor)
