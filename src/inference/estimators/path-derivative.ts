/**
 * Gradients that leave out the score of q, whose mean is known: sticking the landing for the ELBO (Roeder, Wu & Duvenaud 2017), and
 * the doubly reparameterized gradient for the importance-weighted bound (Tucker, Lawson, Gu & Maddison 2018).
 */
import * as tf from '@tensorflow/tfjs'
import { decode, encode, type Vae } from '../../models/vae.js'
import { drawNoise } from '../../objectives/elbo.js'
import { boundsOf, logWeights, normalized } from '../../objectives/importance-weighted.js'
import { type Ascent, stopGradient } from './ascent.js'

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
    const noise = drawNoise(vae, x, key, samples)
    const bound = boundsOf(logWeights(vae, x, encode(vae, x), noise))
    return () => {
      const { reconstruction, logPriorRatio } = atFixedPosterior(vae, x, noise, z => z)
      return { ascended: tf.mean(tf.add(reconstruction, tf.mul(logPriorRatio, beta))), bound }
    }
  }

/** In the decoder sum_i v_i d log w_i, in the encoder sum_i v_i^2 (d log w_i / d z_i) d z_i, with v the normalized weights. */
export const doublyReparameterized =
  (vae: Vae, { samples }: Options): Ascent =>
  (x, key) => {
    const noise = drawNoise(vae, x, key, samples)
    const weights = logWeights(vae, x, encode(vae, x), noise)
    const [v, bound] = [normalized(weights.logWeights), boundsOf(weights)]
    const perDraw = tf.reshape(v, [...v.shape, 1]) // [samples, batch, 1]
    return () => {
      const { reconstruction, logPriorRatio } = atFixedPosterior(vae, x, noise, z => scaleGradient(z, perDraw))
      const ascended = tf.mean(tf.sum(tf.mul(v, tf.add(reconstruction, logPriorRatio)), 0))
      return { ascended, bound }
    }
  }

/** Both parts of log w, [samples, batch], with z a function of the encoder, by way of `through`, but the parameters of q constants. */
function atFixedPosterior(vae: Vae, x: tf.Tensor, noise: tf.Tensor, through: (z: tf.Tensor) => tf.Tensor) {
  const heads = encode(vae, x).heads
  const z = through(vae.latents.posterior(heads).at(noise).z)
  const fixed = vae.latents.posterior(heads.map(head => stopGradient(head)))
  return {
    reconstruction: decode(vae, z).logProb(x),
    logPriorRatio: tf.sub(vae.latents.prior.logProb(z), fixed.logProb(z)),
  }
}

/** x, with the gradient that flows back through it multiplied by `scale`. */
const scaleGradient = (x: tf.Tensor, scale: tf.Tensor): tf.Tensor =>
  tf.customGrad((...inputs) => ({
    value: tf.clone(inputs[0] as tf.Tensor),
    gradFunc: dy => tf.mul(dy as tf.Tensor, scale),
  }))(x)
