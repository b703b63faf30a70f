/** Evaluation of a model without an encoder: its bound and log p(x) by annealed importance sampling, with standard errors. */

import type { Choice } from '../compile/step.js'
import type { ImageSet } from '../data/images.js'
import { type Estimate, errorOfMean, estimateMean } from '../numeric/means.js'
import type { Annealer, AnnealingRun } from '../sampling/anneal-images.js'

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
  /** The part of the standard error of `logPx` that is due to the chains' randomness; NaN for one chain. */
  logPxMonteCarloError: number
  /** Acceptance rate of HMC, mean over chains and temperatures. */
  acceptance: number
  compile: Choice
}

/**
 * Evaluates with `annealer`, which must do `work` per image, and disposes of it. Undefined if `options.signal` stopped it early.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const logLikelihood = (images: tf.Tensor, z: tf.Tensor) => decode(vae, z).logProb(tf.div(images, 255))
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const options = { temperatures: temperatures(20), chains: 4, chainsAtOnce: 8, leapfrogSteps: 2, jitter: 0.2, stepSize: 0.3, targetAcceptance: 0.9 }
 * const estimator = annealer(logLikelihood, vae.latentDim, options, {})
 * const work = { chains: 4, temperatures: 20 }
 * const result = await evaluateAnnealed(estimator, images, work, { key: streamKey(1, 'anneal') })
 * if (result) console.log(result.images, result.logPx.mean > result.elbo.mean) // 2 true
 */
export async function evaluateAnnealed(
  annealer: Annealer,
  images: ImageSet,
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
