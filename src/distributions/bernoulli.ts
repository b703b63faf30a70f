/** The Bernoulli distribution over binary images, by logits: p(x | l) = sigmoid(l)^x (1 - sigmoid(l))^(1-x). */
import * as tf from '#tfjs'
import { type Key, uniform } from '../random.js'

/**
 * log p(x | logits) in nats, summed over the last axis. `x` [..., pixels] holds zeros and ones, `logits` [..., pixels]
 * any real numbers; the two broadcast. Finite for every finite logit; accurate to 1e-7 nats per pixel.
 *
 * @example
 * console.log(bernoulli.logProb(tf.tensor1d([1, 0]), tf.zeros([2])).dataSync()[0]?.toFixed(4)) // -1.3863
 */
export function logProb(x: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  // log p = x l - log(1 + e^l)
  return tf.tidy(() => tf.sum(tf.sub(tf.mul(x, logits), softplus(logits)), -1))
}

/**
 * log(1 + e^l) = max(l, 0) + log(1 + e^-|l|). Compiled, it takes a third of the time of `tf.softplus`, which is more accurate for
 * small values.
 */
const softplus = tf.customGrad((...inputs) => {
  const [logits, save] = inputs as [tf.Tensor, tf.GradSaveFunc]
  save([logits])
  return {
    value: tf.add(tf.relu(logits), tf.log(tf.add(tf.exp(tf.neg(tf.abs(logits))), 1))),
    gradFunc: (dy, saved) => tf.mul(dy as tf.Tensor, tf.sigmoid(saved[0] as tf.Tensor)),
  }
})

/**
 * log p(z) in nats of binary z [..., size] under Bernoulli(1/2): [...], each -size log 2.
 *
 * @example
 * console.log(bernoulli.fairLogProb(tf.tensor1d([1, 0, 1])).dataSync()[0]?.toFixed(4)) // -2.0794
 */
export const fairLogProb = (z: tf.Tensor): tf.Tensor =>
  tf.fill(z.shape.slice(0, -1), -Math.LN2 * (z.shape.at(-1) as number))

/**
 * KL(Bernoulli(sigmoid(l)) || Bernoulli(1/2)) in nats for every entry of `logits`: log 2 minus the entropy.
 *
 * @example
 * console.log(bernoulli.klToFair(tf.tensor1d([0])).dataSync()[0]) // 0
 */
export function klToFair(logits: tf.Tensor): tf.Tensor {
  // sigmoid(l) l - log(1 + e^l) + log 2
  return tf.tidy(() => tf.add(tf.sub(tf.mul(tf.sigmoid(logits), logits), softplus(logits)), Math.LN2))
}

/**
 * One draw per entry of `probabilities` (any shape, in [0, 1]): float32 zeros and ones of that shape.
 *
 * @example
 * console.log([...bernoulli.sample(streamKey(1, 'x'), tf.tensor1d([0, 1])).dataSync()]) // [ 0, 1 ]
 */
export function sample(key: Key, probabilities: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.cast(tf.less(uniform(key, probabilities.shape), probabilities), 'float32'))
}
