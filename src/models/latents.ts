/**
 * Families of z: q(z|x), parameterized by the encoder's outputs, and the prior p(z). Every draw is a function of parameter-free
 * noise, so that the noise can be held fixed, and draws differentiated where the function is smooth.
 */
import * as tf from '#tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import type { Components } from '../distributions/gaussian-mixture.js'
import * as gaussian from '../distributions/normal.js'
import { type Key, normal, uniform } from '../random.js'

/** q(z|x) of each image of a batch. */
export interface Posterior {
  /** The encoder's outputs, [batch, latent] each. */
  readonly heads: readonly tf.Tensor[]
  /** The most probable z, [batch, latent]; with two layers, the mode of h1 and the mode of h2 given that h1. */
  readonly mode: tf.Tensor
  /** The draws computed from noise [samples, batch, latent]. */
  at(noise: tf.Tensor): Draws
  /** log q(z|x) in nats: z [samples, batch, latent] -> [samples, batch]. */
  logProb(z: tf.Tensor): tf.Tensor
  /**
   * d log q(z|x) / dz, with q held fixed, at the draws computed from `noise`; both [samples, batch, latent]. A function of the noise,
   * because z is rounded to the mean where sigma is much smaller. Throws an Error if z is discrete.
   */
  slope(noise: tf.Tensor): tf.Tensor
  /**
   * KL(q(z_j|x) || p(z_j)) of each dimension in nats: [batch, latent]. Their sum is KL(q(z|x) || p(z)). Throws an Error if there is no
   * closed form.
   */
  kl(): tf.Tensor
  /**
   * E_q[z] [batch, latent], and KL(q(z|x) || p(z)) in nats [batch]; without a closed form they are estimated with noise from `key`.
   * `meanVariance` [batch, latent] is the sampling variance of `mean`; absent if `mean` is exact.
   */
  expectations(key: Key): { mean: tf.Tensor; kl: tf.Tensor; meanVariance?: tf.Tensor }
}

export interface Draws {
  /** [samples, batch, latent]. */
  z: tf.Tensor
  /** log p(z) - log q(z|x) in nats: [samples, batch]. */
  logPriorRatio: tf.Tensor
}

/** p(z). */
export interface Prior extends gaussian.Density {
  /** The draws computed from noise [..., latent], of the same shape; absent if there is no such function, as for a mixture. */
  at?(noise: tf.Tensor): tf.Tensor
  /** Of a learned prior of one layer: the Gaussians that it is a mixture of. Call it inside `tf.tidy`. */
  components?(): Components
  /** Of a learned prior of one layer: mean and variance of each dimension, [latent] each. */
  moments?(): { mean: tf.Tensor; variance: tf.Tensor }
  /** Sets the parameters of a learned prior at the start; a VampPrior starts at `images` [images, pixels] in [0, 1] if they are given. */
  initialize?(key: Key, images?: tf.Tensor): void
}

export interface Latents {
  /** Names of the encoder's output layers, each [batch, latent]. */
  readonly heads: readonly string[]
  /** Whether draws are differentiable in the encoder's outputs (Kingma & Welling 2013, section 2.4). */
  readonly reparameterized: boolean
  /** Whether KL(q(z|x) || p(z)) has a closed form, dimension by dimension. */
  readonly exactKl: boolean
  posterior(heads: readonly tf.Tensor[]): Posterior
  /** Noise for `Posterior.at` and `Prior.at`, of any shape. */
  noise(key: Key, shape: number[]): tf.Tensor
  readonly prior: Prior
  /** The part of z [..., latent] that the decoder takes as input. */
  decoded(z: tf.Tensor): tf.Tensor
  /** Further networks: those of q(z|x) besides the encoder, and those of p(z). */
  readonly networks: { readonly encoder: readonly tf.LayersModel[]; readonly decoder: readonly tf.LayersModel[] }
}

/** Common to families with one latent layer. */
const oneLayer = { exactKl: true, decoded: (z: tf.Tensor) => z, networks: { encoder: [], decoder: [] } } as const

/** z of `heads` mu and log sigma^2: q(z|x) = N(mu, sigma^2), p(z) = N(0, I). */
export const gaussianLatents: Latents = {
  heads: ['mu', 'log_var'],
  reparameterized: true,
  posterior(heads) {
    const [mu, logVar] = heads as [tf.Tensor, tf.Tensor]
    return {
      heads,
      mode: mu,
      at(epsilon) {
        const z = gaussian.at(epsilon, mu, logVar)
        // log p(z) - log q(z|x) = -1/2 sum(z^2 - epsilon^2 - log sigma^2)
        const terms = tf.sub(tf.sub(tf.square(z), tf.square(epsilon)), logVar)
        return { z, logPriorRatio: tf.mul(tf.sum(terms, -1), -0.5) }
      },
      logProb: z => gaussian.logProb(z, mu, logVar),
      slope: epsilon => gaussian.slopeAt(epsilon, logVar),
      kl: () => gaussian.klToStandard(mu, logVar),
      expectations: () => ({ mean: mu, kl: tf.sum(gaussian.klToStandard(mu, logVar), -1) }),
    }
  },
  noise: normal,
  prior: { ...gaussian.standardNormal, at: epsilon => epsilon },
  ...oneLayer,
}

/** Fair coins from uniform noise. */
const fair = (noise: tf.Tensor): tf.Tensor => tf.cast(tf.less(noise, 0.5), 'float32')

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
      mode: tf.cast(tf.greater(logits, 0), 'float32'),
      at(noise) {
        const z = tf.cast(tf.less(noise, mean), 'float32')
        return { z, logPriorRatio: tf.sub(bernoulli.fairLogProb(z), logProb(z)) }
      },
      logProb,
      slope() {
        throw new Error('d log q(z|x) / dz does not exist: z is binary')
      },
      kl: () => bernoulli.klToFair(logits),
      expectations: () => ({ mean, kl: tf.sum(bernoulli.klToFair(logits), -1) }),
    }
  },
  noise: uniform,
  prior: { sample: (key, shape) => fair(uniform(key, shape)), at: fair, logProb: bernoulli.fairLogProb },
  ...oneLayer,
}

export const latentNames = ['gaussian', 'bernoulli'] as const

export type LatentName = (typeof latentNames)[number]

export const latentFamilies: Readonly<Record<LatentName, Latents>> = {
  gaussian: gaussianLatents,
  bernoulli: bernoulliLatents,
}
