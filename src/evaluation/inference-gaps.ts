/**
 * The gap between the bound and log p(x) (Cremer, Li & Duvenaud 2018, equation 6), with q* the optimal diagonal Gaussian of each image:
 * log p(x) - ELBO(q) = [log p(x) - ELBO(q*)] + [ELBO(q*) - ELBO(q)] = approximation gap + amortization gap.
 */
import * as tf from '#tfjs'
import { type RepeatedBatch, repeatBatch } from '../compile/repeat-batch.js'
import { type Scan, scan } from '../compile/scan.js'
import { type Choice, eachStep, type ScanOptions } from '../compile/step.js'
import { type ImageSet, imagesFrom, rowSize } from '../data/images.js'
import { readBatch, requireImages } from '../models/conditional.js'
import type { Vae } from '../models/vae.js'
import { type Estimate, errorOfMean, estimateMean } from '../numeric/means.js'
import { type HostKey, keyAt } from '../random.js'
import { freePosteriors, learningRateAt } from './free-posteriors.js'
import { cut, type ImportanceEstimate, summarize, sumWeights, type WeightSums } from './importance.js'

export interface GapOptions extends ScanOptions {
  /** Draws of z per image, for each bound and each estimate of log p(x). */
  samples: number
  /** Steps of gradient ascent from the encoder's q(z|x) to q*. */
  steps: number
  batchSize: number
  /** Key of the noise. Both q are measured with the same noise, which is independent of the ascent's. */
  key: HostKey
  /** Called after each chunk with the number of steps, of ascent and measurement, done and in total. */
  onProgress?: (done: number, total: number) => void
  /** Stops after the chunk in flight. */
  signal?: AbortSignal | undefined
}

/** The proposal of importance sampling: the encoder's q or q*. */
export type Proposal = 'encoder' | 'meanField'

/** log p(x) by importance sampling, too low in expectation. The higher of two such estimates need not be. */
export interface SampledLogPx extends Estimate {
  /** The part of the standard error that is due to sampling z. */
  monteCarloError: number
}

/** Nats per image. Each standard error is that of the mean over images; gaps are means of differences per image. */
export interface Gaps {
  /** Fewer than requested if the run was stopped. */
  images: number
  samples: number
  steps: number
  /** ELBO of the encoder's q(z|x). */
  elbo: Estimate
  /** ELBO of q*. */
  meanFieldElbo: Estimate
  logPx: Record<Proposal, SampledLogPx>
  /** The proposal with the higher estimate of log p(x), which the gaps use. */
  tighter: Proposal
  /** ELBO(q*) - ELBO(q(z|x)). */
  amortizationGap: Estimate
  /** log p(x) - ELBO(q*). */
  approximationGap: Estimate
  /** Their sum, log p(x) - ELBO(q(z|x)). */
  gap: Estimate
  compile: Choice
}

/**
 * Measures both parts of the gap. If stopped by `options.signal`, covers the batches done so far; undefined if none.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const gaps = await measureGaps(vae, images, { samples: 20, steps: 10, batchSize: 2, key: streamKey(1, 'gaps') })
 * if (gaps) console.log(gaps.amortizationGap.mean + gaps.approximationGap.mean - gaps.gap.mean < 1e-6) // true
 */
export async function measureGaps(vae: Vae, images: ImageSet, options: GapOptions): Promise<Gaps | undefined> {
  requireImages(vae, images)
  const size = options.batchSize
  const bounds = batchBounds(vae, [size, rowSize(images)], options, Math.ceil(images.count / size))
  try {
    const batches: Bounds[] = []
    for (let from = 0; from < images.count; from += size) {
      const measured = await bounds.measure(imagesFrom(images, from, size), keyAt(options.key, from / size))
      if (!measured) break
      batches.push(measured)
    }
    const count = Math.min(batches.length * size, images.count)
    if (count === 0) return undefined
    const joined = (proposal: Proposal) =>
      join(
        batches.map(batch => batch[proposal]),
        count,
      )
    const { samples, steps } = options
    const gaps = summarizeGaps(joined('encoder'), joined('meanField'))
    return { images: count, samples, steps, ...gaps, compile: bounds.choice() }
  } finally {
    bounds.dispose()
  }
}

/** The estimates of a batch under either q. */
type Bounds = Record<Proposal, ImportanceEstimate>

interface BatchBounds {
  /** Measures a batch of `size` images, a row each; undefined if it was stopped. */
  measure(batch: Uint8Array, key: HostKey): Promise<Bounds | undefined>
  choice(): Choice
  dispose(): void
}

function batchBounds(vae: Vae, shape: [size: number, row: number], options: GapOptions, batches: number): BatchBounds {
  const [size] = shape
  const free = freePosteriors(vae, size)
  const pieces = cut(options.samples, size)
  const used = pieces.used.map(count => ({ used: count }))
  const rates = Array.from({ length: options.steps }, (_, i) => ({ learningRate: learningRateAt(i, options.steps) }))
  const weigh = scan<{ used: number }>((batch, key, piece) => {
    const { x, model } = readBatch(vae, batch)
    return sumWeights(model, x, free.q, key, pieces.size, piece.used)
  }, options)
  let ascend: Scan<{ learningRate: number }> | undefined
  const repeating = { signal: options.signal, onSteps: counter(options, batches * (rates.length + 2 * used.length)) }
  const estimate = async (repeated: RepeatedBatch) => {
    const sums = await repeatBatch(weigh, repeated, used, repeating)
    return sums && summarize([{ pieces: eachStep(sums, used.length) as WeightSums[], draws: options.samples }])
  }
  return {
    async measure(batch, key) {
      tf.tidy(() => free.start(tf.tensor(Float32Array.from(batch), shape)))
      const encoder = await estimate({ batch, size, key: keyAt(key, 0) })
      ascend ??= scan((images, noise, { learningRate }) => {
        free.ascend(images, noise, learningRate)
        return {}
      }, weigh.choice ?? options)
      const ascended = await repeatBatch(ascend, { batch, size, key: keyAt(key, 1) }, rates, repeating)
      const meanField = ascended && (await estimate({ batch, size, key: keyAt(key, 0) }))
      return encoder && meanField && { encoder, meanField }
    },
    choice: () => weigh.choice as Choice,
    dispose: () => weigh.dispose({ dispose: () => (ascend ? ascend.dispose(free) : free.dispose()) }),
  }
}

function counter({ onProgress }: GapOptions, total: number): (count: number) => void {
  let done = 0
  return count => {
    done += count
    onProgress?.(done, total)
  }
}

/** Joins the estimates of batches; keeps the first `count` images. */
function join(batches: readonly ImportanceEstimate[], count: number): ImportanceEstimate {
  const all = (name: keyof ImportanceEstimate) =>
    Float32Array.from(batches.flatMap(batch => [...batch[name]]).slice(0, count))
  return {
    logPx: all('logPx'),
    standardError: all('standardError'),
    elbo: all('elbo'),
    effectiveSamples: all('effectiveSamples'),
  }
}

function summarizeGaps(encoder: ImportanceEstimate, meanField: ImportanceEstimate) {
  const logPx = { encoder: logPxOf(encoder), meanField: logPxOf(meanField) }
  const tighter: Proposal = logPx.meanField.mean >= logPx.encoder.mean ? 'meanField' : 'encoder'
  const best = { encoder, meanField }[tighter].logPx
  return {
    elbo: estimateMean(encoder.elbo),
    meanFieldElbo: estimateMean(meanField.elbo),
    logPx,
    tighter,
    amortizationGap: meanDifference(meanField.elbo, encoder.elbo),
    approximationGap: meanDifference(best, meanField.elbo),
    gap: meanDifference(best, encoder.elbo),
  }
}

function logPxOf({ logPx, standardError }: ImportanceEstimate): SampledLogPx {
  return { ...estimateMean(logPx), monteCarloError: errorOfMean(standardError) }
}

function meanDifference(above: Float32Array, below: Float32Array): Estimate {
  return estimateMean(above.map((value, i) => value - (below[i] as number)))
}
