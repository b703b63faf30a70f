/** Evaluation of a trained VAE: ELBO, log p(x), their standard errors, active units. */
import type { Choice, ScanOptions } from '../compile/step.js'
import { firstImages, type ImageSet } from '../data/images.js'
import { readBatch, requireImages } from '../models/conditional.js'
import { encode, type Vae } from '../models/vae.js'
import { type Estimate, errorOfMean, estimateMean } from '../numeric/means.js'
import { type HostKey, split } from '../random.js'
import { cutShares, type Piece, sharesOf, strataOf, sumPiece } from './defensive.js'
import { ACTIVE_VARIANCE } from './dimensions.js'
import { type EffectiveSamples, summarizeEffectiveSamples } from './effective-samples.js'
import { type ImportanceEstimate, summarize, type WeightSums } from './importance.js'
import { type OverImagesOptions, overImages } from './over-images.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface Evaluation {
  /** Fewer than requested if the run was stopped. */
  images: number
  /** Draws per image; `fromPrior` of them are from p(z) instead of q(z|x). */
  samples: number
  fromPrior: number
  elbo: Estimate
  /** E_q[log p(x|z)]; elbo = reconstruction - kl. */
  reconstruction: Estimate
  kl: Estimate
  logPx: Estimate
  /** The part of the standard error of `logPx` that is due to sampling z. */
  logPxMonteCarloError: number
  /** Over images. */
  effectiveSamples: EffectiveSamples
  /** Latent dimensions with var_x(E_q[z_j]) > 0.01 (Burda et al. 2015, section 5.2); null for a single image. */
  activeUnits: number | null
  latentDim: number
  /** Active units per layer of z, starting with the layer next to the image. */
  layers: readonly { latentDim: number; activeUnits: number | null }[]
  compile: Choice
  perImage: ImportanceEstimate
}

export interface EvaluationOptions extends OverImagesOptions, ScanOptions {
  /** Fraction of draws from the prior, below 1; 0 by default. */
  defensive?: number
}

/**
 * Evaluates images by importance sampling. If stopped by `options.signal`, covers the batches done so far; undefined if none.
 * Throws a RangeError for pixels that are not levels, for fewer than one sample, and for classes that a conditional model lacks or does not have.
 * The log p(x) of a conditional model is log p(x|y).
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const result = await evaluateVae(vae, images, 100, { batchSize: 2, key: streamKey(1, 'evaluate') })
 * if (result) console.log(result.images, result.logPx.mean > result.elbo.mean) // 2 true
 */
export async function evaluateVae(
  vae: Vae,
  images: ImageSet,
  samples: number,
  options: EvaluationOptions,
): Promise<Evaluation | undefined> {
  requireImages(vae, images)
  const { defensive = 0 } = options
  if (!(defensive >= 0 && defensive < 1))
    throw new RangeError(`defensive is ${defensive}; a number from 0 to below 1 was expected`)
  const shares = sharesOf(samples, defensive)
  const { size, pieces } = cutShares(shares, options.batchSize)
  const weigh = overImages<Piece>((batch, key, piece) => {
    const { x, model } = readBatch(vae, batch)
    return sumPiece(model, x, encode(model, x), key, { size, shares, piece })
  }, options)
  try {
    const sums = (await weigh.run(images, options, pieces)) as WeightSums[]
    const done = sums[0]?.max?.length ?? 0
    if (done === 0) return undefined
    const compile = weigh.choice as Choice
    const posteriors = await expectations(vae, firstImages(images, done), { ...options, mode: compile.mode })
    const perImage = summarize(strataOf(sums, pieces, shares))
    return {
      ...estimates(perImage, posteriors, { layers: vae.layers, samples }),
      samples,
      fromPrior: shares.prior,
      compile,
      perImage,
    }
  } finally {
    weigh.dispose()
  }
}

interface Expectations {
  /** The mean of q(z|x): [count, latent]. */
  mean: Float32Array
  /** KL(q(z|x) || p(z)): [count]. */
  kl: Float32Array
  /** Variance of `mean` due to sampling, if it is estimated: [count, latent]. */
  meanVariance?: Float32Array
}

/** Means and KL terms of q(z|x). It ignores the signal: after an interruption the images done so far still need theirs. */
async function expectations(vae: Vae, images: ImageSet, options: EvaluationOptions): Promise<Expectations> {
  const encoding = overImages<object>((batch, key) => {
    const { x, model } = readBatch(vae, batch)
    return encode(model, x).expectations(key)
  }, options)
  try {
    const { batchSize } = options
    const [key] = split(options.key, 1) as [HostKey] // `split` gives a key other than the importance sampler's, which come from `keyAt`.
    const [outputs] = await encoding.run(images, { batchSize, key }, [{}])
    return outputs as unknown as Expectations
  } finally {
    encoding.dispose()
  }
}

function estimates(
  { elbo, logPx, standardError, effectiveSamples }: ImportanceEstimate,
  { mean, kl, meanVariance }: Expectations,
  { layers: sizes, samples }: { layers: readonly number[]; samples: number },
) {
  const columns = mean.length / kl.length
  const noise = meanVariance && moments(meanVariance, columns)
  // The variance over images of an estimated mean includes the variance of the estimate.
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
    effectiveSamples: summarizeEffectiveSamples(effectiveSamples, samples),
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
