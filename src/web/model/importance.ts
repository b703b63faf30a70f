/**
 * Importance sampling of the command line in the page, with the same noise: the draws of image i of block b in piece p are
 * row i of keyAt(keyAt(key, b), p), so `elbo evaluate` and `elbo score` give the same numbers up to rounding.
 */
import * as tf from '#tfjs'
import {
  cut,
  type ImportanceEstimate,
  sumDraws,
  summarize,
  sumWeights,
  type WeightSums,
} from '../../evaluation/importance.js'
import { encode } from '../../models/vae.js'
import { logWeights } from '../../objectives/importance-weighted.js'
import { type HostKey, keyAt } from '../../random.js'
import type { ModelAt } from './classes.js'
import { nextFrame, valuesOf } from './model.js'

/** Images of a batch of every evaluation: their noise depends on it. */
export const BATCH = 100

/** Where the noise of an image comes from: the stream's key, and the image's number. */
export interface NoiseOf {
  key: HostKey
  image: number
}

/** What is known after some draws, in nats. */
export interface Growing {
  draws: number
  logPx: number
  standardError: number
  elbo: number
  effectiveSamples: number
}

/**
 * Estimates log p(x) of one image x [1, values] from more and more draws, up to `samples`; calls `onPiece` after each piece of 50. The
 * estimate after N draws is that of `--samples N` for N = 50, 100, … Stops at the signal.
 */
export async function growImportance(
  model: ModelAt,
  x: tf.Tensor,
  { key, image }: NoiseOf,
  samples: number,
  signal: AbortSignal,
  onPiece: (estimate: Growing, logs: Float32Array) => void,
): Promise<void> {
  const { size, used } = cut(samples, BATCH)
  const batchKey = keyAt(key, Math.floor(image / BATCH))
  const pieces: WeightSums[] = []
  let draws = 0
  for (const [piece, count] of used.entries()) {
    const { sums, logs } = await onePiece(model, x, keyAt(batchKey, piece), { size, count, row: image % BATCH })
    if (signal.aborted) return
    pieces.push(sums)
    draws += count
    onPiece({ draws, ...firstOf(summarize([{ pieces, draws }])) }, logs)
    await nextFrame()
  }
}

/** The estimate of the only image. */
const firstOf = ({ logPx, standardError, elbo, effectiveSamples }: ImportanceEstimate): Omit<Growing, 'draws'> => ({
  logPx: logPx[0] as number,
  standardError: standardError[0] as number,
  elbo: elbo[0] as number,
  effectiveSamples: effectiveSamples[0] as number,
})

async function onePiece(
  model: ModelAt,
  x: tf.Tensor,
  key: HostKey,
  { size, count, row }: { size: number; count: number; row: number },
) {
  const { logs, max, weights, squares, sums } = tf.tidy(() => {
    const vae = model()
    const all = vae.latents.noise(key, [size, BATCH, vae.latentDim])
    const noise = tf.slice(all, [0, row, 0], [size, 1, vae.latentDim])
    const log = logWeights(vae, x, encode(vae, x), noise).logWeights
    const sum = sumDraws(log, count)
    return { logs: tf.reshape(log, [size]), max: sum.max, weights: sum.weights, squares: sum.squares, sums: sum.logs }
  })
  const [each = new Float32Array(), m, w, s, l] = await valuesOf(logs, max, weights, squares, sums)
  return { sums: { max: m, weights: w, squares: s, logs: l } as WeightSums, logs: each }
}

/** The estimates of all images of a block [100, values]. */
export async function importanceOfBlock(
  model: ModelAt,
  batch: tf.Tensor,
  { key, block }: { key: HostKey; block: number },
  samples: number,
): Promise<ImportanceEstimate> {
  const { size, used } = cut(samples, BATCH)
  const pieces: WeightSums[] = []
  for (const [piece, count] of used.entries()) {
    const sums = tf.tidy(() => {
      const vae = model()
      return sumWeights(vae, batch, encode(vae, batch), keyAt(keyAt(key, block), piece), size, count)
    })
    const [max, weights, squares, logs] = await valuesOf(sums.max, sums.weights, sums.squares, sums.logs)
    pieces.push({ max, weights, squares, logs } as WeightSums)
    await nextFrame()
  }
  return summarize([{ pieces, draws: samples }])
}
