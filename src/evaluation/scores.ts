/** log p(x) of single images, and where they stand among images that the model knows. */
import type { ScanOptions } from '../compile/step.js'
import type { ImageSet } from '../data/images.js'
import type { Vae } from '../models/vae.js'
import { ascending, percentileAmong } from '../numeric/ranks.js'
import type { Bounds } from './bound.js'
import { evaluateVae } from './evaluate-vae.js'
import type { OverImagesOptions } from './over-images.js'

/** Per image, in nats. */
export interface Scores {
  /** log p(x), or a bound on it. */
  score: Float32Array
  /** The Monte Carlo standard error of `score`; absent if it has no error, or an unknown one. */
  standardError?: Float32Array
  elbo: Float32Array
}

/** Scores a set of images. Undefined if it was interrupted before all were done. */
export type Scorer = (images: ImageSet, options: OverImagesOptions) => Promise<Scores | undefined>

/** By importance sampling with `samples` draws of z per image; one draw gives the ELBO. */
export const importanceScorer =
  (vae: Vae, samples: number, scanOptions: ScanOptions): Scorer =>
  async (images, options) => {
    const found = await evaluateVae(vae, images, samples, { ...options, ...scanOptions })
    if (found === undefined || found.images < images.count) return undefined
    const { logPx, standardError, elbo } = found.perImage
    return { score: logPx, elbo, ...(samples > 1 && { standardError }) }
  }

/** By the method's bound. */
export const boundScorer =
  (bounds: Bounds): Scorer =>
  async (images, options) => {
    const { elbo } = await bounds.run(images, options)
    return elbo && elbo.length === images.count ? { score: elbo, elbo } : undefined
  }

/** The percentile of each score among those of other images, from 0 (below all) to 100. */
export function percentilesOf(scores: ArrayLike<number>, among: ArrayLike<number>): Float64Array {
  const sorted = ascending(among)
  return Float64Array.from(scores, score => percentileAmong(sorted, score))
}
