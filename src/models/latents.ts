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
  /** The most probable z; of a second layer, the most probable given the first: [batch, latent]. */
  readonly mode: tf.Tensor
  /** The draws that noise [samples, batch, latent] leads to. */
  at(noise: tf.Tensor): Draws
  /** log q(z|x) in nats: z [samples, batch, latent] -> [samples, batch]. */
  logProb(z: tf.Tensor): tf.Tensor
  /**
   * d log q(z|x) / dz at the draws that noise leads to, q held fixed, both [samples, batch, latent]. Of the noise, because z itself is
   * rounded to the mean where sigma is small beside it. Throws an Error where z is discrete.
   */
  slope(noise: tf.Tensor): tf.Tensor
  /**
   * KL(q(z_j|x) || p(z_j)) of each dimension in nats: [batch, latent]. Their sum is KL(q(z|x) || p(z)). Throws an Error where there is no
   * closed form.
   */
  kl(): tf.Tensor
  /**
   * E_q[z] [batch, latent], and KL(q(z|x) || p(z)) in nats [batch]; what has no closed form is estimated with noise from `key`.
   * `meanVariance` [batch, latent] is the variance that this noise gives `mean`; absent where that is exact.
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
export interface Prior {
  /** The draws that noise [..., latent] leads to, of that shape. */
  at(noise: tf.Tensor): tf.Tensor
  /** log p(z) in nats: [..., latent] -> [...]. */
  logProb(z: tf.Tensor): tf.Tensor
}

export interface Latents {
  /** Names of the encoder's output layers, each [batch, latent]. */
  readonly heads: readonly string[]
  /** Whether draws are differentiable in the encoder's outputs (Kingma & Welling 2013, section 2.4). */
  readonly reparameterized: boolean
  /** Heads of zeros give the prior. */
  posterior(heads: readonly tf.Tensor[]): Posterior
  /** Noise for `Posterior.at` and `Prior.at`, of any shape. */
  noise(key: Key, shape: number[]): tf.Tensor
  readonly prior: Prior
  /** The part of z [..., latent] that p(x|z) depends on, which the decoder reads. */
  decoded(z: tf.Tensor): tf.Tensor
  /** Networks of the family's own: of q(z|x) beyond the encoder, and of p(z). */
  readonly networks: { readonly encoder: readonly tf.LayersModel[]; readonly decoder: readonly tf.LayersModel[] }
}

/** What families of one layer have in common. */
const oneLayer = { decoded: (z: tf.Tensor) => z, networks: { encoder: [], decoder: [] } } as const

/** z of `heads` mu and log sigma^2: q(z|x) = N(mu, sigma^2), p(z) = N(0, I). */
const gaussianLatents: Latents = {
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
  prior: { at: epsilon => epsilon, logProb: gaussian.standardLogProb },
  ...oneLayer,
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
      mode: tf.cast(tf.greater(logits, 0), 'float32'),
      at(noise) {
        const z = tf.cast(tf.less(noise, mean), 'float32')
        return { z, logPriorRatio: tf.sub(bernoulli.fairLogProb(z), logProb(z)) }
      },
      logProb,
      slope() {
        throw new Error('d log q(z|x) / dz: z is binary')
      },
      kl: () => bernoulli.klToFair(logits),
      expectations: () => ({ mean, kl: tf.sum(bernoulli.klToFair(logits), -1) }),
    }
  },
  noise: uniform,
  prior: { at: noise => tf.cast(tf.less(noise, 0.5), 'float32'), logProb: bernoulli.fairLogProb },
  ...oneLayer,
}

export const latentNames = ['gaussian', 'bernoulli'] as const

export type LatentName = (typeof latentNames)[number]

export const latentFamilies: Readonly<Record<LatentName, Latents>> = {
  gaussian: gaussianLatents,
  bernoulli: bernoulliLatents,
}
