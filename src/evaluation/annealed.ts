/** What is measured of a model without an encoder: its bound and log p(x) by annealed importance sampling, with their errors. */

import type { Choice } from '../compile/step.js'
import type { Images } from '../data/images.js'
import { type Estimate, errorOfMean, estimateMean } from '../numeric/means.js'
import type { Annealer, AnnealingRun } from '../sampling/anneal-images.js'

/** How much is done for each image. */
export interface AnnealedWork {
  chains: number
  /** Steps from the prior to the posterior. */
  temperatures: number
}

/** Nats per image; each standard error is that of the mean over images. */
export interface AnnealedEvaluation extends AnnealedWork {
  images: number
  /** Mean log weight. */
  elbo: Estimate
  /** Log of the mean weight over chains: below log p(x) in expectation. */
  logPx: Estimate
  /** Standard error of the mean log p(x) that comes from the chains alone; NaN for one chain. */
  logPxMonteCarloError: number
  /** Of HMC, mean over chains and temperatures. */
  acceptance: number
  /** How the work was run. */
  compile: Choice
}

/** By an annealer that does `work` for each image, and is disposed of. Undefined if `options.signal` stopped it before the end. */
export async function evaluateAnnealed(
  annealer: Annealer,
  images: Images,
  work: AnnealedWork,
  options: AnnealingRun,
): Promise<AnnealedEvaluation | undefined> {
  try {
    const { elbo, logPx, standardError, acceptance } = await annealer.run(images, options)
    if (logPx.length !== images.count) return undefined
    return {
      images: images.count,
      ...work,
      elbo: estimateMean(elbo),
      logPx: estimateMean(logPx),
      logPxMonteCarloError: errorOfMean(standardError),
      acceptance,
      compile: annealer.choice as Choice,
    }
  } finally {
    annealer.dispose()
  }
}
