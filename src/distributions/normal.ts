/** The normal distribution with diagonal covariance, by mean and log variance: N(z; mu, exp(logVar)). */
import * as tf from '@tensorflow/tfjs'
import { type Key, normal } from '../random.js'

const LOG_2PI = Math.log(2 * Math.PI)

/** log N(z; mu, exp(logVar)) in nats, summed over the last axis; z, mu and logVar [..., latent] broadcast. */
export function logProb(z: tf.Tensor, mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor {
  // -1/2 sum(log 2 pi + log sigma^2 + (z - mu)^2 / sigma^2)
  return tf.tidy(() => {
    const squared = tf.mul(tf.square(tf.sub(z, mu)), tf.exp(tf.neg(logVar)))
    return tf.mul(tf.sum(tf.add(tf.add(squared, logVar), LOG_2PI), -1), -0.5)
  })
}

/** log N(z; 0, I) in nats, summed over the last axis. */
export function standardLogProb(z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(tf.sum(tf.add(tf.square(z), LOG_2PI), -1), -0.5))
}

/**
 * `samples` reparameterized draws z = mu + sigma epsilon, epsilon ~ N(0, I) (Kingma & Welling 2013, section 2.4):
 * mu and logVar [batch, latent] -> z [samples, batch, latent], differentiable in both.
 */
export function sample(key: Key, mu: tf.Tensor, logVar: tf.Tensor, samples: number): tf.Tensor {
  return tf.tidy(() => {
    const epsilon = normal(key, [samples, ...mu.shape])
    const sigma = tf.exp(tf.mul(logVar, 0.5))
    return tf.add(mu, tf.mul(sigma, epsilon)) // [samples, batch, latent]
  })
}

/** KL(N(mu, exp(logVar)) || N(0, I)) in nats, summed over the last axis (Kingma & Welling 2013, appendix B). */
export function klToStandard(mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor {
  // 1/2 sum(mu^2 + sigma^2 - log sigma^2 - 1)
  return tf.tidy(() => {
    const terms = tf.sub(tf.sub(tf.add(tf.square(mu), tf.exp(logVar)), logVar), 1)
    return tf.mul(tf.sum(terms, -1), 0.5)
  })
}
