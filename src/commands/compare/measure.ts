/** One trained run on the test images: its bound, and log p(x). */

import type { ScanOptions } from '../../compile/step.js'
import type { ImageSet } from '../../data/images.js'
import { type AnnealedWork, evaluateAnnealed } from '../../evaluation/annealed.js'
import { evaluateBound } from '../../evaluation/bound.js'
import { evaluateVae } from '../../evaluation/evaluate-vae.js'
import type { OverImagesOptions } from '../../evaluation/over-images.js'
import type { Vae } from '../../models/vae.js'
import type { Estimate } from '../../numeric/means.js'
import type { TrainedRun } from '../../runs/trained-run.js'
import type { Annealer } from '../../sampling/anneal-images.js'
import { temperatures } from '../../sampling/annealing.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface MeasuredRun {
  bound: Estimate
  logPx: LogPx
}

/** `monteCarloError`: standard error of the mean due to sampling z alone. */
export type LogPx =
  | ({ by: 'exact' } & Estimate)
  | ({ by: 'posterior predictive' } & Estimate)
  | ({ by: 'importance sampling'; samples: number; monteCarloError: number } & Estimate)
  | ({ by: 'annealed importance sampling'; monteCarloError: number } & AnnealedWork & Estimate)

/** The amount of sampling for each estimator of log p(x). */
export interface SamplingWork extends AnnealedWork {
  /** Draws of z per image, where there is an encoder. */
  samples: number
}

type Options = OverImagesOptions & ScanOptions

/** Measures a run as `elbo evaluate` does; undefined if `options.signal` stopped it before the end. */
export function measure(
  run: TrainedRun,
  images: ImageSet,
  { samples, ...work }: SamplingWork,
  options: Options,
): Promise<MeasuredRun | undefined> {
  const { vae, annealer } = run.learner
  if (vae) return byImportance(vae, images, samples, options)
  const effort = { chains: work.chains, temperatures: temperatures(work.temperatures) }
  return annealer ? byAnnealing(annealer(options, effort), images, work, options) : inOneStep(run, images, options)
}

async function byImportance(vae: Vae, images: ImageSet, samples: number, options: Options) {
  const found = await evaluateVae(vae, images, samples, options)
  if (found?.images !== images.count) return undefined
  const { elbo, logPx, logPxMonteCarloError: monteCarloError } = found
  return { bound: elbo, logPx: { by: 'importance sampling', samples, monteCarloError, ...logPx } as const }
}

async function byAnnealing(annealer: Annealer, images: ImageSet, work: AnnealedWork, options: Options) {
  const found = await evaluateAnnealed(annealer, images, work, options)
  if (!found) return undefined
  const { elbo, logPx, logPxMonteCarloError: monteCarloError } = found
  return { bound: elbo, logPx: { by: 'annealed importance sampling', ...work, monteCarloError, ...logPx } as const }
}

async function inOneStep({ method, config, learner }: TrainedRun, images: ImageSet, options: Options) {
  const found = await evaluateBound(learner.bounds(options), images, options)
  if (found?.images !== images.count) return undefined
  const { elbo, logPredictive } = found
  if (method.traits(config).bound.exact) return { bound: elbo, logPx: { by: 'exact', ...elbo } as const }
  if (logPredictive) return { bound: elbo, logPx: { by: 'posterior predictive', ...logPredictive } as const }
  throw new Error(`${learner.algorithm}: has a bound but no log p(x), so it cannot be compared`)
}
