/** The weights of a mixture: w ~ Dirichlet(concentration, …, concentration), and w given the counts. */
import { sum } from '../../numeric/linear-algebra.js'

/** Added to each count, as scikit-learn does: log w stays finite where a component has lost its last image. */
export const SMALLEST_COUNT = 10 * Number.EPSILON

/** A component with fewer images than this has none: nothing can be estimated from it. */
export const isUnused = (count: number): boolean => count < SMALLEST_COUNT

/** The most probable weights given the counts, (N_k + c - 1) / Σ; and log p(w) without its constant. */
export function maximizeWeights(counts: Float64Array, concentration: number) {
  if (!(concentration >= 1))
    throw new Error(
      `concentration ${concentration}: a number from 1 is needed, below it no weights are the most probable`,
    )
  const raised = counts.map(count => count + SMALLEST_COUNT + concentration - 1)
  const total = sum(raised)
  const weights = raised.map(count => count / total)
  const logWeights = weights.map(Math.log)
  return { weights, logWeights, logPrior: concentration === 1 ? 0 : (concentration - 1) * sum(logWeights) }
}
