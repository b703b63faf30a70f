/** What `evaluate` measures of a trained VAE: ELBO, log p(x), their errors, active units. */
import * as tf from '@tensorflow/tfjs'
import type { Choice, ScanOptions } from '../compile/scan.js'
import { encode, type Vae } from '../models/vae.js'
import { type EffectiveSamples, summarizeEffectiveSamples } from './effective-samples.js'
import { cut, type ImportanceEstimate, summarize, sumWeightsOf, type WeightSums } from './importance.js'
import { type ImageSet, type OverImagesOptions, overImages } from './over-images.js'
import { type Estimate, errorOfMean, estimateMean } from './statistics.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface Evaluation {
  /** Fewer than were asked for if it was stopped. */
  images: number
  samples: number
  elbo: Estimate
  /** E_q[log p(x|z)], negative; elbo = reconstruction - kl. */
  reconstruction: Estimate
  kl: Estimate
  logPx: Estimate
  /** Standard error of the mean log p(x) that comes from sampling z alone. */
  logPxMonteCarloError: number
  /** Over images. */
  effectiveSamples: EffectiveSamples
  /** Latent dimensions whose encoder mean varies: var_x(mu_j) > 0.01 (Burda et al. 2015, section 5.2). */
  activeUnits: number
  latentDim: number
  /** How the work was run. */
  compile: Choice
  /** The values behind the means, one per image. */
  perImage: ImportanceEstimate
}

const ACTIVE_VARIANCE = 0.01

/** Importance-samples every image of a set; if `options.signal` stops it, those of the batches done so far, or undefined before the first. */
export async function evaluateVae(
  vae: Vae,
  images: ImageSet,
  samples: number,
  options: OverImagesOptions & ScanOptions,
): Promise<Evaluation | undefined> {
  const { size, used } = cut(samples, Math.min(options.batchSize, images.count))
  const weigh = overImages<{ used: number }>((batch, key, part) => {
    const x = tf.div(batch, 255)
    const q = encode(vae, x)
    return { ...sumWeightsOf(vae, x, q, key, size, part.used), mean: q.mean, kl: tf.sum(q.kl(), -1) }
  }, options)
  try {
    const sums = await weigh.run(
      images,
      options,
      used.map(count => ({ used: count })),
    )
    const { mean, kl } = sums[0] as { mean?: Float32Array; kl?: Float32Array }
    if (!mean || !kl?.length) return undefined
    const perImage = summarize(sums as WeightSums[], samples)
    return { ...estimates(perImage, mean, kl, vae.latentDim), samples, compile: weigh.choice as Choice, perImage }
  } finally {
    weigh.dispose()
  }
}

function estimates(
  { elbo, logPx, standardError, effectiveSamples }: ImportanceEstimate,
  means: Float32Array,
  kl: Float32Array,
  latentDim: number,
) {
  return {
    images: kl.length,
    elbo: estimateMean(elbo),
    reconstruction: estimateMean(elbo.map((value, i) => value + (kl[i] as number))),
    kl: estimateMean(kl),
    logPx: estimateMean(logPx),
    logPxMonteCarloError: errorOfMean(standardError),
    effectiveSamples: summarizeEffectiveSamples(effectiveSamples),
    activeUnits: variances(means, latentDim).filter(variance => variance > ACTIVE_VARIANCE).length,
    latentDim,
  }
}

/** The variance over rows of each of `columns` columns. */
function variances(matrix: Float32Array, columns: number): number[] {
  const rows = matrix.length / columns
  return Array.from({ length: columns }, (_, j) => {
    const { standardError } = estimateMean(Array.from({ length: rows }, (_, i) => matrix[i * columns + j] as number))
    return standardError ** 2 * rows
  })
}
