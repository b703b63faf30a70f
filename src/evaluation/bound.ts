/** The bound of every image as a fitted model gives it in one step; for exact posteriors it is log p(x) itself. */

import type { Choice, Outputs, ScanOptions } from '../compile/step.js'
import type { Images } from '../data/images.js'
import type { BoundedAlgorithm } from '../inference/algorithm.js'
import { type Estimate, estimateMean } from '../numeric/means.js'
import type { Annealer } from '../sampling/anneal-images.js'
import { type OverImagesOptions, overImages } from './over-images.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface BoundEstimate {
  /** Fewer than were asked for if it was stopped. */
  images: number
  elbo: Estimate
  /** E_q[log p(x|z)] and KL(q(z) || p(z)), where the method separates them. */
  reconstruction?: Estimate
  kl?: Estimate
  /** log p(x) under the posterior predictive distribution, where the parameters have a posterior. */
  logPredictive?: Estimate
  /** How the work was run. */
  compile: Choice
  /** The values behind the ELBO, one per image. */
  perImage: Float32Array
}

/** Finds the bound of every image of a set; compiled once. */
export interface Bounds {
  run(images: Images, options: OverImagesOptions): Promise<Outputs>
  /** How the work was run; undefined before the first run. */
  readonly choice: Choice | undefined
  dispose(): void
}

/** By a function that gives the bounds of a batch [batch, pixels] in one step. */
export function boundsInOneStep(bound: BoundedAlgorithm['bound'], how: ScanOptions): Bounds {
  const scan = overImages<object>(bound, how)
  return {
    run: async (images, options) => (await scan.run(images, options, [{}]))[0] ?? {},
    get choice() {
      return scan.choice
    },
    dispose: scan.dispose,
  }
}

/** By annealed importance sampling: the mean log weight, which is below log p(x) in expectation. */
export const boundsByAnnealing = (annealer: Annealer): Bounds => ({
  run: async (images, options) => ({ elbo: (await annealer.run(images, options)).elbo }),
  get choice() {
    return annealer.choice
  },
  dispose: annealer.dispose,
})

/** Disposes of `bounds`. If `options.signal` stops it, of the batches done so far, or undefined before the first. */
export async function evaluateBound(
  bounds: Bounds,
  images: Images,
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
