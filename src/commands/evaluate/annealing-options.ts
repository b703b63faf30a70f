/** Options and printed lines of the estimators that anneal. */

import { type Estimate, errorOfMean, estimateMean } from '../../numeric/means.js'
import type { AnnealingBound, AnnealingEstimate, AnnealingOptions } from '../../sampling/anneal-images.js'
import { temperatures } from '../../sampling/annealing.js'
import { annealingMoves } from '../../sampling/defaults.js'
import { inGroup, type Values, wholeNumber } from '../../settings/setting.js'
import type { Context } from '../command.js'
import { describeError, describeEstimate } from '../estimates.js'
import { progressBar } from '../progress-bar.js'

export const annealingFlags = inGroup('measurement', {
  temperatures: wholeNumber([1, 1e6], 500, [
    'ais: temperatures from prior to posterior',
    'With --method ais: temperatures from the prior to the posterior, on a sigmoidal schedule.',
  ]),
  chains: wholeNumber([1, 1e4], 16, 'ais: chains per image'),
  leapfrogSteps: wholeNumber([1, 1000], annealingMoves.leapfrogSteps, [
    'ais: leapfrog steps per transition',
    'With --method ais: leapfrog steps of the HMC transition at each temperature.',
  ]),
})

export type AnnealingValues = Values<typeof annealingFlags>

/** The work per image. */
export const effortOf = ({ temperatures: steps, chains }: AnnealingValues) => ({
  temperatures: temperatures(steps),
  chains,
})

export const annealingOptionsOf = (values: AnnealingValues): AnnealingOptions => ({
  ...annealingMoves,
  ...effortOf(values),
  leapfrogSteps: values.leapfrogSteps,
})

/** A progress bar that counts temperatures. */
export function annealingProgress(context: Context, images: number) {
  const bar = progressBar('temperatures', context)
  let done = 0
  return {
    stop: bar.stop,
    onProgress: (count: number) => {
      done = count
    },
    onSteps: (steps: number, total: number) => bar.update(steps, total, `${done} of ${images} images done`),
  }
}

export interface AnnealingSummary {
  logPx: Estimate
  /** Standard error of the mean log p(x) due to sampling z alone. */
  logPxMonteCarloError: number
  elbo: Estimate
  acceptance: number
}

export const summarizeEstimate = ({ standardError, ...bound }: AnnealingEstimate): AnnealingSummary => ({
  ...summarizeBound(bound),
  logPxMonteCarloError: errorOfMean(standardError),
})

/** Also for reverse chains, whose error due to sampling is not known; `estimateReverse` says why. */
export const summarizeBound = ({
  logPx,
  elbo,
  acceptance,
}: AnnealingBound): Omit<AnnealingSummary, 'logPxMonteCarloError'> => ({
  logPx: estimateMean(logPx),
  elbo: estimateMean(elbo),
  acceptance,
})

export const describeLogPx = (name: string, { logPx, logPxMonteCarloError }: AnnealingSummary, note = ''): string =>
  describeEstimate(name, logPx, `, of which ± ${describeError(logPxMonteCarloError, 4)} from sampling z${note}`)
