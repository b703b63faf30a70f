/**
 * Why the bound is below log p(x) (Cremer, Li & Duvenaud 2018, equation 6), with q* the best diagonal Gaussian of each image:
 * log p(x) - ELBO(q) = [log p(x) - ELBO(q*)] + [ELBO(q*) - ELBO(q)] = approximation gap + amortization gap.
 */
import * as tf from '@tensorflow/tfjs'
import { type RepeatedBatch, repeatBatch } from '../compile/repeat-batch.js'
import { type Scan, scan } from '../compile/scan.js'
import { type Choice, eachStep, type ScanOptions } from '../compile/step.js'
import { type Images, imagesFrom, requirePixels } from '../data/images.js'
import { toUnit } from '../data/levels.js'
import type { Vae } from '../models/vae.js'
import { type Estimate, errorOfMean, estimateMean } from '../numeric/means.js'
import { type HostKey, keyAt } from '../random.js'
import { freePosteriors, learningRateAt } from './free-posteriors.js'
import { cut, type ImportanceEstimate, summarize, sumWeights, type WeightSums } from './importance.js'

export interface GapOptions extends ScanOptions {
  /** Draws of z per image, for each bound and each estimate of log p(x). */
  samples: number
  /** Of the ascent from the encoder's q(z|x) to q*. */
  steps: number
  batchSize: number
  /** Decides the noise; both q are measured with the same, which the ascent has not seen. */
  key: HostKey
  /** Told how many steps, of ascent and of measurement, are done and how many there are, after each chunk. */
  onProgress?: (done: number, total: number) => void
  /** Stops after the chunk in flight. */
  signal?: AbortSignal | undefined
}

/** Whose q the draws of importance sampling come from. */
export type Proposal = 'encoder' | 'meanField'

/** log p(x) by importance sampling, low in expectation; the higher of two need not be. */
export interface SampledLogPx extends Estimate {
  /** Standard error of the mean that comes from sampling z alone. */
  monteCarloError: number
}

/** Nats per image. A standard error is that of the mean over images; of a gap, of the mean of each image's difference. */
export interface Gaps {
  /** Fewer than were asked for if it was stopped. */
  images: number
  samples: number
  steps: number
  /** With the encoder's q(z|x). */
  elbo: Estimate
  /** With q*. */
  meanFieldElbo: Estimate
  logPx: Record<Proposal, SampledLogPx>
  /** The proposal whose log p(x) is the higher; the gaps are measured from that one. */
  tighter: Proposal
  /** ELBO(q*) - ELBO(q(z|x)). */
  amortizationGap: Estimate
  /** log p(x) - ELBO(q*). */
  approximationGap: Estimate
  /** Their sum, log p(x) - ELBO(q(z|x)). */
  gap: Estimate
  /** How the work was run. */
  compile: Choice
}

/** Measures both parts of the gap; if `options.signal` stops it, of the batches done so far, or undefined before the first. */
export async function measureGaps(vae: Vae, images: Images, options: GapOptions): Promise<Gaps | undefined> {
  requirePixels(images)
  const size = Math.min(options.batchSize, images.count)
  const bounds = batchBounds(vae, size, options, Math.ceil(images.count / size))
  try {
    const batches: Bounds[] = []
    for (let from = 0; from < images.count; from += size) {
      const measured = await bounds.measure(imagesFrom(images, from, size), keyAt(options.key, from / size))
      if (!measured) break
      batches.push(measured)
    }
    const count = Math.min(batches.length * size, images.count)
    if (count === 0) return undefined
    const of = (proposal: Proposal) =>
      join(
        batches.map(batch => batch[proposal]),
        count,
      )
    const { samples, steps } = options
    return { images: count, samples, steps, ...parts(of('encoder'), of('meanField')), compile: bounds.choice() }
  } finally {
    bounds.dispose()
  }
}

/** What was measured of each image with either q. */
type Bounds = Record<Proposal, ImportanceEstimate>

interface BatchBounds {
  /** Of a batch [size, pixels per image]; undefined if it was stopped. */
  measure(batch: Uint8Array, key: HostKey): Promise<Bounds | undefined>
  choice(): Choice
  dispose(): void
}

function batchBounds(vae: Vae, size: number, options: GapOptions, batches: number): BatchBounds {
  const free = freePosteriors(vae, size)
  const pieces = cut(options.samples, size)
  const used = pieces.used.map(count => ({ used: count }))
  const rates = Array.from({ length: options.steps }, (_, i) => ({ learningRate: learningRateAt(i, options.steps) }))
  const weigh = scan<{ used: number }>(
    (batch, key, part) => sumWeights(vae, toUnit(batch), free.q, key, pieces.size, part.used),
    options,
  )
  let ascend: Scan<{ learningRate: number }> | undefined
  const repeating = { signal: options.signal, onSteps: counter(options, batches * (rates.length + 2 * used.length)) }
  const weighed = async (repeated: RepeatedBatch) => {
    const sums = await repeatBatch(weigh, repeated, used, repeating)
    return sums && summarize([{ pieces: eachStep(sums, used.length) as WeightSums[], draws: options.samples }])
  }
  return {
    async measure(batch, key) {
      tf.tidy(() => free.start(toUnit(tf.tensor(Float32Array.from(batch), [size, vae.pixels]))))
      const encoder = await weighed({ batch, size, key: keyAt(key, 0) })
      ascend ??= scan((images, noise, { learningRate }) => {
        free.ascend(toUnit(images), noise, learningRate)
        return {}
      }, weigh.choice ?? options)
      const ascended = await repeatBatch(ascend, { batch, size, key: keyAt(key, 1) }, rates, repeating)
      const meanField = ascended && (await weighed({ batch, size, key: keyAt(key, 0) }))
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

/** The estimates of batches as those of their first `count` images. */
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

function parts(encoder: ImportanceEstimate, meanField: ImportanceEstimate) {
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
