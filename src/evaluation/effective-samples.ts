/** How far importance sampling is to be trusted: effective sample sizes over images (Kong 1992), (sum w)^2 / sum w^2 of each. */

/** Below so many, one draw carries much of the sum: log p(x) is low, and the error by the delta method is too small. */
export const FEW_EFFECTIVE_SAMPLES = 10

export interface EffectiveSamples {
  median: number
  smallest: number
  /** The share of the images with less than `FEW_EFFECTIVE_SAMPLES`, from 0 to 1. */
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
