/** Annealed importance sampling of whole sets of images: as many temperatures as patience allows, and one small program. */

import type { Choice, ScanOptions } from '../compile/step.js'
import { type Images, imagesFrom } from '../data/images.js'
import { type HostKey, keyAt } from '../random.js'
import {
  type AnnealedBatch,
  type AnnealedChains,
  annealedChains,
  type BatchLikelihood,
  type ChainMoves,
} from './annealed-chains.js'

/** How much is done for each image. */
export interface AnnealingEffort {
  /** 0 = b_0 < … < b_T = 1: see `temperatures`. */
  temperatures: readonly number[]
  /** Chains of each image; two at least give an error. */
  chains: number
}

export interface AnnealingOptions extends AnnealingEffort, ChainMoves {
  /** Chains that move in one step: those of so many images as fit, of one at least. Too many leave the processor's caches. */
  chainsAtOnce: number
}

/** Of one set of images. */
export interface AnnealingRun {
  key: HostKey
  /** Told the number of images done, after each batch. */
  onProgress?: (done: number) => void
  /** Told how many steps of a temperature are done and how many there are, those of the pilot and fillings-up included. */
  onSteps?: (done: number, total: number) => void
  /** Stops after the chunk in flight; what was estimated of whole batches is returned. */
  signal?: AbortSignal | undefined
}

/** Per image, in nats; of fewer images than were asked for if it was stopped. */
export interface AnnealingBound {
  /** log of the mean weight over chains: below log p(x) in expectation; of chains that went back above it. */
  logPx: Float32Array
  /** Mean log weight: a looser bound. */
  elbo: Float32Array
  /** Mean acceptance over images, chains and temperatures. */
  acceptance: number
}

/** Of chains that are independent. */
export interface AnnealingEstimate extends AnnealingBound {
  /** Of `logPx`, by the delta method; NaN for one chain. */
  standardError: Float32Array
}

/** Anneals set after set of images; compiled once for sets of one size. */
export interface Annealer {
  /** How it runs; undefined before the first run. */
  readonly choice: Choice | undefined
  run(images: Images, options: AnnealingRun): Promise<AnnealingEstimate>
  dispose(): void
}

/**
 * Estimates log p(x) of every image, with the prior N(0, I) of z. In each run a pilot on the first batch, with noise of its own, finds a
 * step size for each temperature; from then on they are fixed, as the estimate's validity asks.
 */
export function annealer(
  logLikelihood: BatchLikelihood,
  latentDim: number,
  options: AnnealingOptions,
  how: ScanOptions,
): Annealer {
  let made: { size: number; chains: AnnealedChains } | undefined
  const chainsOf = (size: number) => {
    if (made?.size === size) return made.chains
    made?.chains.dispose()
    const chains = annealedChains(logLikelihood, [options.chains, size, latentDim], options, how)
    made = { size, chains }
    return chains
  }
  return {
    get choice() {
      return made?.chains.choice
    },
    run: (images, run) => {
      const size = Math.min(imagesAtOnce(options), images.count)
      return annealBatches(chainsOf(size), size, images, options, run)
    },
    dispose: () => made?.chains.dispose(),
  }
}

/** Images whose chains move in one step. */
export const imagesAtOnce = ({ chains, chainsAtOnce }: AnnealingOptions): number =>
  Math.max(1, Math.floor(chainsAtOnce / chains))

async function annealBatches(
  chains: AnnealedChains,
  size: number,
  images: Images,
  { temperatures }: AnnealingOptions,
  { key, onProgress, onSteps, signal }: AnnealingRun,
): Promise<AnnealingEstimate> {
  const batches = Math.ceil(images.count / size)
  const repeating = { onSteps: countSteps(temperatures, batches + 1, onSteps), signal }
  const keyed = (batch: number, stream: number) => ({
    batch: imagesFrom(images, batch * size, size),
    key: keyAt(key, stream),
  })
  await chains.pilot(keyed(0, 0), repeating)
  const results: AnnealingEstimate[] = []
  for (let batch = 0; batch < batches; batch++) {
    const used = Math.min(size, images.count - batch * size)
    const annealed = signal?.aborted ? undefined : await chains.forward(keyed(batch, batch + 1), repeating)
    if (!annealed) break
    results.push(estimateForward(annealed, size, used))
    onProgress?.(batch * size + used)
  }
  return join(results)
}

/** Counts the steps of so many passes over all temperatures. */
export function countSteps(
  temperatures: readonly number[],
  passes: number,
  onSteps: AnnealingRun['onSteps'],
): (count: number) => void {
  let done = 0
  return count => {
    done += count
    onSteps?.(done, passes * (temperatures.length - 1))
  }
}

/** The first `used` of `size` images, from E[w] = p(x). */
export function estimateForward(
  { logWeights, acceptance }: AnnealedBatch,
  size: number,
  used: number,
): AnnealingEstimate {
  const perImage = Array.from({ length: used }, (_, i) => logMeanWeight(column(logWeights, size, i)))
  const standardError = Float32Array.from(perImage, one => one.standardError)
  return { ...boundOf(perImage, acceptance.subarray(0, used)), standardError }
}

/**
 * The same from chains that went back, by E[1/w] = 1/p(x): `logPx` is above log p(x) in expectation, and `elbo` above `logPx`. Without a
 * standard error: all chains of an image start at the one z that is at hand, so that their spread leaves out that over z ~ p(z|x).
 */
export function estimateReverse({ logWeights, acceptance }: AnnealedBatch, size: number, used: number): AnnealingBound {
  const perImage = Array.from({ length: used }, (_, i) => {
    const { logPx, elbo } = logMeanWeight(column(logWeights, size, i).map(value => -value))
    return { logPx: -logPx, elbo: -elbo }
  })
  return boundOf(perImage, acceptance.subarray(0, used))
}

/** Image i of log weights [chains, size]. */
const column = (logWeights: Float32Array, size: number, i: number): number[] =>
  Array.from({ length: logWeights.length / size }, (_, chain) => logWeights[chain * size + i] as number)

interface ImageEstimate {
  logPx: number
  standardError: number
  elbo: number
}

/** The log of the mean weight, its error sd(w) / (sqrt(chains) mean(w)), and the mean log weight. */
export function logMeanWeight(logs: readonly number[]): ImageEstimate {
  const max = Math.max(...logs)
  const weights = logs.map(value => Math.exp(value - max))
  const mean = meanOf(weights)
  const squares = weights.reduce((sum, weight) => sum + (weight - mean) ** 2, 0)
  return {
    logPx: max + Math.log(mean),
    standardError: Math.sqrt(squares / (logs.length * (logs.length - 1))) / mean,
    elbo: meanOf(logs),
  }
}

function boundOf(perImage: readonly Pick<ImageEstimate, 'logPx' | 'elbo'>[], acceptance: Float32Array): AnnealingBound {
  const all = (name: 'logPx' | 'elbo') => Float32Array.from(perImage, one => one[name])
  return { logPx: all('logPx'), elbo: all('elbo'), acceptance: meanOf(acceptance) }
}

const meanOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length

/** The estimates of batches as one. */
export const join = (batches: readonly AnnealingEstimate[]): AnnealingEstimate => ({
  ...joinBounds(batches),
  standardError: Float32Array.from(batches.flatMap(({ standardError }) => [...standardError])),
})

/** The bounds of batches as one. */
export function joinBounds(batches: readonly AnnealingBound[]): AnnealingBound {
  const all = (name: 'logPx' | 'elbo') => Float32Array.from(batches.flatMap(batch => [...batch[name]]))
  const images = batches.reduce((sum, { logPx }) => sum + logPx.length, 0)
  const acceptance = batches.reduce((sum, batch) => sum + batch.acceptance * batch.logPx.length, 0) / images
  return { logPx: all('logPx'), elbo: all('elbo'), acceptance }
}
