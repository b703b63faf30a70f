/** The evidence lower bound, per image, in nats: ELBO = E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x). */
import * as tf from '@tensorflow/tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import * as gaussian from '../distributions/normal.js'
import { decode, encode, type Posterior, type Vae } from '../models/vae.js'
import type { Key } from '../random.js'

/** How KL(q || p) is computed: in closed form, or as the mean of log q(z|x) - log p(z) over the samples. */
export const klEstimators = ['analytic', 'monte-carlo'] as const

export interface ElboOptions {
  /** Draws z ~ q(z|x) per image, L in Kingma & Welling 2013, equation 7. */
  samples: number
  kl: (typeof klEstimators)[number]
}

/** Both parts of the bound, each [batch] in nats per image: elbo = reconstruction - kl. */
export interface Elbo {
  elbo: tf.Tensor
  /** The sampled mean of log p(x|z): negative, higher is better. */
  reconstruction: tf.Tensor
  kl: tf.Tensor
}

/** The ELBO of each binary image in x [batch, pixels], with noise from `key` (Kingma & Welling 2013, equations 6-7). */
export function elbo(vae: Vae, x: tf.Tensor, key: Key, options: ElboOptions): Elbo {
  return elboOf(vae, x, encode(vae, x), key, options)
}

/** The ELBO of each image with any q(z), not only the encoder's. */
export function elboOf(
  vae: Vae,
  x: tf.Tensor,
  { mu, logVar }: Posterior,
  key: Key,
  { samples, kl: estimator }: ElboOptions,
): Elbo {
  const z = gaussian.sample(key, mu, logVar, samples) // [samples, batch, latent]
  const reconstruction = tf.mean(bernoulli.logProb(x, decode(vae, z)), 0) // [batch]
  const kl =
    estimator === 'analytic'
      ? gaussian.klToStandard(mu, logVar) // [batch]
      : tf.mean(tf.sub(gaussian.logProb(z, mu, logVar), gaussian.standardLogProb(z)), 0) // [batch]
  return { elbo: tf.sub(reconstruction, kl), reconstruction, kl }
}
