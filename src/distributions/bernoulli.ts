/** The Bernoulli distribution over binary images, by logits: p(x | l) = sigmoid(l)^x (1 - sigmoid(l))^(1-x). */
import * as tf from '@tensorflow/tfjs'
import { type Key, uniform } from '../random.js'

/**
 * log p(x | logits) in nats, summed over the last axis. `x` [..., pixels] holds zeros and ones, `logits` [..., pixels]
 * any real numbers; the two broadcast. Finite for every finite logit: softplus(l) = log(1 + e^l) never overflows.
 */
export function logProb(x: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  // log p = x l - log(1 + e^l)
  return tf.tidy(() => tf.sum(tf.sub(tf.mul(x, logits), tf.softplus(logits)), -1))
}

/** One draw per entry of `probabilities` (any shape, in [0, 1]): float32 zeros and ones of that shape. */
export function sample(key: Key, probabilities: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.cast(tf.less(uniform(key, probabilities.shape), probabilities), 'float32'))
}
