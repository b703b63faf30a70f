/** Annealed importance sampling of whole splits, a temperature a step of `scan`: as many temperatures as patience allows, and one small program. */
import * as tf from '@tensorflow/tfjs'
import type { Choice, ScanOptions } from '../compile/scan.js'
import { type Key, keyAt, split } from '../random.js'
import { aisStart, aisStep } from './ais.js'
import { type ImageScan, type ImageSet, type OverImagesOptions, overImages } from './over-images.js'

/** How much is done for each image. */
export interface AnnealingEffort {
  /** 0 = b_0 < … < b_T = 1: see `temperatures`. */
  temperatures: readonly number[]
  /** Chains of each image; two at least give an error. */
  chains: number
}

export interface AnnealingOptions extends AnnealingEffort {
  /** Chains that move in one step: those of so many images as fit, of one at least. Too many leave the processor's caches. */
  chainsAtOnce: number
  leapfrogSteps: number
  jitter: number
  /** Where the pilot's step size begins, and the acceptance that it seeks. */
  stepSize: number
  targetAcceptance: number
}

/** Of one set of images. */
export type AnnealingRun = Omit<OverImagesOptions, 'batchSize'>

/** Per image, in nats. */
export interface AnnealingEstimate {
  /** log of the mean weight over chains: below log p(x) in expectation. */
  logPx: Float32Array
  /** Of `logPx`, by the delta method; NaN for one chain. */
  standardError: Float32Array
  /** Mean log weight: a looser bound. */
  elbo: Float32Array
  /** Mean acceptance over chains and temperatures. */
  acceptance: number
}

/** What one step is told; a pilot step sets its own step size. */
interface Part {
  to: number
  rise: number
  starts: number
  stepSize: number
  pilot: number
}

/** How fast the pilot's step size follows the temperature. */
const PILOT_GAIN = 0.5

/** Anneals set after set of images; compiled once for sets of one size. */
export interface Annealer {
  /** How it runs; undefined before the first run. */
  readonly choice: Choice | undefined
  /** Log p(x) of every image; `signal` stops it after the chunk in flight, and the batches done until then are returned. */
  run(images: ImageSet, options: AnnealingRun): Promise<AnnealingEstimate>
  dispose(): void
}

/**
 * Estimates log p(x) of every image, with `logLikelihood` from images x [batch, pixels] in 0 … 255 and z [chains, batch, latent] to
 * log p(x|z) [chains, batch], and the prior N(0, I). In each run a pilot on the first batch, with noise of its own, finds a step size for
 * each temperature; from then on they are fixed, as the estimate's validity asks.
 */
export function annealer(
  logLikelihood: (x: tf.Tensor, z: tf.Tensor) => tf.Tensor,
  latentDim: number,
  options: AnnealingOptions,
  how: ScanOptions,
): Annealer {
  let made: { size: number; scan: ImageScan<Part> } | undefined
  const scanOf = (size: number) => {
    if (made?.size === size) return made.scan
    made?.scan.dispose()
    const chains = annealingChains(logLikelihood, [options.chains, size, latentDim], options)
    made = { size, scan: overImages<Part>(chains.step, how, chains) }
    return made.scan
  }
  return {
    get choice() {
      return made?.scan.choice
    },
    run(images, run) {
      const fitting = Math.max(1, Math.floor(options.chainsAtOnce / options.chains))
      const size = Math.min(fitting, images.count)
      return annealBatches(scanOf(size), size, images, options, run)
    },
    dispose: () => made?.scan.dispose(),
  }
}

/** Every batch of a set, with the step sizes that the pilot found. */
async function annealBatches(
  scan: ImageScan<Part>,
  batchSize: number,
  images: ImageSet,
  { temperatures, stepSize }: AnnealingOptions,
  { key, onProgress, signal }: AnnealingRun,
): Promise<AnnealingEstimate> {
  const runBatch = (batch: number, stream: number, list: Part[]) =>
    scan.run(batchAt(images, batchSize, batch), { batchSize, key: keyAt(key, stream), signal }, list)
  const pilot = await runBatch(
    0,
    0,
    parts(temperatures, () => stepSize, 1),
  )
  const stepSizes = pilot.map(({ stepSize: found }) => found?.[0] as number)
  const estimated = parts(temperatures, t => stepSizes[t] as number, 0)
  const results: AnnealingEstimate[] = []
  for (let batch = 0; batch * batchSize < images.count; batch++) {
    const used = Math.min(batchSize, images.count - batch * batchSize)
    const outputs = await runBatch(batch, batch + 1, estimated)
    if (signal?.aborted) break
    results.push(lastOf(outputs, used))
    onProgress?.(batch * batchSize + used)
  }
  return join(results)
}

function parts(temperatures: readonly number[], stepSizeAt: (t: number) => number, pilot: number): Part[] {
  return temperatures.slice(1).map((to, t) => ({
    to,
    rise: to - (temperatures[t] as number),
    starts: t === 0 ? 1 : 0,
    stepSize: stepSizeAt(t),
    pilot,
  }))
}

type Shape = readonly [chains: number, batch: number, latent: number]

/** The chains of a batch between steps, and the step. */
function annealingChains(
  logLikelihood: (x: tf.Tensor, z: tf.Tensor) => tf.Tensor,
  shape: Shape,
  { targetAcceptance, leapfrogSteps, jitter }: AnnealingOptions,
) {
  const variable = (values: tf.Tensor) => tf.variable(values, false)
  const [z, logWeights, logStepSize] = tf.tidy(() => [
    variable(tf.zeros([...shape])),
    variable(tf.zeros([shape[0], shape[1]])),
    variable(tf.scalar(0)),
  ]) as [tf.Variable, tf.Variable, tf.Variable]
  return {
    step(x: tf.Tensor, key: Key, { to, rise, starts, stepSize, pilot }: Part): Record<string, tf.Tensor> {
      const [startKey, moveKey] = split(key, 2) as [Key, Key]
      const fresh = aisStart(startKey, shape)
      const isStart = tf.greater(tf.scalar(starts), 0.5)
      const isPilot = tf.greater(tf.scalar(pilot), 0.5)
      const state = { z: tf.where(isStart, fresh.z, z), logWeights: tf.where(isStart, fresh.logWeights, logWeights) }
      const given = tf.scalar(stepSize) as tf.Tensor
      const size = tf.where(tf.logicalAnd(isPilot, tf.logicalNot(isStart)), tf.exp(logStepSize), given)
      const hmc = { stepSize: size, leapfrogSteps, jitter }
      const moved = aisStep(at => logLikelihood(x, at), state, moveKey, { to, rise }, hmc)
      z.assign(moved.state.z)
      logWeights.assign(moved.state.logWeights)
      const miss = tf.sub(tf.mean(moved.acceptance), targetAcceptance)
      logStepSize.assign(tf.add(tf.log(size), tf.mul(miss, PILOT_GAIN)))
      return {
        ...overChains(moved.state.logWeights),
        acceptance: tf.mean(moved.acceptance, 0),
        stepSize: tf.mul(tf.ones([shape[1]]), size),
      }
    },
    dispose: () => tf.dispose([z, logWeights, logStepSize]),
  }
}

/** Log weights [chains, batch] -> [batch] each. */
function overChains(logWeights: tf.Tensor) {
  const count = logWeights.shape[0] as number
  const max = tf.max(logWeights, 0)
  const weights = tf.exp(tf.sub(logWeights, max)) // [chains, batch]
  const mean = tf.mean(weights, 0)
  // sd(w) / (sqrt(chains) mean(w))
  const squares = tf.sum(tf.square(tf.sub(weights, mean)), 0)
  return {
    logPx: tf.add(max, tf.log(mean)),
    standardError: tf.div(tf.sqrt(tf.div(squares, count * (count - 1))), mean),
    elbo: tf.mean(logWeights, 0),
  }
}

/** The images of a batch of `size`; beyond the last image they are black. */
function batchAt({ pixels, count }: ImageSet, size: number, batch: number): ImageSet {
  const length = (pixels.length / count) * size
  const own = new Uint8Array(length)
  own.set(pixels.subarray(batch * length, (batch + 1) * length))
  return { count: size, pixels: own }
}

function lastOf(outputs: readonly Record<string, Float32Array>[], used: number): AnnealingEstimate {
  const last = outputs.at(-1) ?? {}
  const rows = (name: string) => (last[name] ?? new Float32Array()).slice(0, used)
  const acceptances = outputs.map(({ acceptance = new Float32Array() }) => meanOf(acceptance.subarray(0, used)))
  return {
    logPx: rows('logPx'),
    standardError: rows('standardError'),
    elbo: rows('elbo'),
    acceptance: meanOf(acceptances),
  }
}

const meanOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length

function join(batches: readonly AnnealingEstimate[]): AnnealingEstimate {
  const all = (name: 'logPx' | 'standardError' | 'elbo') =>
    Float32Array.from(batches.flatMap(batch => [...batch[name]]))
  const images = batches.reduce((sum, { logPx }) => sum + logPx.length, 0)
  const acceptance = batches.reduce((sum, batch) => sum + batch.acceptance * batch.logPx.length, 0) / images
  return { logPx: all('logPx'), standardError: all('standardError'), elbo: all('elbo'), acceptance }
}
