/** Pathwise gradients, through the reparameterized draws z = g(x, epsilon) (Kingma & Welling 2013, section 2.4; Burda et al. 2015, section 3). */
import * as tf from '#tfjs'
import { allReduceMean } from '../../collectives/all-reduce.js'
import type { Posterior } from '../../models/latents.js'
import { encode, type Vae } from '../../models/vae.js'
import { type ElboOptions, elboOf } from '../../objectives/elbo.js'
import { importanceWeighted } from '../../objectives/importance-weighted.js'
import type { Ascent } from './ascent.js'

export interface PathwiseOptions extends ElboOptions {
  /** KL below this many nats per latent dimension (batch mean) is not penalised; 0 turns it off (Kingma et al. 2016, equation 15). */
  freeBits: number
}

/**
 * The pathwise gradient of the ELBO, with the KL term weighted by the schedule's beta.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const ascent = pathwiseElbo(vae, { samples: 5, kl: 'analytic', freeBits: 0 })
 * const objective = ascent(x, streamKey(1, 'z'), { beta: 1 })
 * const { grads } = tf.variableGrads(() => tf.mean(objective().ascended) as tf.Scalar) // points uphill
 * console.log(Object.keys(grads).length) // 10
 */
export const pathwiseElbo =
  (vae: Vae, options: PathwiseOptions): Ascent =>
  (x, key, { beta }) =>
  () => {
    const q = encode(vae, x)
    const bound = elboOf(vae, x, q, key, options)
    const kl = options.freeBits > 0 ? klWithFreeBits(q, options.freeBits) : tf.mean(bound.kl)
    return { ascended: tf.sub(tf.mean(bound.reconstruction), tf.mul(kl, beta)), bound }
  }

/**
 * sum_j max(freeBits, KL_j), where KL_j is the batch mean for latent dimension j: a scalar in nats. A worker of a cluster gets its part, whose
 * mean over the workers, like that of its gradient, is this: the means of the whole batch decide which dimensions are free.
 */
export function klWithFreeBits(q: Posterior, freeBits: number): tf.Tensor {
  const own = tf.mean(q.kl(), 0) // [latent]
  const [whole] = allReduceMean([own] as const)
  return tf.sum(whole === own ? tf.maximum(own, freeBits) : tf.where(tf.greater(whole, freeBits), own, freeBits))
}

/**
 * The pathwise gradient of the importance-weighted bound.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const ascent = pathwiseIwae(vae, { samples: 5 })
 * const objective = ascent(x, streamKey(1, 'z'), { beta: 1 })
 * const { grads } = tf.variableGrads(() => tf.mean(objective().ascended) as tf.Scalar) // points uphill
 * console.log(Object.keys(grads).length) // 10
 */
export const pathwiseIwae =
  (vae: Vae, { samples }: { samples: number }): Ascent =>
  (x, key) =>
  () => {
    const bound = importanceWeighted(vae, x, key, samples)
    return { ascended: tf.mean(bound.iwae), bound }
  }
