/** Diagnostics of Markov chains: effective sample size and split R-hat (Vehtari et al. 2021, equations 1-4 and 10-13). */

/** Draws of one scalar from several chains of equal length, in order. */
export type Chains = readonly ArrayLike<number>[]

/**
 * sqrt(var⁺ / W) over the halves of chains: near 1 if the chains agree with each other and their first halves with their second.
 * Infinite if each half is constant but they differ, NaN if all draws are equal. Throws an `Error` for chains of fewer than four draws.
 *
 * @example
 * const chains = [1, 2].map(i => uniform(streamKey(i, 'chain'), [500]).dataSync())
 * console.log(splitRHat(chains) < 1.01) // true
 */
export function splitRHat(chains: Chains): number {
  const { within, pooled } = spread(halves(chains))
  return Math.sqrt(pooled / within)
}

/**
 * The number of independent draws that would estimate the mean as well, by Geyer's initial monotone sequence. NaN if all draws are equal.
 * Throws an `Error` for chains of fewer than four draws.
 *
 * @example
 * const chains = [1, 2].map(i => uniform(streamKey(i, 'chain'), [500]).dataSync())
 * console.log(effectiveSampleSize(chains) > 500) // true
 */
export function effectiveSampleSize(chains: Chains): number {
  const split = halves(chains)
  const { within, pooled, length } = spread(split)
  if (!(pooled > 0)) return Number.NaN
  const autocorrelation = (lag: number) => 1 - (within - mean(split.map(chain => autocovariance(chain, lag)))) / pooled
  const pairs = positivePairs(autocorrelation, length)
  const last = pairs.at(-1) as Pair
  let [sum, smallest] = [0, Number.POSITIVE_INFINITY]
  for (const { even, odd } of pairs.slice(0, -1)) {
    smallest = Math.min(smallest, even + odd)
    sum += smallest
  }
  const draws = split.length * length
  return draws / Math.max(2 * sum - 1 + Math.max(last.even, 0), 1 / Math.log10(draws))
}

interface Pair {
  /** Autocorrelation at lags 2 k and 2 k + 1. */
  readonly even: number
  readonly odd: number
}

/** Pairs up to and including the first whose sum is not positive, or up to the end of the chains. */
function positivePairs(autocorrelation: (lag: number) => number, length: number): Pair[] {
  const pairs: Pair[] = [{ even: 1, odd: autocorrelation(1) }]
  for (let lag = 2; lag < length - 2; lag += 2) {
    const { even, odd } = pairs.at(-1) as Pair
    if (even + odd <= 0) break
    pairs.push({ even: autocorrelation(lag), odd: autocorrelation(lag + 1) })
  }
  return pairs
}

/** Splits each chain into two halves; the middle one of an odd number of draws is dropped. */
function halves(chains: Chains): Float64Array[] {
  const draws = chains[0]?.length ?? 0
  if (draws < 4) throw new Error(`chains of ${draws} draws: diagnostics need at least four`)
  const half = Math.floor(draws / 2)
  return chains.flatMap(chain => {
    const values = Float64Array.from(chain)
    return [values.subarray(0, half), values.subarray(draws - half)]
  })
}

/** W, the mean variance within chains, and var⁺ = (n - 1) / n W + variance of the chains' means. */
function spread(chains: readonly Float64Array[]) {
  const length = chains[0]?.length ?? 0
  const within = mean(chains.map(variance))
  return { within, pooled: (within * (length - 1)) / length + variance(chains.map(mean)), length }
}

/** Normalised by n. */
function autocovariance(chain: Float64Array, lag: number): number {
  const center = mean(chain)
  let sum = 0
  for (let i = lag; i < chain.length; i++)
    sum += ((chain[i] as number) - center) * ((chain[i - lag] as number) - center)
  return sum / chain.length
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] as number
  return sum / values.length
}

/** Normalised by n - 1. */
function variance(values: ArrayLike<number>): number {
  const center = mean(values)
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += ((values[i] as number) - center) ** 2
  return sum / (values.length - 1)
}
