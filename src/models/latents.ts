/**
 * Families of z: q(z|x) as the encoder's outputs give it, and the prior p(z). Every draw is a function of noise that has no
 * parameters, so that what is drawn can be held fixed, or differentiated where the function is smooth.
 */
import * as tf from '@tensorflow/tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import * as gaussian from '../distributions/normal.js'
import { type Key, normal, uniform } from '../random.js'

/** q(z|x) of each image of a batch. */
export interface Posterior {
  /** The encoder's outputs, [batch, latent] each. */
  readonly heads: readonly tf.Tensor[]
  /** [batch, latent]. */
  readonly mean: tf.Tensor
  /** The most probable z: [batch, latent]. */
  readonly mode: tf.Tensor
  /** The draws that noise [samples, batch, latent] leads to. */
  at(noise: tf.Tensor): Draws
  /** log q(z|x) in nats: z [samples, batch, latent] -> [samples, batch]. */
  logProb(z: tf.Tensor): tf.Tensor
  /** KL(q(z_j|x) || p(z_j)) of each dimension in nats: [batch, latent]. Their sum is KL(q(z|x) || p(z)). */
  kl(): tf.Tensor
}

export interface Draws {
  /** [samples, batch, latent]. */
  z: tf.Tensor
  /** log p(z) - log q(z|x) in nats: [samples, batch]. */
  logPriorRatio: tf.Tensor
}

export interface Latents {
  /** Names of the encoder's output layers, each [batch, latent]. */
  readonly heads: readonly string[]
  /** Whether draws are differentiable in the encoder's outputs (Kingma & Welling 2013, section 2.4). */
  readonly reparameterized: boolean
  /** Heads of zeros give the prior. */
  posterior(heads: readonly tf.Tensor[]): Posterior
  /** Noise for `Posterior.at`, of any shape. */
  noise(key: Key, shape: number[]): tf.Tensor
  /** p(z): draws of any shape [..., latent], and their log probability in nats, summed over the last axis. */
  readonly prior: { sample(key: Key, shape: number[]): tf.Tensor; logProb(z: tf.Tensor): tf.Tensor }
}

/** z of `heads` mu and log sigma^2: q(z|x) = N(mu, sigma^2), p(z) = N(0, I). */
const gaussianLatents: Latents = {
  heads: ['mu', 'log_var'],
  reparameterized: true,
  posterior(heads) {
    const [mu, logVar] = heads as [tf.Tensor, tf.Tensor]
    return {
      heads,
      mean: mu,
      mode: mu,
      at(epsilon) {
        const z = tf.add(mu, tf.mul(tf.exp(tf.mul(logVar, 0.5)), epsilon))
        // log p(z) - log q(z|x) = -1/2 sum(z^2 - epsilon^2 - log sigma^2)
        const terms = tf.sub(tf.sub(tf.square(z), tf.square(epsilon)), logVar)
        return { z, logPriorRatio: tf.mul(tf.sum(terms, -1), -0.5) }
      },
      logProb: z => gaussian.logProb(z, mu, logVar),
      kl: () => gaussian.klToStandard(mu, logVar),
    }
  },
  noise: normal,
  prior: { sample: normal, logProb: gaussian.standardLogProb },
}

/** Binary z of logits l: q(z_j = 1 | x) = sigmoid(l_j), p(z_j = 1) = 1/2. */
const bernoulliLatents: Latents = {
  heads: ['logits'],
  reparameterized: false,
  posterior(heads) {
    const [logits] = heads as [tf.Tensor]
    const mean = tf.sigmoid(logits)
    const logProb = (z: tf.Tensor) => bernoulli.logProb(z, logits)
    return {
      heads,
      mean,
      mode: tf.cast(tf.greater(logits, 0), 'float32'),
      at(noise) {
        const z = tf.cast(tf.less(noise, mean), 'float32')
        return { z, logPriorRatio: tf.sub(bernoulli.fairLogProb(z), logProb(z)) }
      },
      logProb,
      kl: () => bernoulli.klToFair(logits),
    }
  },
  noise: uniform,
  prior: {
    sample: (key, shape) => bernoulli.sample(key, tf.fill(shape, 0.5)),
    logProb: bernoulli.fairLogProb,
  },
}

export const latentNames = ['gaussian', 'bernoulli'] as const

export type LatentName = (typeof latentNames)[number]

export const latentFamilies: Readonly<Record<LatentName, Latents>> = {
  gaussian: gaussianLatents,
  bernoulli: bernoulliLatents,
}
