/** A diagnostic of importance sampling: the effective sample size (sum w)^2 / sum w^2 of each image (Kong 1992). */

/** Below this a few draws dominate the sum: the estimate of log p(x) is too low and its delta-method error too small. */
export const FEW_EFFECTIVE_SAMPLES = 10

export interface EffectiveSamples {
  median: number
  smallest: number
  /** Fraction of images with fewer than `FEW_EFFECTIVE_SAMPLES`, 0 … 1. */
  shareOfFew: number
}

export function summarizeEffectiveSamples(perImage: Float32Array): EffectiveSamples {
  const sorted = perImage.toSorted()
  const at = (i: number) => sorted[i] as number
  const middle = (sorted.length - 1) / 2
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    smallest: at(0),
    shareOfFew: sorted.filter(size => size < FEW_EFFECTIVE_SAMPLES).length / sorted.length,
  }
}
