/** The mean-field posterior q(w) q(μ) of a mixture of Bernoullis: w ~ Dirichlet(α), μ_ki ~ Beta(a_ki, b_ki), all conjugate. */
import * as tf from '#tfjs'
import { expectedLogWeights, klDirichlet } from '../../distributions/conjugate.js'
import {
  type BernoulliLogarithms,
  type BernoulliMixture,
  type BernoulliMoments,
  imagesOn,
  restoreBernoulli,
  setBernoulliParameters,
  totalBernoulliLogJoint,
} from '../../models/mixtures/bernoulli.js'
import { column, variable } from '../../models/mixtures/mixture.js'
import { sum } from '../../numeric/linear-algebra.js'
import { digamma, logGamma } from '../../numeric/special-functions.js'
import type { GlobalPosterior } from './global-posterior.js'

/** The prior of the parameters. */
export interface BernoulliHyperparameters {
  /** w ~ Dirichlet(concentration, …). As scikit-learn's `weight_concentration_prior`, it defaults to 1 / components. */
  concentration: number
  /** Every μ ~ Beta(a, b). */
  pixels: readonly [a: number, b: number]
}

/** The shapes of q's parameters. */
export const bernoulliPosteriorShapes = ({ components, pixels }: BernoulliMixture): Record<string, number[]> => ({
  concentration: [components],
  on: [components, pixels],
  off: [components, pixels],
})

/** The optimal q(w) q(μ) given the moments, which the mixture adopts: α_k = α0 + N_k, a_ki = a + Σ r x_i, b_ki = b + Σ r (1 - x_i). */
export function bernoulliPosterior(
  mixture: BernoulliMixture,
  moments: BernoulliMoments,
  { concentration, pixels: [a, b] }: BernoulliHyperparameters,
): GlobalPosterior {
  const { pixels } = mixture
  const { counts } = moments
  const seen = imagesOn(mixture, moments)
  const alpha = counts.map(count => Math.fround(concentration + count))
  const on = seen.map(total => Math.fround(a + total))
  const off = seen.map((total, i) => {
    return Math.fround(b + Math.max(0, (counts[Math.floor(i / pixels)] as number) - total))
  })
  const expected = expectedLogarithms(alpha, on, off)
  const total = sum(alpha)
  setBernoulliParameters(
    mixture,
    {
      weights: alpha.map(value => value / total),
      means: on.map((value, i) => value / (value + (off[i] as number))),
    },
    expected,
  )
  return {
    kl: klDirichlet(alpha, concentration) + klBetas(on, off, expected, [a, b]),
    logJoint: totalBernoulliLogJoint(mixture, expected, moments),
    posterior: { concentration: alpha, on, off },
  }
}

/** Derives anew what follows from q's parameters, after they were restored. */
export function restoreBernoulliPosterior(
  mixture: BernoulliMixture,
  posterior: ReadonlyMap<string, tf.Variable>,
): void {
  const [alpha, on, off] = ['concentration', 'on', 'off'].map(name =>
    Float64Array.from(variable({ variables: posterior }, name).dataSync<'float32'>()),
  ) as [Float64Array, Float64Array, Float64Array]
  restoreBernoulli(mixture, expectedLogarithms(alpha, on, off))
}

/** E[log w], E[log μ] and E[log(1 - μ)]. */
function expectedLogarithms(alpha: Float64Array, on: Float64Array, off: Float64Array): BernoulliLogarithms {
  const ofBoth = on.map((value, i) => digamma(value + (off[i] as number)))
  return {
    log_weights: expectedLogWeights(alpha),
    log_on: on.map((value, i) => digamma(value) - (ofBoth[i] as number)),
    log_off: off.map((value, i) => digamma(value) - (ofBoth[i] as number)),
  }
}

/**
 * log E_q[p(x)] of each image in x [batch, pixels], with w and μ from q: [batch] in nats. It is exact: p(x) = Σ_k w_k Π_i p(x_i | μ_ki) is
 * linear in each parameter, and they are independent under q, so E_q[p(x)] = Σ_k E[w_k] Π_i p(x_i | E[μ_ki]).
 */
export function bernoulliLogPredictive(posterior: ReadonlyMap<string, tf.Variable>, x: tf.Tensor): tf.Tensor {
  const [alpha, on, off] = ['concentration', 'on', 'off'].map(name => variable({ variables: posterior }, name)) as [
    tf.Variable,
    tf.Variable,
    tf.Variable,
  ]
  const logShare = (part: tf.Tensor) => tf.log(tf.div(part, tf.add(on, off))) // [K, pixels]
  const product = (part: tf.Tensor, images: tf.Tensor) => tf.matMul(logShare(part), images, false, true) // [K, batch]
  const logWeights = tf.log(tf.div(alpha, tf.sum(alpha))) // [K]
  const logProb = tf.add(product(on, x), product(off, tf.sub(1, x)))
  return tf.logSumExp(tf.add(logProb, column(logWeights)), 0)
}

/** Σ KL(Beta(on, off) || Beta(a, b)). */
function klBetas(
  on: Float64Array,
  off: Float64Array,
  { log_on, log_off }: BernoulliLogarithms,
  [a, b]: readonly [number, number],
): number {
  const logBeta = (p: number, q: number) => logGamma(p) + logGamma(q) - logGamma(p + q)
  const priorLogBeta = logBeta(a, b)
  return sum(
    on.map((p, i) => {
      const q = off[i] as number
      return priorLogBeta - logBeta(p, q) + (p - a) * (log_on[i] as number) + (q - b) * (log_off[i] as number)
    }),
  )
}
