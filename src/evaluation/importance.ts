/**
 * log p(x) by importance sampling with the encoder as proposal (Burda et al. 2015, equation 8):
 * log p(x) ~ log 1/k sum_i w_i,  w_i = p(x, z_i) / q(z_i | x),  z_i ~ q(z | x).
 */
import * as tf from '@tensorflow/tfjs'
import type { Posterior } from '../models/latents.js'
import { encode, type Vae } from '../models/vae.js'
import { drawNoise } from '../objectives/elbo.js'
import { logWeights } from '../objectives/importance-weighted.js'
import { type HostKey, type Key, keyAt } from '../random.js'

/** Decoder inputs that fit in one piece: samples times images of a piece. */
const LARGEST_PIECE = 5000

/** Per image [batch], all in nats. */
export interface ImportanceEstimate {
  /** log of the mean weight: below log p(x) in expectation, by about half the squared `standardError`. */
  logPx: Float32Array
  /** Monte Carlo standard error of `logPx` by the delta method: sd(w) / (sqrt(k) mean(w)); NaN for k = 1. */
  standardError: Float32Array
  /** Mean log weight: the ELBO, with all k samples and the KL term sampled. */
  elbo: Float32Array
  /** (sum w)^2 / sum w^2, from 1 to k: so many equal weights would be worth as much (Kong 1992). */
  effectiveSamples: Float32Array
}

/** How draws are cut into pieces that are all made `size` at a time; of piece i the first `used[i]` count. */
export interface Pieces {
  readonly size: number
  readonly used: readonly number[]
}

/** `samples` draws in pieces small enough for batches of `batchSize` images. */
export function cut(samples: number, batchSize: number): Pieces {
  const count = Math.ceil(samples / Math.max(1, Math.floor(LARGEST_PIECE / batchSize)))
  const size = Math.ceil(samples / count)
  return { size, used: Array.from({ length: count }, (_, i) => Math.min(size, samples - i * size)) }
}

/** Weighs `samples` draws per binary image of x [batch, pixels], a piece at a time: of each piece only its sums are kept. */
export function importanceSample(vae: Vae, x: tf.Tensor, key: HostKey, samples: number): ImportanceEstimate {
  const { size, used } = cut(samples, x.shape[0] as number)
  const sums = used.map((count, i) => {
    const tensors = tf.tidy(() => sumWeights(vae, x, keyAt(key, i), size, count))
    const values = Object.entries(tensors).map(([name, tensor]) => [name, tensor.dataSync<'float32'>()])
    tf.dispose(tensors)
    return Object.fromEntries(values) as WeightSums
  })
  return summarize(sums, samples)
}

/** Sums over the draws of a piece, per image, of weights scaled by exp(-max). */
export interface WeightSums<T = Float32Array> {
  [name: string]: T
  max: T
  weights: T
  squares: T
  /** Of the logarithms of the weights. */
  logs: T
}

/** The sums over the first `used` of `size` draws for images x [batch, pixels]: tensors [batch]. */
export function sumWeights(vae: Vae, x: tf.Tensor, key: Key, size: number, used: number): WeightSums<tf.Tensor> {
  return sumWeightsOf(vae, x, encode(vae, x), key, size, used)
}

/** The same sums with any q(z) as proposal, not only the encoder's. */
export function sumWeightsOf(
  vae: Vae,
  x: tf.Tensor,
  q: Posterior,
  key: Key,
  size: number,
  used: number,
): WeightSums<tf.Tensor> {
  const counts = tf.less(tf.reshape(tf.range(0, size), [size, 1]), used)
  const { logWeights: logs } = logWeights(vae, x, q, drawNoise(vae, x, key, size)) // [size, batch]
  const max = tf.max(tf.where(counts, logs, Number.NEGATIVE_INFINITY), 0)
  const scaled = tf.where(counts, tf.exp(tf.sub(logs, max)), 0)
  return {
    max,
    weights: tf.sum(scaled, 0),
    squares: tf.sum(tf.square(scaled), 0),
    logs: tf.sum(tf.where(counts, logs, 0), 0),
  }
}

/** The estimate of `k` draws from the sums of their pieces, in double precision. */
export function summarize(pieces: readonly WeightSums[], k: number): ImportanceEstimate {
  const images = pieces[0]?.max.length ?? 0
  const estimate = {
    logPx: new Float32Array(images),
    standardError: new Float32Array(images),
    elbo: new Float32Array(images),
    effectiveSamples: new Float32Array(images),
  }
  for (let i = 0; i < images; i++) {
    const of = (name: keyof WeightSums) => pieces.map(piece => piece[name]?.[i] as number)
    const max = Math.max(...of('max'))
    const scales = of('max').map(own => Math.exp(own - max))
    const total = (values: number[], power: number) =>
      values.reduce((sum, value, p) => sum + value * (scales[p] as number) ** power, 0)
    const [weights, squares] = [total(of('weights'), 1), total(of('squares'), 2)]
    const effective = weights ** 2 / squares
    // var(w) / (k mean(w)^2) = (k sum w^2 / (sum w)^2 - 1) / (k - 1)
    const relative = k / effective - 1
    estimate.logPx[i] = max + Math.log(weights / k)
    estimate.standardError[i] = Math.sqrt(Math.max(relative, 0) / (k - 1))
    estimate.elbo[i] = total(of('logs'), 0) / k
    estimate.effectiveSamples[i] = effective
  }
  return estimate
}
