/**
 * Gradients that leave out the score of q, whose mean is known: sticking the landing for the ELBO (Roeder, Wu & Duvenaud 2017), and
 * the doubly reparameterized gradient for the importance-weighted bound (Tucker, Lawson, Gu & Maddison 2018).
 */
import * as tf from '@tensorflow/tfjs'
import { decode, encode, type Vae } from '../../models/vae.js'
import { drawNoise } from '../../objectives/elbo.js'
import { boundsOf, logWeights, normalized } from '../../objectives/importance-weighted.js'
import type { Key } from '../../random.js'
import type { Ascent } from './ascent.js'

interface Options {
  samples: number
}

/**
 * The ELBO with a sampled KL term, as a function of the decoder and of where z lies, q itself held fixed: where q is the posterior, the
 * gradient in the encoder is zero for every draw.
 */
export const stickingTheLanding =
  (vae: Vae, { samples }: Options): Ascent =>
  (x, key, { beta }) => {
    const { noise, slope, weights } = drawWeighed(vae, x, key, samples)
    const bound = boundsOf(weights)
    return () => {
      const z = encode(vae, x).at(noise).z
      const ascended = tf.mean(tf.add(decode(vae, z).logProb(x), tf.mul(logPriorRatio(vae, z, slope), beta)))
      return { ascended, bound }
    }
  }

/** In the decoder sum_i v_i d log w_i, in the encoder sum_i v_i^2 (d log w_i / d z_i) d z_i, with v the normalized weights. */
export const doublyReparameterized =
  (vae: Vae, { samples }: Options): Ascent =>
  (x, key) => {
    const { noise, slope, weights } = drawWeighed(vae, x, key, samples)
    const [v, bound] = [normalized(weights.logWeights), boundsOf(weights)]
    const perDraw = tf.reshape(v, [...v.shape, 1]) // [samples, batch, 1]
    return () => {
      const z = scaleGradient(encode(vae, x).at(noise).z, perDraw)
      const logs = tf.add(decode(vae, z).logProb(x), logPriorRatio(vae, z, slope))
      return { ascended: tf.mean(tf.sum(tf.mul(v, logs), 0)), bound }
    }
  }

/** Draws from q, their weights, and the slope d log q(z|x) / dz at each, [samples, batch, latent], q held fixed. */
function drawWeighed(vae: Vae, x: tf.Tensor, key: Key, samples: number) {
  const noise = drawNoise(vae, x, key, samples)
  const q = encode(vae, x)
  return { noise, slope: q.slope(noise), weights: logWeights(vae, x, q, noise) }
}

/** log p(z) - log q(z|x) but for a constant, with log q a line of the `slope` that q has at z: its gradient is in z and in p(z) alone. */
const logPriorRatio = (vae: Vae, z: tf.Tensor, slope: tf.Tensor): tf.Tensor =>
  tf.sub(vae.latents.prior.logProb(z), tf.sum(tf.mul(z, slope), -1))

/** x, with the gradient that flows back through it multiplied by `scale`. */
const scaleGradient = (x: tf.Tensor, scale: tf.Tensor): tf.Tensor =>
  tf.customGrad((...inputs) => ({
    value: tf.clone(inputs[0] as tf.Tensor),
    gradFunc: dy => tf.mul(dy as tf.Tensor, scale),
  }))(x)
