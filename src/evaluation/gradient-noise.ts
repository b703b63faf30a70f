/**
 * What draws of a gradient say of the estimator: size, variance and signal-to-noise ratio, as Rainforth et al. 2018 define it (section 3):
 * |mean| / standard deviation of each entry; and whether two estimators have one mean. Nats per image and unit of weight.
 */

import { estimateMean } from '../numeric/means.js'
import type { GradientMoments } from './gradient-moments.js'

/** A number and its standard error, by leaving out one block of draws at a time (the jackknife). */
export interface Jackknifed {
  value: number
  standardError: number
}

/** One network's gradient, estimated in one way. */
export interface GradientNoise {
  draws: number
  /** Weights and biases. */
  entries: number
  /** Entries that differ from draw to draw; the others, such as those of pixels that are black in every image, are 0. */
  noisy: number
  /**
   * The squared norm of the mean gradient, less what chance adds to it with so many draws: right on average, and below 0 at times where
   * the gradient is small beside its noise.
   */
  squaredNorm: Jackknifed
  /** The mean over all entries of their variance. */
  variance: Jackknifed
  /** The mean over the noisy entries of |mean| / standard deviation. Pure noise has `snrFloor`. */
  snr: Jackknifed
  /** sqrt(2 / (pi draws)), the expectation of |mean| / standard deviation where the true mean is 0. */
  snrFloor: number
}

/** Whether the signal-to-noise ratio says something of the mean: it is three times that of pure noise. */
export const isAboveNoise = ({ snr, snrFloor }: GradientNoise): boolean => snr.value >= 3 * snrFloor

/** From the blocks of draws of one network's gradient; three at least. */
export function gradientNoise(blocks: readonly GradientMoments[]): GradientNoise {
  const all = pool(blocks)
  const { noisy, ...values } = statistics(all)
  const without = blocks.map(block => statistics(leaveOut(all, block)))
  const jackknifed = (name: keyof typeof values): Jackknifed => {
    const { standardError } = estimateMean(without.map(one => one[name]))
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

/** The moments of all draws together, in double precision (Chan, Golub & LeVeque 1983). */
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

/** What `pool` gives without one of its blocks. */
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

/** Whether two estimators have one mean. */
export interface Agreement {
  /** The mean over entries of the squared z-score of the difference of means: about 1 if the means are one. */
  squaredZ: number
  /** The standard deviation that chance gives `squaredZ`: of the same number in single blocks. Entries depend on one another. */
  spread: number
}

/** Of two estimators, from blocks of independent draws, in one order. */
export function agreement(one: readonly GradientMoments[], other: readonly GradientMoments[]): Agreement {
  const [a, b] = [pool(one), pool(other)]
  const inBlocks = one.map((block, i) => squaredZ([block, other[i] as GradientMoments], [a, b]))
  const { standardError } = estimateMean(inBlocks)
  return { squaredZ: squaredZ([a, b], [a, b]), spread: standardError * Math.sqrt(inBlocks.length) }
}

/** With the means of the first pair and the variances of the second. */
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
