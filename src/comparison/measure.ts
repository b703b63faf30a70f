/** One trained run on the test images: its bound, and log p(x) where something estimates it. */
import type { ScanOptions } from '../compile/scan.js'
import { evaluateBound } from '../evaluation/bound.js'
import { evaluateVae } from '../evaluation/evaluate.js'
import type { ImageSet, OverImagesOptions } from '../evaluation/over-images.js'
import type { Estimate } from '../evaluation/statistics.js'
import { asVae, isExact, type TrainedRun } from '../session.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface Measured {
  bound: Estimate
  logPx: LogPx
}

export type LogPx =
  | ({ by: 'exact' } & Estimate)
  /** `monteCarloError`: standard error of the mean that comes from sampling z alone. */
  | ({ by: 'importance sampling'; samples: number; monteCarloError: number } & Estimate)
  | { by: null; reason: string }

/** Measures a run as `elbo evaluate` does; undefined if `options.signal` stopped it before the end. */
export async function measure(
  run: TrainedRun,
  images: ImageSet,
  samples: number,
  options: OverImagesOptions & ScanOptions,
): Promise<Measured | undefined> {
  const trained = asVae(run)
  if (trained) {
    const found = await evaluateVae(trained.vae, images, samples, options)
    if (!found) return undefined
    const { elbo, logPx, logPxMonteCarloError } = found
    return {
      bound: elbo,
      logPx: { by: 'importance sampling', samples, monteCarloError: logPxMonteCarloError, ...logPx },
    }
  }
  const found = await evaluateBound(run.session.algorithm, images, options)
  if (!found) return undefined
  const reason = 'it has neither an exact posterior nor an encoder to draw from, so that only its bound is known'
  return { bound: found.elbo, logPx: isExact(run.config) ? { by: 'exact', ...found.elbo } : { by: null, reason } }
}
