/**
 * The importance-weighted bound in nats per image (Burda, Grosse & Salakhutdinov 2015, equation 8):
 * IWAE_k = E[log 1/k sum_i w_i], w_i = p(x, z_i) / q(z_i|x), z_i ~ q(z|x). ELBO = IWAE_1 <= IWAE_k <= IWAE_k+1 <= log p(x).
 */
import * as tf from '#tfjs'
import type { Posterior } from '../models/latents.js'
import { decode, encode, type Vae } from '../models/vae.js'
import type { Key } from '../random.js'
import { drawNoise, type Elbo } from './elbo.js'

/** The importance-weighted bound and the ELBO, estimated from the same draws, each [batch] in nats per image. */
export interface ImportanceWeighted extends Elbo {
  iwae: tf.Tensor
}

/**
 * Both bounds of each image in x [batch, pixels], with noise from `key`. The KL term is sampled.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const { iwae, elbo } = importanceWeighted(vae, x, streamKey(1, 'z'), 50)
 * console.log((iwae.dataSync()[0] ?? 0) >= (elbo.dataSync()[0] ?? 0)) // true
 */
export function importanceWeighted(vae: Vae, x: tf.Tensor, key: Key, samples: number): ImportanceWeighted {
  return boundsOf(logWeights(vae, x, encode(vae, x), drawNoise(vae, x, key, samples)))
}

/** log w and its reconstruction term, each [samples, batch] in nats. */
export interface LogWeights {
  logWeights: tf.Tensor
  /** log p(x|z). */
  reconstruction: tf.Tensor
}

/** log w = log p(x|z) + log p(z) - log q(z|x) of the draws of q given by `noise` [samples, batch, latent]. */
export function logWeights(vae: Vae, x: tf.Tensor, q: Posterior, noise: tf.Tensor): LogWeights {
  const { z, logPriorRatio } = q.at(noise)
  const reconstruction = decode(vae, z).logProb(x)
  return { logWeights: tf.add(reconstruction, logPriorRatio), reconstruction }
}

/** Both bounds from log weights. */
export function boundsOf({ logWeights: logs, reconstruction: perDraw }: LogWeights): ImportanceWeighted {
  const elbo = tf.mean(logs, 0)
  const reconstruction = tf.mean(perDraw, 0)
  return { iwae: logMeanExp(logs), elbo, reconstruction, kl: tf.sub(reconstruction, elbo) }
}

/** log of the mean weight over samples, without overflow, from log weights [samples, batch]: [batch]. */
export const logMeanExp = tf.customGrad((...inputs) => {
  const [logs, save] = inputs as [tf.Tensor, tf.GradSaveFunc]
  save([logs])
  const max = tf.max(logs, 0)
  return {
    value: tf.add(tf.log(tf.mean(tf.exp(tf.sub(logs, max)), 0)), max),
    gradFunc: (dy, saved) => tf.mul(dy as tf.Tensor, normalized(saved[0] as tf.Tensor)),
  }
})

/** Importance weights that sum to 1 over the samples, from log weights [samples, batch]: [samples, batch]. */
export function normalized(logs: tf.Tensor): tf.Tensor {
  const weights = tf.exp(tf.sub(logs, tf.max(logs, 0)))
  return tf.div(weights, tf.sum(weights, 0))
}
