/** When a climb that slows down has converged. */

/**
 * What all further passes would gain, in nats per image, if each gained the same share of the one before (Aitken's extrapolation; Böhning et al.
 * 1994; McLachlan & Peel 2000, section 2.11): Infinity if the gains do not shrink, or if there is one only.
 */
export function gainLeft(gains: readonly number[]): number {
  const [before, last] = [gains.at(-2), gains.at(-1)]
  if (last !== undefined && last <= 0) return 0 // rounding: the bound cannot fall
  return last !== undefined && before !== undefined && last < before
    ? last ** 2 / (before - last)
    : Number.POSITIVE_INFINITY
}
