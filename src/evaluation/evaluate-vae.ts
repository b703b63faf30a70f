/** What `evaluate` measures of a trained VAE: ELBO, log p(x), their errors, active units. */
import type { Choice, ScanOptions } from '../compile/step.js'
import { firstImages, type Images, requirePixels } from '../data/images.js'
import { toUnit } from '../data/levels.js'
import { encode, type Vae } from '../models/vae.js'
import { type Estimate, errorOfMean, estimateMean } from '../numeric/means.js'
import { type HostKey, split } from '../random.js'
import { cutShares, type Piece, sharesOf, strataOf, sumPiece } from './defensive.js'
import { type EffectiveSamples, summarizeEffectiveSamples } from './effective-samples.js'
import { type ImportanceEstimate, summarize, type WeightSums } from './importance.js'
import { type OverImagesOptions, overImages } from './over-images.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface Evaluation {
  /** Fewer than were asked for if it was stopped. */
  images: number
  /** Draws per image, `fromPrior` of them from p(z) instead of q(z|x). */
  samples: number
  fromPrior: number
  elbo: Estimate
  /** E_q[log p(x|z)], negative; elbo = reconstruction - kl. */
  reconstruction: Estimate
  kl: Estimate
  logPx: Estimate
  /** Standard error of the mean log p(x) that comes from sampling z alone. */
  logPxMonteCarloError: number
  /** Over images. */
  effectiveSamples: EffectiveSamples
  /** Latent dimensions whose posterior mean varies: var_x(E_q[z_j]) > 0.01 (Burda et al. 2015, section 5.2); null of one image. */
  activeUnits: number | null
  latentDim: number
  /** The same of each layer of z, from the image upwards. */
  layers: readonly { latentDim: number; activeUnits: number | null }[]
  /** How the work was run. */
  compile: Choice
  /** The values behind the means, one per image. */
  perImage: ImportanceEstimate
}

export interface EvaluationOptions extends OverImagesOptions, ScanOptions {
  /** The share of the draws that comes from the prior, below 1; none unless said otherwise. */
  defensive?: number
}

const ACTIVE_VARIANCE = 0.01

/**
 * Importance-samples every image of a set; if `options.signal` stops it, those of the batches done so far, or undefined before the first.
 * Throws a RangeError for pixels that are no levels, or fewer than one sample.
 */
export async function evaluateVae(
  vae: Vae,
  images: Images,
  samples: number,
  options: EvaluationOptions,
): Promise<Evaluation | undefined> {
  requirePixels(images)
  const { defensive = 0 } = options
  if (!(defensive >= 0 && defensive < 1))
    throw new RangeError(`defensive is ${defensive}; a number from 0 to below 1 was expected`)
  const shares = sharesOf(samples, defensive)
  const { size, pieces } = cutShares(shares, Math.min(options.batchSize, images.count))
  const weigh = overImages<Piece>((batch, key, piece) => {
    const x = toUnit(batch)
    return sumPiece(vae, x, encode(vae, x), key, { size, shares, piece })
  }, options)
  try {
    const sums = (await weigh.run(images, options, pieces)) as WeightSums[]
    const done = sums[0]?.max?.length ?? 0
    if (done === 0) return undefined
    const compile = weigh.choice as Choice
    const posteriors = await expectations(vae, firstImages(images, done), { ...options, mode: compile.mode })
    const perImage = summarize(strataOf(sums, pieces, shares))
    return { ...estimates(perImage, posteriors, vae.layers), samples, fromPrior: shares.prior, compile, perImage }
  } finally {
    weigh.dispose()
  }
}

interface Expectations {
  /** The mean of q(z|x): [count, latent]. */
  mean: Float32Array
  /** KL(q(z|x) || p(z)): [count]. */
  kl: Float32Array
  /** What an estimated mean's own noise adds to its variance, in expectation: [count, latent]. */
  meanVariance?: Float32Array
}

/** Takes moments, and is not stopped: an interruption of the work before it leaves images whose estimates want theirs. */
async function expectations(vae: Vae, images: Images, options: EvaluationOptions): Promise<Expectations> {
  const encoding = overImages<object>((batch, key) => encode(vae, toUnit(batch)).expectations(key), options)
  try {
    const { batchSize } = options
    const [key] = split(options.key, 1) as [HostKey] // keyAt gives those of the weighing
    const [outputs] = await encoding.run(images, { batchSize, key }, [{}])
    return outputs as unknown as Expectations
  } finally {
    encoding.dispose()
  }
}

function estimates(
  { elbo, logPx, standardError, effectiveSamples }: ImportanceEstimate,
  { mean, kl, meanVariance }: Expectations,
  sizes: readonly number[],
) {
  const columns = mean.length / kl.length
  const noise = meanVariance && moments(meanVariance, columns)
  // the variance over images of a mean by few draws has that of the draws in it
  const active = moments(mean, columns).map(({ variance }, j) => variance - (noise?.[j]?.mean ?? 0) > ACTIVE_VARIANCE)
  const count = (units: readonly boolean[]) => (kl.length < 2 ? null : units.filter(Boolean).length)
  const layers = sizes.map((latentDim, i) => {
    const from = sizes.slice(0, i).reduce((sum, size) => sum + size, 0)
    return { latentDim, activeUnits: count(active.slice(from, from + latentDim)) }
  })
  return {
    images: kl.length,
    elbo: estimateMean(elbo),
    reconstruction: estimateMean(Array.from(elbo, (value, i) => value + (kl[i] as number))), // in double precision: elbo = reconstruction - kl
    kl: estimateMean(kl),
    logPx: estimateMean(logPx),
    logPxMonteCarloError: errorOfMean(standardError),
    effectiveSamples: summarizeEffectiveSamples(effectiveSamples),
    activeUnits: count(active),
    latentDim: active.length,
    layers,
  }
}

/** Mean and variance over rows of each of `columns` columns. */
function moments(matrix: Float32Array, columns: number): { mean: number; variance: number }[] {
  const rows = matrix.length / columns
  return Array.from({ length: columns }, (_, j) => {
    const column = Array.from({ length: rows }, (_, i) => matrix[i * columns + j] as number)
    const { mean, standardError } = estimateMean(column)
    return { mean, variance: standardError ** 2 * rows }
  })
}
