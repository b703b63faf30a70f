/**
 * The Monte Carlo E step of a mixture: direct draws of z from p(z | x). The images' components are independent given the parameters, so this
 * equals one Gibbs sweep over z. No chain is needed.
 */
import * as tf from '#tfjs'
import { type Key, uniform } from '../../random.js'

/** The mean of `samples` one-hot draws per image with probabilities r [K, batch]: an unbiased estimate of r, [K, batch]. */
export function drawShares(key: Key, responsibilities: tf.Tensor, samples: number): tf.Tensor {
  return tf.tidy(() => {
    const [components, batch] = responsibilities.shape as [number, number]
    const upTo = tf.cumsum(responsibilities, 0) // [K, batch]
    const total = tf.slice(upTo, [components - 1, 0], [1, batch])
    const drawn = tf.reshape(tf.mul(uniform(key, [samples, batch]), total), [samples, 1, batch])
    // Fraction of draws in components 0 … k. By inversion of the cumulative distribution, draw s is in k if upTo_k-1 < u_s <= upTo_k.
    const atMost = tf.mean(tf.cast(tf.lessEqual(drawn, tf.reshape(upTo, [1, components, batch])), 'float32'), 0)
    const below = tf.concat([tf.zeros([1, batch]), tf.slice(atMost, [0, 0], [components - 1, batch])], 0)
    return tf.sub(atMost, below)
  })
}
