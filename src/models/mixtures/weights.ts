/** The M step of a mixture's weights under the prior w ~ Dirichlet(concentration, …, concentration). */
import { sum } from '../../numeric/linear-algebra.js'

/** Added to each count, as scikit-learn does, so that log w stays finite for a component without images. */
const SMALLEST_COUNT = 10 * Number.EPSILON

/** Whether a component has no images, so that its parameters cannot be estimated. */
export const isUnused = (count: number): boolean => count < SMALLEST_COUNT

/** The most probable weights given the counts, proportional to N_k + c - 1, and log p(w) up to a constant. Throws an Error if c < 1. */
export function maximizeWeights(counts: Float64Array, concentration: number) {
  if (!(concentration >= 1))
    throw new Error(
      `concentration ${concentration}: must be at least 1; below 1 the posterior of the weights has no mode`,
    )
  const raised = counts.map(count => count + SMALLEST_COUNT + concentration - 1)
  const total = sum(raised)
  const weights = raised.map(count => count / total)
  const logWeights = weights.map(Math.log)
  return { weights, logWeights, logPrior: concentration === 1 ? 0 : (concentration - 1) * sum(logWeights) }
}
