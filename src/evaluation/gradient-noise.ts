/**
 * Statistics of a gradient estimator: norm, variance and signal-to-noise ratio, |mean| / standard deviation of each entry (Rainforth et al.
 * 2018, section 3); and a test of whether two estimators have the same mean. Nats per image and unit of weight.
 */

import { estimateMean } from '../numeric/means.js'
import type { GradientMoments } from './gradient-moments.js'

/** A statistic and its standard error by the jackknife over blocks of draws. */
export interface Jackknifed {
  value: number
  standardError: number
}

/** The statistics of one part's gradient under one estimator. */
export interface GradientNoise {
  draws: number
  /** Number of weights and biases. */
  entries: number
  /** Entries that vary between draws; the others, such as those of pixels that are black in every image, are 0. */
  noisy: number
  /**
   * Unbiased estimate of the squared norm of the mean gradient: the contribution of noise is subtracted. It can be negative if the gradient
   * is small relative to its noise.
   */
  squaredNorm: Jackknifed
  /** Variance, averaged over all entries. */
  variance: Jackknifed
  /** |mean| / standard deviation, averaged over the noisy entries. Pure noise has `snrFloor`. */
  snr: Jackknifed
  /** sqrt(2 / (pi draws)), the expectation of |mean| / standard deviation if the true mean is 0. */
  snrFloor: number
}

/** Whether the signal-to-noise ratio is at least three times that of pure noise. */
export const isAboveNoise = ({ snr, snrFloor }: GradientNoise): boolean => snr.value >= 3 * snrFloor

/** The statistics from at least three blocks of draws of one part's gradient. */
export function gradientNoise(blocks: readonly GradientMoments[]): GradientNoise {
  const all = pool(blocks)
  const { noisy, ...values } = statistics(all)
  const without = blocks.map(block => statistics(leaveOut(all, block)))
  const jackknifed = (name: keyof typeof values): Jackknifed => {
    const { standardError } = estimateMean(without.map(block => block[name]))
    return { value: values[name], standardError: standardError * (blocks.length - 1) }
  }
  return {
    draws: all.draws,
    entries: all.mean.length,
    noisy,
    squaredNorm: jackknifed('squaredNorm'),
    variance: jackknifed('variance'),
    snr: jackknifed('snr'),
    snrFloor: Math.sqrt(2 / (Math.PI * all.draws)),
  }
}

/** The moments of the draws of all blocks, in double precision (Chan, Golub & LeVeque 1983). */
export function pool(blocks: readonly GradientMoments[]): GradientMoments {
  const draws = blocks.reduce((sum, block) => sum + block.draws, 0)
  const size = blocks[0]?.mean.length ?? 0
  const [mean, squares] = [new Float64Array(size), new Float64Array(size)]
  for (const block of blocks)
    for (let i = 0; i < size; i++) mean[i] = at(mean, i) + (block.draws / draws) * at(block.mean, i)
  for (const block of blocks)
    for (let i = 0; i < size; i++)
      squares[i] = at(squares, i) + at(block.squares, i) + block.draws * (at(block.mean, i) - at(mean, i)) ** 2
  return { draws, mean, squares }
}

/** The pooled moments without one of the blocks. */
function leaveOut(all: GradientMoments, block: GradientMoments): GradientMoments {
  const draws = all.draws - block.draws
  const [mean, squares] = [new Float64Array(all.mean.length), new Float64Array(all.mean.length)]
  for (let i = 0; i < mean.length; i++) {
    const off = at(block.mean, i) - at(all.mean, i)
    const change = (off * block.draws) / draws
    mean[i] = at(all.mean, i) - change
    squares[i] = at(all.squares, i) - at(block.squares, i) - block.draws * off ** 2 - draws * change ** 2
  }
  return { draws, mean, squares }
}

function statistics({ draws, mean, squares }: GradientMoments) {
  let [norm, variances, ratios, noisy] = [0, 0, 0, 0]
  for (let i = 0; i < mean.length; i++) {
    const variance = at(squares, i) / (draws - 1)
    const square = at(mean, i) ** 2
    norm += square
    variances += variance
    if (variance <= 0) continue
    noisy++
    ratios += Math.sqrt(square / variance)
  }
  return {
    noisy,
    squaredNorm: norm - variances / draws,
    variance: variances / mean.length,
    snr: ratios / noisy,
  }
}

/** A test of whether two estimators have the same mean. */
export interface Agreement {
  /** Squared z-score of the difference of means, averaged over entries: about 1 if the means are equal. */
  squaredZ: number
  /** Standard deviation of `squaredZ` by chance, estimated from single blocks because the entries are dependent. */
  spread: number
}

/** Compares two estimators from the same number of blocks; all draws are independent. */
export function agreement(one: readonly GradientMoments[], other: readonly GradientMoments[]): Agreement {
  const [a, b] = [pool(one), pool(other)]
  const inBlocks = one.map((block, i) => squaredZ([block, other[i] as GradientMoments], [a, b]))
  const { standardError } = estimateMean(inBlocks)
  return { squaredZ: squaredZ([a, b], [a, b]), spread: standardError * Math.sqrt(inBlocks.length) }
}

/** Squared z-score with the means of the first pair and the variances of the second, averaged over entries. */
function squaredZ(
  [a, b]: readonly [GradientMoments, GradientMoments],
  [spreadA, spreadB]: readonly [GradientMoments, GradientMoments],
): number {
  const variance = ({ squares, draws }: GradientMoments, i: number) => at(squares, i) / (draws - 1)
  let [sum, count] = [0, 0]
  for (let i = 0; i < a.mean.length; i++) {
    const error = variance(spreadA, i) / a.draws + variance(spreadB, i) / b.draws
    if (error === 0) continue
    sum += (at(a.mean, i) - at(b.mean, i)) ** 2 / error
    count++
  }
  return sum / count
}

const at = (values: ArrayLike<number>, i: number): number => values[i] as number
