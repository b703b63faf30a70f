/** Statistics of ranks: percentiles, and the area under the ROC curve with its standard error. */

/** Values in ascending order, as a copy. */
export const ascending = (values: ArrayLike<number>): Float64Array => Float64Array.from(values).sort()

/** How many of `sorted`, in ascending order, are below `value`; those equal to it count half. */
function countBelow(sorted: ArrayLike<number>, value: number): number {
  const first = (isBefore: (other: number) => boolean): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(sorted[middle] as number)) low = middle + 1
      else high = middle
    }
    return low
  }
  return (first(other => other < value) + first(other => other <= value)) / 2
}

/** The percentile of `value` among the values `sorted` in ascending order: 0 below all, 100 above all. Equal values count half. */
export const percentileAmong = (sorted: ArrayLike<number>, value: number): number =>
  (100 * countBelow(sorted, value)) / sorted.length

/** The probability that a value of the first group is above one of the second, and the standard error of that estimate. */
export interface AreaUnderCurve {
  area: number
  /** NaN if a group has one value only. */
  standardError: number
}

/**
 * The area under the ROC curve, P(higher > lower) + P(higher = lower) / 2 (Mann & Whitney 1947), with the standard error of DeLong, DeLong &
 * Clarke-Pearson 1988. NaN if a group is empty.
 */
export function areaUnderCurve(higher: ArrayLike<number>, lower: ArrayLike<number>): AreaUnderCurve {
  const [sortedHigher, sortedLower] = [ascending(higher), ascending(lower)]
  const wins = sortedHigher.map(value => countBelow(sortedLower, value) / lower.length)
  const losses = sortedLower.map(value => 1 - countBelow(sortedHigher, value) / higher.length)
  const area = meanOf(wins)
  const variance = varianceOf(wins) / higher.length + varianceOf(losses) / lower.length
  return { area, standardError: Math.sqrt(variance) }
}

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Normalised by n - 1. */
function varianceOf(values: Float64Array): number {
  const mean = meanOf(values)
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}
