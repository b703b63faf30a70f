/**
 * Score-function gradients (the log-derivative trick; Williams 1992, Mnih & Gregor 2014): the gradient of E_q[f(z)] in q is
 * E_q[(f(z) - b) d log q(z|x)]. f need not be differentiable and z may be discrete. The price is a high variance; a baseline b lowers it.
 */
import * as tf from '#tfjs'
import { decode, encode, type Vae } from '../../models/vae.js'
import { drawNoise, elboFrom } from '../../objectives/elbo.js'
import { boundsOf, normalized } from '../../objectives/importance-weighted.js'
import type { Key } from '../../random.js'
import type { Ascent } from './ascent.js'
import { type Baseline, logSumOfOthers, meanOfOthers } from './baselines.js'
import { klWithFreeBits, type PathwiseOptions } from './pathwise.js'

/**
 * The score-function gradient of the ELBO. The signal is log p(x|z) with an analytic KL term, log w with a sampled one. In the latter
 * case the derivative of -log q itself has mean zero and is dropped.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const baseline = createBaseline('leave-one-out', 4, streamKey(1, 'baseline'))
 * const ascent = scoreElbo(vae, { samples: 5, kl: 'analytic', freeBits: 0 }, baseline)
 * const objective = ascent(x, streamKey(1, 'z'), { beta: 1 })
 * const { grads } = tf.variableGrads(() => tf.mean(objective().ascended) as tf.Scalar) // points uphill
 * console.log(Object.keys(grads).length) // 10
 */
export const scoreElbo =
  (vae: Vae, { samples, kl: estimator, freeBits }: PathwiseOptions, baseline: Baseline): Ascent =>
  (x, key, { beta }) => {
    const { q: constantQ, z, reconstruction, logPriorRatio } = drawWeighted(vae, x, key, samples)
    const sampled = estimator === 'monte-carlo'
    const value = sampled ? tf.add(reconstruction, tf.mul(logPriorRatio, beta)) : reconstruction
    const { centred, learn } = baseline.centre({ value, fromOthers: () => meanOfOthers(value) }, x)
    const bound = elboFrom(constantQ, { reconstruction, logPriorRatio }, estimator)
    return () => {
      const q = encode(vae, x)
      const score = tf.mean(tf.mul(centred, q.logProb(z)))
      const ascended = tf.addN([score, tf.mean(decode(vae, z).logProb(x)), learn()])
      if (sampled) return { ascended: tf.add(ascended, tf.mul(tf.mean(vae.latents.prior.logProb(z)), beta)), bound }
      const kl = freeBits > 0 ? klWithFreeBits(q, freeBits) : tf.mean(tf.sum(q.kl(), -1))
      return { ascended: tf.sub(ascended, tf.mul(kl, beta)), bound }
    }
  }

/**
 * The score-function gradient of the importance-weighted bound (Mnih & Rezende 2016, equations 4-6); with the leave-one-out baseline it is
 * their VIMCO.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const baseline = createBaseline('leave-one-out', 4, streamKey(1, 'baseline'))
 * const ascent = scoreIwae(vae, { samples: 5 }, baseline)
 * const objective = ascent(x, streamKey(1, 'z'), { beta: 1 })
 * const { grads } = tf.variableGrads(() => tf.mean(objective().ascended) as tf.Scalar) // points uphill
 * console.log(Object.keys(grads).length) // 10
 */
export const scoreIwae =
  (vae: Vae, { samples }: { samples: number }, baseline: Baseline): Ascent =>
  (x, key) => {
    const { z, reconstruction, logPriorRatio } = drawWeighted(vae, x, key, samples)
    const logWeights = tf.add(reconstruction, logPriorRatio) // [samples, batch]
    const v = normalized(logWeights)
    const bound = boundsOf({ logWeights, reconstruction })
    const value = tf.add(bound.iwae, tf.zerosLike(logWeights)) // equal for all draws of an image
    const { centred, learn } = baseline.centre({ value, fromOthers: () => boundFromOthers(logWeights) }, x)
    return () => {
      const score = tf.mul(tf.sub(centred, v), encode(vae, x).logProb(z))
      const weightedJoint = tf.mul(v, tf.add(decode(vae, z).logProb(x), vae.latents.prior.logProb(z)))
      return { ascended: tf.add(tf.mean(tf.sum(tf.add(score, weightedJoint), 0)), learn()), bound }
    }
  }

/** Draws from q(z|x) and both terms of their log weights, [samples, batch] each. */
function drawWeighted(vae: Vae, x: tf.Tensor, key: Key, samples: number) {
  const q = encode(vae, x)
  const { z, logPriorRatio } = q.at(drawNoise(vae, x, key, samples))
  return { q, z, logPriorRatio, reconstruction: decode(vae, z).logProb(x) }
}

/** For each draw the bound with its weight replaced by the geometric mean of the others: [samples, batch]. */
function boundFromOthers(logWeights: tf.Tensor): tf.Tensor {
  const samples = logWeights.shape[0] as number
  const pair = tf.stack([logSumOfOthers(logWeights), meanOfOthers(logWeights)]) // [2, samples, batch]
  return tf.sub(tf.logSumExp(pair, 0), Math.log(samples))
}
