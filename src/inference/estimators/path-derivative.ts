/**
 * Path-derivative gradients, which drop the score of q because its mean is known: sticking the landing for the ELBO (Roeder, Wu & Duvenaud
 * 2017), and the doubly reparameterized gradient for the importance-weighted bound (Tucker, Lawson, Gu & Maddison 2018).
 */
import * as tf from '#tfjs'
import { decode, encode, type Vae } from '../../models/vae.js'
import { drawNoise } from '../../objectives/elbo.js'
import { boundsOf, logWeights, normalized } from '../../objectives/importance-weighted.js'
import type { Key } from '../../random.js'
import type { Ascent } from './ascent.js'

/**
 * The ELBO with a sampled KL term, differentiated through the decoder and z only: the density q is held fixed. If q is the exact
 * posterior, the encoder's gradient is zero for every draw.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const ascent = stickingTheLanding(vae, { samples: 5 })
 * const objective = ascent(x, streamKey(1, 'z'), { beta: 1 })
 * const { grads } = tf.variableGrads(() => tf.mean(objective().ascended) as tf.Scalar) // points uphill
 * console.log(Object.keys(grads).length) // 10
 */
export const stickingTheLanding =
  (vae: Vae, { samples }: { samples: number }): Ascent =>
  (x, key, { beta }) => {
    const { noise, slope, weights } = drawWeighted(vae, x, key, samples)
    const bound = boundsOf(weights)
    return () => {
      const z = encode(vae, x).at(noise).z
      const ascended = tf.mean(tf.add(decode(vae, z).logProb(x), tf.mul(logPriorRatio(vae, z, slope), beta)))
      return { ascended, bound }
    }
  }

/**
 * Decoder gradient sum_i v_i d log w_i, encoder gradient sum_i v_i^2 (d log w_i / d z_i) d z_i; v are the normalized weights.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const ascent = doublyReparameterized(vae, { samples: 5 })
 * const objective = ascent(x, streamKey(1, 'z'), { beta: 1 })
 * const { grads } = tf.variableGrads(() => tf.mean(objective().ascended) as tf.Scalar) // points uphill
 * console.log(Object.keys(grads).length) // 10
 */
export const doublyReparameterized =
  (vae: Vae, { samples }: { samples: number }): Ascent =>
  (x, key) => {
    const { noise, slope, weights } = drawWeighted(vae, x, key, samples)
    const [v, bound] = [normalized(weights.logWeights), boundsOf(weights)]
    const perDraw = tf.reshape(v, [...v.shape, 1]) // [samples, batch, 1]
    return () => {
      const z = scaleGradient(encode(vae, x).at(noise).z, perDraw)
      const logs = tf.add(decode(vae, z).logProb(x), logPriorRatio(vae, z, slope))
      return { ascended: tf.mean(tf.sum(tf.mul(v, logs), 0)), bound }
    }
  }

/** Noise of draws from q, their weights, and d log q(z|x) / dz [samples, batch, latent] at each draw with q held fixed. */
function drawWeighted(vae: Vae, x: tf.Tensor, key: Key, samples: number) {
  const noise = drawNoise(vae, x, key, samples)
  const q = encode(vae, x)
  return { noise, slope: q.slope(noise), weights: logWeights(vae, x, q, noise) }
}

/** log p(z) - log q(z|x) up to a constant, with log q linearised at z by its `slope`: gradients reach z and p(z), but not q. */
const logPriorRatio = (vae: Vae, z: tf.Tensor, slope: tf.Tensor): tf.Tensor =>
  tf.sub(vae.latents.prior.logProb(z), tf.sum(tf.mul(z, slope), -1))

/** The identity, whose gradient is multiplied by `scale`. */
const scaleGradient = (x: tf.Tensor, scale: tf.Tensor): tf.Tensor =>
  tf.customGrad((...inputs) => ({
    value: tf.clone(inputs[0] as tf.Tensor),
    gradFunc: dy => tf.mul(dy as tf.Tensor, scale),
  }))(x)
