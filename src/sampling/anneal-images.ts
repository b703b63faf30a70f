/** Annealed importance sampling of sets of images. One small compiled step serves any number of temperatures. */

import type { Choice, ScanOptions } from '../compile/step.js'
import { type ImageSet, imagesFrom } from '../data/images.js'
import { type Density, standardNormal } from '../distributions/normal.js'
import { type HostKey, keyAt } from '../random.js'
import {
  type AnnealedBatch,
  type AnnealedChains,
  annealedChains,
  type BatchLikelihood,
  type ChainMoves,
} from './annealed-chains.js'

export interface AnnealingEffort {
  /** 0 = b_0 < … < b_T = 1: see `temperatures`. */
  temperatures: readonly number[]
  /** Chains per image; a standard error needs at least two. */
  chains: number
}

export interface AnnealingOptions extends AnnealingEffort, ChainMoves {
  /** Most chains that move in one step, but always those of at least one image. Too many do not fit the processor's caches. */
  chainsAtOnce: number
}

/** Options of a run over one set of images. */
export interface AnnealingRun {
  key: HostKey
  /** Called after each batch with the number of images done. */
  onProgress?: (done: number) => void
  /** Called with the number of temperature steps done and in total, including the pilot. */
  onSteps?: (done: number, total: number) => void
  /** Stops after the chunk in flight; the estimates of complete batches are returned. */
  signal?: AbortSignal | undefined
}

/** Per image, in nats; covers fewer images than requested if the run was stopped. */
export interface AnnealingBound {
  /** log of the mean weight over chains: in expectation below log p(x) for forward chains, above it for reverse chains. */
  logPx: Float32Array
  /** Mean log weight: a looser bound. */
  elbo: Float32Array
  /** Mean acceptance over images, chains and temperatures. */
  acceptance: number
}

/** The estimate of independent chains. */
export interface AnnealingEstimate extends AnnealingBound {
  /** Standard error of `logPx` by the delta method; NaN for one chain. */
  standardError: Float32Array
}

/** Estimates log p(x) of sets of images; compiled once for sets of one size. */
export interface Annealer {
  /** Undefined before the first run. */
  readonly choice: Choice | undefined
  run(images: ImageSet, options: AnnealingRun): Promise<AnnealingEstimate>
  dispose(): void
}

/**
 * Estimates log p(x) of every image for z ~ `prior`. Each run starts with a pilot on the first batch, with separate noise, that
 * adapts one step size per temperature. They are then fixed, as a valid estimate requires.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const logLikelihood = (images: tf.Tensor, z: tf.Tensor) => decode(vae, z).logProb(tf.div(images, 255))
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const options = { temperatures: temperatures(20), chains: 4, chainsAtOnce: 8, leapfrogSteps: 2, jitter: 0.2, stepSize: 0.3, targetAcceptance: 0.9 }
 * const estimator = annealer(logLikelihood, vae.latentDim, options, {})
 * const { logPx, standardError } = await estimator.run(images, { key: streamKey(1, 'anneal') })
 * console.log(logPx.length, standardError.length) // 2 2
 */
export function annealer(
  logLikelihood: BatchLikelihood,
  latentDim: number,
  options: AnnealingOptions,
  scanOptions: ScanOptions,
  prior: Density = standardNormal,
): Annealer {
  let cached: { size: number; chains: AnnealedChains } | undefined
  const chainsFor = (size: number) => {
    if (cached?.size === size) return cached.chains
    cached?.chains.dispose()
    const chains = annealedChains(logLikelihood, [options.chains, size, latentDim], options, scanOptions, prior)
    cached = { size, chains }
    return chains
  }
  return {
    get choice() {
      return cached?.chains.choice
    },
    run: (images, run) => {
      const size = Math.min(imagesAtOnce(options), images.count)
      return annealBatches(chainsFor(size), size, images, options, run)
    },
    dispose: () => cached?.chains.dispose(),
  }
}

/** Images whose chains move in one step. */
export const imagesAtOnce = ({ chains, chainsAtOnce }: AnnealingOptions): number =>
  Math.max(1, Math.floor(chainsAtOnce / chains))

async function annealBatches(
  chains: AnnealedChains,
  size: number,
  images: ImageSet,
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

/** A counter of steps that reports to `onSteps`; their total is `passes` passes over all temperatures. */
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

/** The estimate for the first `used` of `size` images, from E[w] = p(x). */
export function estimateForward(
  { logWeights, acceptance }: AnnealedBatch,
  size: number,
  used: number,
): AnnealingEstimate {
  const perImage = Array.from({ length: used }, (_, i) => logMeanWeight(column(logWeights, size, i)))
  const standardError = Float32Array.from(perImage, image => image.standardError)
  return { ...boundOf(perImage, acceptance.subarray(0, used)), standardError }
}

/**
 * The bound of reverse chains, from E[1/w] = 1/p(x): `logPx` is above log p(x) in expectation, and `elbo` above `logPx`. There is no standard
 * error: all chains of an image start at the same z, so their spread does not include that over z ~ p(z|x).
 */
export function estimateReverse({ logWeights, acceptance }: AnnealedBatch, size: number, used: number): AnnealingBound {
  const perImage = Array.from({ length: used }, (_, i) => {
    const { logPx, elbo } = logMeanWeight(column(logWeights, size, i).map(value => -value))
    return { logPx: -logPx, elbo: -elbo }
  })
  return boundOf(perImage, acceptance.subarray(0, used))
}

/** The log weights of image i, from log weights [chains, size]. */
const column = (logWeights: Float32Array, size: number, i: number): number[] =>
  Array.from({ length: logWeights.length / size }, (_, chain) => logWeights[chain * size + i] as number)

interface ImageEstimate {
  logPx: number
  standardError: number
  elbo: number
}

/** The log of the mean weight, its standard error sd(w) / (sqrt(chains) mean(w)), and the mean log weight, from the log weights of one image. */
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
  const all = (name: 'logPx' | 'elbo') => Float32Array.from(perImage, image => image[name])
  return { logPx: all('logPx'), elbo: all('elbo'), acceptance: meanOf(acceptance) }
}

const meanOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length

/** Joins the estimates of several batches. */
export const join = (batches: readonly AnnealingEstimate[]): AnnealingEstimate => ({
  ...joinBounds(batches),
  standardError: Float32Array.from(batches.flatMap(({ standardError }) => [...standardError])),
})

/** Joins the bounds of several batches. */
export function joinBounds(batches: readonly AnnealingBound[]): AnnealingBound {
  const all = (name: 'logPx' | 'elbo') => Float32Array.from(batches.flatMap(batch => [...batch[name]]))
  const images = batches.reduce((sum, { logPx }) => sum + logPx.length, 0)
  const acceptance = batches.reduce((sum, batch) => sum + batch.acceptance * batch.logPx.length, 0) / images
  return { logPx: all('logPx'), elbo: all('elbo'), acceptance }
}
