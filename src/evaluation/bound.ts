/** The bound of every image under a trained model. If the method's posterior is exact, the bound is log p(x) itself. */

import type { Choice, Outputs, ScanOptions } from '../compile/step.js'
import type { ImageSet } from '../data/images.js'
import type { BoundedAlgorithm } from '../inference/algorithm.js'
import { type Estimate, estimateMean } from '../numeric/means.js'
import type { Annealer } from '../sampling/anneal-images.js'
import { type OverImagesOptions, overImages } from './over-images.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface BoundEstimate {
  /** Fewer than requested if the run was stopped. */
  images: number
  elbo: Estimate
  /** E_q[log p(x|z)] and KL(q(z) || p(z)), if the method separates them. */
  reconstruction?: Estimate
  kl?: Estimate
  /** log p(x) under the posterior predictive distribution, if the method has a posterior over parameters. */
  logPredictive?: Estimate
  compile: Choice
  /** The ELBO of each image. */
  perImage: Float32Array
}

/** Computes the bound of every image of a set; compiled once. */
export interface Bounds {
  run(images: ImageSet, options: OverImagesOptions): Promise<Outputs>
  /** Undefined before the first run. */
  readonly choice: Choice | undefined
  dispose(): void
}

/**
 * Bounds from a function that computes those of a batch [batch, pixels] in one step.
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const em = exactFactorAnalysis(model, { read: batch => tf.div(batch, 255), noise: 'diagonal', varianceFloor: 1e-3 })
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const bounds = boundsInOneStep(em.bound, {})
 * const { elbo } = await bounds.run(images, { batchSize: 2, key: streamKey(1, 'bound') })
 * console.log(elbo?.length) // 2
 */
export function boundsInOneStep(bound: BoundedAlgorithm['bound'], scanOptions: ScanOptions): Bounds {
  const scan = overImages<object>(bound, scanOptions)
  return {
    run: async (images, options) => (await scan.run(images, options, [{}]))[0] ?? {},
    get choice() {
      return scan.choice
    },
    dispose: scan.dispose,
  }
}

/** Bounds from annealed importance sampling: the mean log weight, which is below log p(x) in expectation. */
export const boundsByAnnealing = (annealer: Annealer): Bounds => ({
  run: async (images, options) => ({ elbo: (await annealer.run(images, options)).elbo }),
  get choice() {
    return annealer.choice
  },
  dispose: annealer.dispose,
})

/**
 * Estimates the mean bound and disposes of `bounds`. If stopped by `options.signal`, covers the batches done so far; undefined if none.
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const em = exactFactorAnalysis(model, { read: batch => tf.div(batch, 255), noise: 'diagonal', varianceFloor: 1e-3 })
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const result = await evaluateBound(boundsInOneStep(em.bound, {}), images, { batchSize: 2, key: streamKey(1, 'bound') })
 * console.log(result?.elbo.count) // 2
 */
export async function evaluateBound(
  bounds: Bounds,
  images: ImageSet,
  options: OverImagesOptions,
): Promise<BoundEstimate | undefined> {
  try {
    const { elbo, reconstruction, kl, logPredictive } = await bounds.run(images, options)
    if (!elbo?.length) return undefined
    return {
      images: elbo.length,
      elbo: estimateMean(elbo),
      ...(reconstruction && { reconstruction: estimateMean(reconstruction) }),
      ...(kl && { kl: estimateMean(kl) }),
      ...(logPredictive && { logPredictive: estimateMean(logPredictive) }),
      compile: bounds.choice as Choice,
      perImage: elbo,
    }
  } finally {
    bounds.dispose()
  }
}
