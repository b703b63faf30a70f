/** Mean field's q(w) q(μ) of a mixture of Bernoullis: w ~ Dirichlet(α), μ_ki ~ Beta(a_ki, b_ki), all conjugate. */
import { expectedLogWeights, klDirichlet } from '../../distributions/conjugate.js'
import { row, sum } from '../../linear-algebra.js'
import type { BernoulliMixture, BernoulliMoments } from '../../models/mixtures/bernoulli.js'
import { digamma, logGamma } from '../../special-functions.js'
import type { GlobalPosterior } from './mean-field.js'

/** Before any image is seen. */
export interface BernoulliHyperparameters {
  /** w ~ Dirichlet(concentration, …); scikit-learn's `weight_concentration_prior`, by default 1 / components. */
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

/** The best q(w) q(μ) given the moments: α_k = α0 + N_k, a_ki = a + Σ r x_i, b_ki = b + Σ r (1 - x_i). */
export function bernoulliPosterior(
  { pixels }: BernoulliMixture,
  { counts, sums }: BernoulliMoments,
  { concentration, pixels: [a, b] }: BernoulliHyperparameters,
): GlobalPosterior {
  const alpha = counts.map(count => concentration + count)
  const on = sums.map(total => a + total)
  const off = sums.map((total, i) => b + Math.max(0, (counts[Math.floor(i / pixels)] as number) - total))
  const logOff = off.map((value, i) => digamma(value) - digamma((on[i] as number) + value)) // E[log(1 - μ)]
  const logits = on.map((value, i) => digamma(value) - digamma(off[i] as number)) // E[log μ - log(1 - μ)]
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
      offsets: counts.map((_, k) => sum(row(logOff, k, pixels))),
    },
  }
}

/** Σ KL(Beta(on, off) || Beta(a, b)). */
function klBetas(
  on: Float64Array,
  off: Float64Array,
  { logits, logOff }: { logits: Float64Array; logOff: Float64Array },
  [a, b]: readonly [number, number],
): number {
  const logBeta = (p: number, q: number) => logGamma(p) + logGamma(q) - logGamma(p + q)
  const ofPrior = logBeta(a, b)
  return sum(
    on.map((p, i) => {
      const [q, logQ] = [off[i] as number, logOff[i] as number]
      return ofPrior - logBeta(p, q) + (p - a) * ((logits[i] as number) + logQ) + (q - b) * logQ
    }),
  )
}
