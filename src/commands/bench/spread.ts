/** Medians and ranges over rounds. */

export interface Spread {
  median: number
  low: number
  high: number
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) }
}

/** NaN for no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2
}

/** `times` over those of the same rounds of another candidate. */
export function ratios(times: readonly number[], others: readonly number[]): Spread {
  return spread(times.map((ms, round) => ms / (others[round] ?? Number.NaN)))
}
