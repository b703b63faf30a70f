/** The evidence lower bound in nats per image: ELBO = E_q[log p(x|z)] - KL(q(z|x) || p(z)) <= log p(x). */
import * as tf from '#tfjs'
import { ownRows, wholeBatch } from '../collectives/all-reduce.js'
import type { Posterior } from '../models/latents.js'
import { decode, encode, type Vae } from '../models/vae.js'
import type { Key } from '../random.js'

/** KL(q || p) in closed form, or as the mean of log q(z|x) - log p(z) over the samples. */
export const klEstimators = ['analytic', 'monte-carlo'] as const

export interface ElboOptions {
  /** Draws z ~ q(z|x) per image, L in Kingma & Welling 2013, equation 7. */
  samples: number
  kl: (typeof klEstimators)[number]
}

/** The bound and its two terms, each [batch] in nats per image: elbo = reconstruction - kl. */
export interface Elbo {
  elbo: tf.Tensor
  /** Mean of log p(x|z) over the samples. Negative for binary images; higher is better. */
  reconstruction: tf.Tensor
  kl: tf.Tensor
}

/**
 * The ELBO of each image in x [batch, pixels], with noise from `key` (Kingma & Welling 2013, equations 6-7).
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const bound = elbo(vae, x, streamKey(1, 'z'), { samples: 10, kl: 'analytic' })
 * const difference = tf.sub(bound.elbo, tf.sub(bound.reconstruction, bound.kl))
 * console.log(Math.abs(difference.dataSync()[0] ?? 1) < 1e-6) // true
 */
export function elbo(vae: Vae, x: tf.Tensor, key: Key, options: ElboOptions): Elbo {
  return elboOf(vae, x, encode(vae, x), key, options)
}

/** The ELBO of each image in x [batch, pixels] under any q(z), not only the encoder's. */
export function elboOf(vae: Vae, x: tf.Tensor, q: Posterior, key: Key, { samples, kl: estimator }: ElboOptions): Elbo {
  const { z, logPriorRatio } = q.at(drawNoise(vae, x, key, samples))
  return elboFrom(q, { reconstruction: decode(vae, z).logProb(x), logPriorRatio }, estimator)
}

/** The ELBO from log p(x|z) and log p(z) - log q(z|x) of draws from q, [samples, batch] each. */
export function elboFrom(
  q: Posterior,
  perDraw: { reconstruction: tf.Tensor; logPriorRatio: tf.Tensor },
  estimator: ElboOptions['kl'],
): Elbo {
  const reconstruction = tf.mean(perDraw.reconstruction, 0) // [batch]
  const kl = estimator === 'analytic' ? tf.sum(q.kl(), -1) : tf.neg(tf.mean(perDraw.logPriorRatio, 0)) // [batch]
  return { elbo: tf.sub(reconstruction, kl), reconstruction, kl }
}

/** Noise for `samples` draws of z for each image of x [batch, pixels]: [samples, batch, latent]. */
export function drawNoise({ latents, latentDim }: Vae, x: tf.Tensor, key: Key, samples: number): tf.Tensor {
  return ownRows(latents.noise(key, [samples, wholeBatch(x.shape[0] as number), latentDim]), 1)
}
