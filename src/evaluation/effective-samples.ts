/** A diagnostic of importance sampling: the effective sample size (sum w)^2 / sum w^2 of each image (Kong 1992). */

/**
 * Below this a few draws dominate the sum: the estimate of log p(x) is too low and its delta-method error too small. It is 10, or a
 * tenth of the draws if there are fewer than 100.
 */
const fewEffectiveSamples = (draws: number): number => Math.min(10, draws / 10)

export interface EffectiveSamples {
  median: number
  smallest: number
  /** `fewEffectiveSamples` of the draws, and the fraction of images below it, 0 … 1. */
  few: number
  shareOfFew: number
}

/**
 * Median and minimum over images of the effective sample sizes of `draws` draws, and how many images have too few.
 *
 * @example
 * const { median, few, shareOfFew } = summarizeEffectiveSamples(Float32Array.of(5, 50, 200), 500)
 * console.log(median, few, shareOfFew.toFixed(2)) // 50 10 0.33
 */
export function summarizeEffectiveSamples(perImage: Float32Array, draws: number): EffectiveSamples {
  const few = fewEffectiveSamples(draws)
  const sorted = perImage.toSorted()
  const at = (i: number) => sorted[i] as number
  const middle = (sorted.length - 1) / 2
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    smallest: at(0),
    few,
    shareOfFew: sorted.filter(size => size < few).length / sorted.length,
  }
}
