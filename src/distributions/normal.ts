/** The normal distribution with diagonal covariance, by mean and log variance: N(z; mu, exp(logVar)). */
import * as tf from '#tfjs'
import { LOG_2PI } from '../numeric/special-functions.js'
import { type Key, normal } from '../random.js'

/** A density from which draws are known. */
export interface Density {
  /** Independent draws: a tensor of `shape` [..., dimensions]. */
  sample(key: Key, shape: number[]): tf.Tensor
  /** In nats: [..., dimensions] -> [...]. */
  logProb(z: tf.Tensor): tf.Tensor
}

/**
 * log N(z; mu, exp(logVar)) in nats, summed over the last axis; z, mu and logVar [..., latent] broadcast.
 *
 * @example
 * const z = tf.tensor1d([0, 0])
 * console.log(gaussian.logProb(z, z, tf.zeros([2])).dataSync()[0]?.toFixed(4)) // -1.8379
 */
export function logProb(z: tf.Tensor, mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor {
  // -1/2 sum(log 2 pi + log sigma^2 + (z - mu)^2 / sigma^2)
  return tf.tidy(() => {
    const squared = tf.mul(tf.square(tf.sub(z, mu)), tf.exp(tf.neg(logVar)))
    return tf.mul(tf.sum(tf.add(tf.add(squared, logVar), LOG_2PI), -1), -0.5)
  })
}

/**
 * The draw z = mu + sigma epsilon of N(mu, exp(logVar)), for standard normal epsilon; the three broadcast.
 *
 * @example
 * const z = gaussian.at(tf.scalar(2), tf.scalar(1), tf.scalar(0)) // mu 1, sigma 1
 * console.log(z.dataSync()[0]) // 3
 */
export const at = (epsilon: tf.Tensor, mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor =>
  tf.add(mu, tf.mul(tf.exp(tf.mul(logVar, 0.5)), epsilon))

/**
 * d log N(z; mu, exp(logVar)) / dz at the draw z = mu + sigma epsilon: -(z - mu) / sigma^2 = -epsilon / sigma.
 *
 * @example
 * console.log(gaussian.slopeAt(tf.scalar(2), tf.scalar(0)).dataSync()[0]) // -2
 */
export const slopeAt = (epsilon: tf.Tensor, logVar: tf.Tensor): tf.Tensor =>
  tf.neg(tf.mul(tf.exp(tf.mul(logVar, -0.5)), epsilon))

/**
 * log N(z; 0, I) in nats, summed over the last axis.
 *
 * @example
 * console.log(gaussian.standardLogProb(tf.zeros([2])).dataSync()[0]?.toFixed(4)) // -1.8379
 */
export function standardLogProb(z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.sum(tf.add(tf.square(z), LOG_2PI), -1), -0.5))
}

/** N(0, I). */
export const standardNormal: Density = { sample: normal, logProb: standardLogProb }

/**
 * KL(N(mu, exp(logVar)) || N(0, 1)) in nats for every entry (Kingma & Welling 2013, appendix B).
 *
 * @example
 * console.log(gaussian.klToStandard(tf.tensor1d([1]), tf.tensor1d([0])).dataSync()[0]) // 0.5
 */
export function klToStandard(mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor {
  // 1/2 (mu^2 + sigma^2 - log sigma^2 - 1)
  return tf.tidy(() => tf.mul(tf.sub(tf.sub(tf.add(tf.square(mu), tf.exp(logVar)), logVar), 1), 0.5))
}
