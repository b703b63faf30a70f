/** `elbo evaluate RUN --method ais`: log p(x) by annealed importance sampling, of images, or between two bounds of simulated ones. */

import { annealSimulated } from '../../evaluation/simulated.js'
import type { AnnealedAlgorithm } from '../../inference/algorithm.js'
import type { Vae } from '../../models/vae.js'
import { vaeLikelihood } from '../../models/vae-likelihood.js'
import { type Estimate, errorOfMean, estimateMean } from '../../numeric/means.js'
import { streamKey } from '../../random.js'
import {
  type Annealer,
  type AnnealingBound,
  type AnnealingEstimate,
  type AnnealingOptions,
  annealer,
} from '../../sampling/anneal-images.js'
import { temperatures } from '../../sampling/annealing.js'
import { wholeNumber, wholeNumberOrOff } from '../../settings/setting.js'
import { describeError, describeEstimate } from '../estimates.js'
import { describeChoice } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import {
  bitsOf,
  describeDone,
  type Measurement,
  type Measuring,
  type MeasuringVae,
  nothingMeasured,
  saveValues,
} from './measuring.js'

export const aisSettings = {
  temperatures: wholeNumber([1, 1e6], 500, 'with --method ais: steps from the prior to the posterior, sigmoidal'),
  chains: wholeNumber([1, 1e4], 16, 'with --method ais: chains of each image'),
  leapfrogSteps: wholeNumber([1, 1000], 5, 'with --method ais: of the HMC transition at each temperature'),
  simulated: wholeNumberOrOff(
    'with --method ais: instead of the images of a split, so many that the model draws, with an upper bound of log p(x) by chains that go back',
  ),
}

/** What a user sets; the rest is fixed. */
export interface AisSettings {
  temperatures: number
  chains: number
  leapfrogSteps: number
}

const MOVES = { chainsAtOnce: 500, stepSize: 0.1, jitter: 0.2, targetAcceptance: 0.8 }

const optionsOf = (settings: AisSettings): AnnealingOptions => ({
  ...MOVES,
  ...effortOf(settings),
  leapfrogSteps: settings.leapfrogSteps,
})

const effortOf = ({ temperatures: steps, chains }: AisSettings) => ({
  temperatures: temperatures(steps),
  chains,
})

/** Anneals with a progress bar in steps of a temperature. */
function annealing(context: Measuring['context'], images: number) {
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

const describeSettings = ({ temperatures: steps, chains, leapfrogSteps }: AisSettings): string =>
  `annealed importance sampling: ${steps} temperatures, ${chains} chains each, ${leapfrogSteps} leapfrog steps`

/** Of the images of a split, with the decoder of a VAE. */
export function evaluateAis(
  { trained: { vae }, ...measuring }: MeasuringVae,
  settings: AisSettings,
): Promise<Measurement> {
  return measureAnnealed(measuring, vaeAnnealer(vae, settings, measuring.mode), describeSettings(settings), settings)
}

const vaeAnnealer = (vae: Vae, settings: AisSettings, mode: Measuring['mode']): Annealer =>
  annealer(vaeLikelihood(vae), vae.latentDim, optionsOf(settings), { mode })

/** The same of a decoder that was learned without an encoder; its chains move as they do while it learns. */
export function evaluateDecoder(
  algorithm: AnnealedAlgorithm,
  measuring: Measuring,
  settings: AisSettings,
): Promise<Measurement> {
  const { temperatures: steps, chains } = settings
  const made = algorithm.annealer({ mode: measuring.mode }, effortOf(settings))
  return measureAnnealed(
    measuring,
    made,
    `annealed importance sampling: ${steps} temperatures, ${chains} chains each`,
    {
      temperatures: steps,
      chains,
    },
  )
}

async function measureAnnealed(
  measuring: Measuring,
  made: Annealer,
  how: string,
  settings: Partial<AisSettings>,
): Promise<Measurement> {
  const { images, context, seed } = measuring
  const { stop, ...progress } = annealing(context, images.count)
  const run = { key: streamKey(seed, 'evaluate'), signal: context.signal, ...progress }
  const result = await made.run(images, run).finally(stop)
  const compile = made.choice
  made.dispose()
  const done = result.logPx.length
  if (done === 0) return nothingMeasured(context)
  const interrupted = done < images.count
  if (compile) context.note(describeChoice(compile))
  context.print(`${describeDone(measuring.about, { done, count: images.count })}, ${how}`)
  const summary = summarize(result)
  context.print(describeLogPx('log p(x)', summary))
  context.print(describeEstimate('mean log weight', summary.elbo, ', a looser bound'))
  const bits = bitsOf(measuring, summary.logPx)
  context.print(`${'acceptance'.padEnd(16)}${result.acceptance.toFixed(3).padStart(9)}`)
  context.print(
    '±: one standard error of the mean over images; log p(x) is low in expectation, less so with more --temperatures',
  )
  saveValues(
    measuring,
    { log_px: result.logPx, log_px_standard_error: result.standardError, elbo: result.elbo },
    { method: 'ais', ...asText(settings) },
  )
  return { json: { images: done, ...settings, ...summary, ...bits, ...(interrupted && { interrupted }) }, interrupted }
}

/** Of images that the model draws: forward and reverse. */
export async function evaluateSimulated(
  measuring: Pick<MeasuringVae, 'trained' | 'seed' | 'mode' | 'context'>,
  count: number,
  settings: AisSettings,
): Promise<Measurement> {
  const { trained, context, seed, mode } = measuring
  const { stop, ...progress } = annealing(context, count)
  const run = { mode, key: streamKey(seed, 'evaluate'), signal: context.signal, ...progress }
  const { forward, reverse, compile } = await annealSimulated(trained.vae, count, optionsOf(settings), run).finally(
    stop,
  )
  const done = forward.logPx.length
  if (done === 0) return nothingMeasured(context)
  const interrupted = done < count
  if (compile) context.note(describeChoice(compile))
  const about = interrupted ? `interrupted: ${done} of ${count}` : `${count}`
  context.print(`${about} images drawn from the model, ${describeSettings(settings)}`)
  const [below, above] = [summarize(forward), summarizeBound(reverse)]
  const gap = estimateMean(reverse.logPx.map((value, i) => value - (forward.logPx[i] as number)))
  context.print(describeLogPx('forward', below, ', a lower bound'))
  context.print(describeEstimate('reverse', above.logPx, ', an upper bound'))
  context.print(describeEstimate('gap', gap, ', upper - lower bound: neither is further from log p(x), in expectation'))
  const acceptance = `${forward.acceptance.toFixed(3)} forward, ${reverse.acceptance.toFixed(3)} reverse`
  context.print(`${'acceptance'.padEnd(16)}    ${acceptance}`)
  context.print("±: one standard error of the mean over images; of the gap, of each image's difference")
  return {
    json: {
      images: done,
      simulated: true,
      ...settings,
      forward: below,
      reverse: above,
      gap,
      ...(interrupted && { interrupted }),
    },
    interrupted,
  }
}

interface Summary {
  logPx: Estimate
  /** Standard error of the mean log p(x) that comes from sampling z alone. */
  logPxMonteCarloError: number
  elbo: Estimate
  acceptance: number
}

const summarize = ({ standardError, ...bound }: AnnealingEstimate): Summary => ({
  ...summarizeBound(bound),
  logPxMonteCarloError: errorOfMean(standardError),
})

/** Of reverse chains: see `estimateReverse` for why no part of the error is said to be due to sampling. */
const summarizeBound = ({ logPx, elbo, acceptance }: AnnealingBound): Omit<Summary, 'logPxMonteCarloError'> => ({
  logPx: estimateMean(logPx),
  elbo: estimateMean(elbo),
  acceptance,
})

const describeLogPx = (name: string, { logPx, logPxMonteCarloError }: Summary, note = ''): string =>
  describeEstimate(name, logPx, `, of which sampling: ± ${describeError(logPxMonteCarloError, 4)}${note}`)

const asText = (settings: Partial<AisSettings>): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]))
