/**
 * log p(x) by importance sampling with the encoder as proposal (Burda et al. 2015, equation 8):
 * log p(x) ~ log 1/k sum_i w_i,  w_i = p(x, z_i) / q(z_i | x),  z_i ~ q(z | x).
 */
import * as tf from '#tfjs'
import type { Posterior } from '../models/latents.js'
import { encode, type Vae } from '../models/vae.js'
import { drawNoise } from '../objectives/elbo.js'
import { logWeights } from '../objectives/importance-weighted.js'
import { type HostKey, type Key, keyAt } from '../random.js'

/** Maximum number of draws times images that are decoded at once. */
const LARGEST_PIECE = 5000

/** Per image [batch], all in nats. */
export interface ImportanceEstimate {
  /** log of the mean weight: below log p(x) in expectation, by about half the squared `standardError`. */
  logPx: Float32Array
  /**
   * Monte Carlo standard error of `logPx` by the delta method: sd(w) / (sqrt(k) mean(w)), with variances within each component of the
   * proposal. NaN if a component has a single draw.
   */
  standardError: Float32Array
  /** The ELBO of q with a sampled KL term, from the draws of q only. */
  elbo: Float32Array
  /** Effective sample size (sum w)^2 / sum w^2, from 1 to k (Kong 1992). */
  effectiveSamples: Float32Array
}

/** Pieces of `size` draws each; the first `used[i]` draws of piece i count. */
export interface Pieces {
  readonly size: number
  readonly used: readonly number[]
}

/** Splits `samples` draws into pieces small enough for batches of `batchSize` images. Throws a RangeError unless both are whole numbers of at least 1. */
export function cut(samples: number, batchSize: number): Pieces {
  for (const [name, value] of Object.entries({ samples, batchSize }))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${name} is ${value}; a whole number of at least 1 was expected`)
  const count = Math.ceil(samples / Math.max(1, Math.floor(LARGEST_PIECE / batchSize)))
  const size = Math.ceil(samples / count)
  return { size, used: Array.from({ length: count }, (_, i) => Math.min(size, samples - i * size)) }
}

/**
 * Importance sampling with `samples` draws per image of x [batch, pixels], one piece at a time to limit memory.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const { logPx, standardError } = importanceSample(vae, x, streamKey(1, 'evaluate'), 500)
 * console.log(logPx.length, standardError.every(error => error < 0.1)) // 1 true
 */
export function importanceSample(vae: Vae, x: tf.Tensor, key: HostKey, samples: number): ImportanceEstimate {
  const values = x.dataSync<'float32'>()
  const wrong = values.findIndex(value => !(value >= 0 && value <= 1))
  if (wrong >= 0) throw new RangeError(`x: value ${wrong} is ${values[wrong]}; numbers from 0 to 1 were expected`)
  const { size, used } = cut(samples, x.shape[0] as number)
  const sums = used.map((count, i) => {
    const tensors = tf.tidy(() => sumWeights(vae, x, encode(vae, x), keyAt(key, i), size, count))
    const values = Object.entries(tensors).map(([name, tensor]) => [name, tensor.dataSync<'float32'>()])
    tf.dispose(tensors)
    return Object.fromEntries(values) as WeightSums
  })
  return summarize([{ pieces: sums, draws: samples }])
}

/** Sums over the draws of a piece, per image; weights are scaled by exp(-max). */
export interface WeightSums<T = Float32Array> {
  [name: string]: T
  /** Maximum log weight. */
  max: T
  weights: T
  squares: T
  /** Sum of log p(x, z) - log q(z), the terms of the ELBO. These are the log weights if all draws come from q. */
  logs: T
}

/** The sums over the first `used` of `size` draws from any q(z), for images x [batch, pixels]: tensors [batch]. */
export function sumWeights(
  vae: Vae,
  x: tf.Tensor,
  q: Posterior,
  key: Key,
  size: number,
  used: number,
): WeightSums<tf.Tensor> {
  return sumDraws(logWeights(vae, x, q, drawNoise(vae, x, key, size)).logWeights, used)
}

/** The sums over the first `used` draws of log weights [draws, batch]; `elboTerms` [draws, batch] are the log weights by default. */
export function sumDraws(logs: tf.Tensor, used: number, elboTerms = logs): WeightSums<tf.Tensor> {
  const size = logs.shape[0] as number
  const mask = tf.less(tf.reshape(tf.range(0, size), [size, 1]), used)
  const max = tf.max(tf.where(mask, logs, Number.NEGATIVE_INFINITY), 0)
  const scaled = tf.where(mask, tf.exp(tf.sub(logs, max)), 0)
  return {
    max,
    weights: tf.sum(scaled, 0),
    squares: tf.sum(tf.square(scaled), 0),
    logs: tf.sum(tf.where(mask, elboTerms, 0), 0),
  }
}

/** The draws of one component of the proposal. */
export interface Stratum {
  pieces: readonly WeightSums[]
  draws: number
}

/** The estimate from the sums of all draws, in double precision. The first component must be q; its draws give the ELBO. */
export function summarize(strata: readonly Stratum[]): ImportanceEstimate {
  const images = strata[0]?.pieces[0]?.max.length ?? 0
  const estimate = {
    logPx: new Float32Array(images),
    standardError: new Float32Array(images),
    elbo: new Float32Array(images),
    effectiveSamples: new Float32Array(images),
  }
  for (let i = 0; i < images; i++) {
    const { logPx, standardError, elbo, effectiveSamples } = summarizeImage(strata, i)
    estimate.logPx[i] = logPx
    estimate.standardError[i] = standardError
    estimate.elbo[i] = elbo
    estimate.effectiveSamples[i] = effectiveSamples
  }
  return estimate
}

function summarizeImage(strata: readonly Stratum[], image: number) {
  const max = Math.max(...strata.flatMap(({ pieces }) => pieces.map(piece => piece.max[image] as number)))
  const sums = strata.map(stratum => ({ draws: stratum.draws, ...addPieces(stratum.pieces, image, max) }))
  const sum = (value: (stratum: (typeof sums)[number]) => number) =>
    sums.reduce((total, stratum) => total + value(stratum), 0)
  const [weights, draws] = [sum(stratum => stratum.weights), sum(stratum => stratum.draws)]
  // k var(w), for the k draws of each component
  const variance = sum(({ draws: k, weights: w, squares }) => (Math.max(squares - w ** 2 / k, 0) * k) / (k - 1))
  const [q] = sums as [(typeof sums)[number]]
  return {
    logPx: max + Math.log(weights / draws),
    standardError: Math.sqrt(variance) / weights,
    elbo: q.logs / q.draws,
    effectiveSamples: weights ** 2 / sum(({ squares }) => squares),
  }
}

/** Adds the sums of pieces, with weights scaled by exp(-max). */
function addPieces(pieces: readonly WeightSums[], image: number, max: number) {
  let [weights, squares, logs] = [0, 0, 0]
  for (const piece of pieces) {
    const scale = Math.exp((piece.max[image] as number) - max)
    weights += (piece.weights[image] as number) * scale
    squares += (piece.squares[image] as number) * scale ** 2
    logs += piece.logs[image] as number
  }
  return { weights, squares, logs }
}
