/** What `evaluate` measures of a trained VAE: ELBO, log p(x), their errors, active units. */
import type * as tf from '@tensorflow/tfjs'
import type { Vae } from '../models/vae.js'
import { importanceSample } from './importance.js'
import { type ImageSet, type OverImagesOptions, overImages } from './over-images.js'
import { type Estimate, estimateMean } from './statistics.js'

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
  /** Latent dimensions whose encoder mean varies: var_x(mu_j) > 0.01 (Burda et al. 2015, section 5.2). */
  activeUnits: number
  latentDim: number
  /** The values behind the means, one per image. */
  perImage: { elbo: Float32Array; logPx: Float32Array; standardError: Float32Array }
}

const ACTIVE_VARIANCE = 0.01

/** Importance-samples every image of a binary set ({0, 255}); undefined if `options.signal` stopped it before the end. */
export async function evaluateVae(
  vae: Vae,
  images: ImageSet,
  samples: number,
  options: OverImagesOptions,
): Promise<Evaluation | undefined> {
  const perBatch = (batch: tf.Tensor, key: Parameters<typeof importanceSample>[2]) =>
    importanceSample(vae, batch.div(255), key, samples)
  const outputs = await overImages(perBatch, images, options)
  const { elbo, logPx, standardError, kl, mu } = outputs as Record<string, Float32Array>
  if (!elbo || !logPx || !standardError || !kl || !mu || elbo.length < images.count) return undefined
  return {
    images: images.count,
    samples,
    elbo: estimateMean(elbo),
    reconstruction: estimateMean(elbo.map((value, i) => value + (kl[i] as number))),
    kl: estimateMean(kl),
    logPx: estimateMean(logPx),
    logPxMonteCarloError: Math.sqrt(standardError.reduce((sum, error) => sum + error * error, 0)) / images.count,
    activeUnits: variances(mu, vae.latentDim).filter(variance => variance > ACTIVE_VARIANCE).length,
    latentDim: vae.latentDim,
    perImage: { elbo, logPx, standardError },
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
