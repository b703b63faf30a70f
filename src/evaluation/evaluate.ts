/** What `evaluate` measures of a trained VAE: ELBO, log p(x), their errors, active units. */
import * as tf from '@tensorflow/tfjs'
import type { Choice, ScanOptions } from '../compile/scan.js'
import { encode, type Vae } from '../models/vae.js'
import { type EffectiveSamples, summarizeEffectiveSamples } from './effective-samples.js'
import { cut, type ImportanceEstimate, summarize, sumWeights, type WeightSums } from './importance.js'
import { type ImageSet, type OverImagesOptions, overImages } from './over-images.js'
import { type Estimate, errorOfMean, estimateMean } from './statistics.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface Evaluation {
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
  /** The same of each layer of z, from the image upwards. */
  layers: readonly { latentDim: number; activeUnits: number }[]
  /** How the work was run. */
  compile: Choice
  /** The values behind the means, one per image. */
  perImage: ImportanceEstimate
}

const ACTIVE_VARIANCE = 0.01

/** Importance-samples every image of a binary set ({0, 255}); undefined if `options.signal` stopped it before the end. */
export async function evaluateVae(
  vae: Vae,
  images: ImageSet,
  samples: number,
  options: OverImagesOptions & ScanOptions,
): Promise<Evaluation | undefined> {
  const { size, used } = cut(samples, Math.min(options.batchSize, images.count))
  const weigh = overImages<{ used: number }>(
    (batch, key, part) => sumWeights(vae, tf.div(batch, 255), key, size, part.used),
    options,
  )
  try {
    const sums = await weigh.run(
      images,
      options,
      used.map(count => ({ used: count })),
    )
    const { mean, kl } = await posteriors(vae, images, { ...options, mode: weigh.choice?.mode ?? options.mode })
    if (!mean || !kl || kl.length < images.count || sums.some(({ max }) => max?.length !== images.count))
      return undefined
    const perImage = summarize(sums as WeightSums[], samples)
    return { ...estimates(perImage, mean, kl, vae.layers), samples, compile: weigh.choice as Choice, perImage }
  } finally {
    weigh.dispose()
  }
}

/** The mean of q(z|x) [count, latent], and KL(q(z|x) || p(z)) [count]; less if it was stopped. */
async function posteriors(
  vae: Vae,
  images: ImageSet,
  { onProgress: _, ...options }: OverImagesOptions & ScanOptions,
): Promise<{ mean?: Float32Array; kl?: Float32Array }> {
  const encoding = overImages<object>((batch, key) => encode(vae, tf.div(batch, 255)).expectations(key), options)
  try {
    const [outputs] = await encoding.run(images, options, [{}])
    return outputs ?? {}
  } finally {
    encoding.dispose()
  }
}

function estimates(
  { elbo, logPx, standardError, effectiveSamples }: ImportanceEstimate,
  means: Float32Array,
  kl: Float32Array,
  sizes: readonly number[],
) {
  const active = variances(means, means.length / kl.length).map(variance => variance > ACTIVE_VARIANCE)
  const layers = sizes.map((latentDim, i) => {
    const from = sizes.slice(0, i).reduce((sum, size) => sum + size, 0)
    return { latentDim, activeUnits: active.slice(from, from + latentDim).filter(Boolean).length }
  })
  return {
    images: kl.length,
    elbo: estimateMean(elbo),
    reconstruction: estimateMean(elbo.map((value, i) => value + (kl[i] as number))),
    kl: estimateMean(kl),
    logPx: estimateMean(logPx),
    logPxMonteCarloError: errorOfMean(standardError),
    effectiveSamples: summarizeEffectiveSamples(effectiveSamples),
    activeUnits: active.filter(Boolean).length,
    latentDim: active.length,
    layers,
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
