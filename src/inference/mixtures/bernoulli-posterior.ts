/** The mean-field posterior q(w) q(μ) of a mixture of Bernoullis: w ~ Dirichlet(α), μ_ki ~ Beta(a_ki, b_ki), all conjugate. */
import * as tf from '#tfjs'
import { expectedLogWeights, klDirichlet } from '../../distributions/conjugate.js'
import { type BernoulliMixture, type BernoulliMoments, imagesOn } from '../../models/mixtures/bernoulli.js'
import { column, variable } from '../../models/mixtures/mixture.js'
import { row, sum } from '../../numeric/linear-algebra.js'
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

/** The optimal q(w) q(μ) given the moments: α_k = α0 + N_k, a_ki = a + Σ r x_i, b_ki = b + Σ r (1 - x_i). */
export function bernoulliPosterior(
  mixture: BernoulliMixture,
  moments: BernoulliMoments,
  { concentration, pixels: [a, b] }: BernoulliHyperparameters,
): GlobalPosterior {
  const { pixels, origin } = mixture
  const { counts } = moments
  const seen = imagesOn(mixture, moments)
  const alpha = counts.map(count => concentration + count)
  const on = seen.map(total => a + total)
  const off = seen.map((total, i) => b + Math.max(0, (counts[Math.floor(i / pixels)] as number) - total))
  const logOff = off.map((value, i) => digamma(value) - digamma((on[i] as number) + value)) // E[log(1 - μ)]
  const logits = on.map((value, i) => digamma(value) - digamma(off[i] as number)) // E[log μ - log(1 - μ)]
  const ofOrigin = logOff.map((value, i) => value + (origin[i % pixels] ? (logits[i] as number) : 0)) // E[log p(origin)]
  const kl = klDirichlet(alpha, concentration) + klBetas(on, off, { logits, logOff }, [a, b])
  const total = sum(alpha)
  return {
    kl,
    posterior: { concentration: alpha, on, off },
    parameters: {
      weights: alpha.map(value => value / total),
      means: on.map((value, i) => value / (value + (off[i] as number))),
    },
    coefficients: {
      log_weights: expectedLogWeights(alpha),
      logits,
      offsets: counts.map((_, k) => sum(row(ofOrigin, k, pixels))),
    },
  }
}

/**
 * log E_q[p(x)] of each image in x [batch, pixels], with w and μ from q: [batch] in nats. It is exact: p(x) = Σ_k w_k Π_i p(x_i | μ_ki) is
 * linear in each parameter, and they are independent under q, so E_q[p(x)] = Σ_k E[w_k] Π_i p(x_i | E[μ_ki]).
 */
export function bernoulliLogPredictive(
  mixture: BernoulliMixture,
  posterior: ReadonlyMap<string, tf.Variable>,
  x: tf.Tensor,
): tf.Tensor {
  const [alpha, on, off] = ['concentration', 'on', 'off'].map(name => variable({ variables: posterior }, name)) as [
    tf.Variable,
    tf.Variable,
    tf.Variable,
  ]
  const origin = variable(mixture, 'origin')
  const ofOrigin = tf.log(tf.div(tf.where(tf.greater(origin, 0.5), on, off), tf.add(on, off))) // [K, pixels]
  const logits = tf.log(tf.div(on, off))
  const logWeights = tf.log(tf.div(alpha, tf.sum(alpha))) // [K]
  const logProb = tf.add(tf.matMul(logits, tf.sub(x, origin), false, true), column(tf.sum(ofOrigin, 1))) // [K, batch]
  return tf.logSumExp(tf.add(logProb, column(logWeights)), 0)
}

/** Σ KL(Beta(on, off) || Beta(a, b)). */
function klBetas(
  on: Float64Array,
  off: Float64Array,
  { logits, logOff }: { logits: Float64Array; logOff: Float64Array },
  [a, b]: readonly [number, number],
): number {
  const logBeta = (p: number, q: number) => logGamma(p) + logGamma(q) - logGamma(p + q)
  const priorLogBeta = logBeta(a, b)
  return sum(
    on.map((p, i) => {
      const [q, logQ] = [off[i] as number, logOff[i] as number]
      return priorLogBeta - logBeta(p, q) + (p - a) * ((logits[i] as number) + logQ) + (q - b) * logQ
    }),
  )
}
