/** `elbo evaluate RUN --method importance`: log p(x) by importance sampling from q(z|x), or a mixture of it with p(z), and how far that is to be trusted. */
import { z } from 'zod'
import { sharesOf } from '../../evaluation/defensive.js'
import { FEW_EFFECTIVE_SAMPLES } from '../../evaluation/effective-samples.js'
import { type Evaluation, evaluateVae } from '../../evaluation/evaluate-vae.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import type { TrainedVae } from '../../methods/session.js'
import { streamKey } from '../../random.js'
import { read, setting, UsageError, wholeNumber } from '../../settings/setting.js'
import { describeError, describeEstimate } from '../estimates.js'
import { describeChoice } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import {
  bitsOf,
  describeDone,
  describeParts,
  type Measurement,
  type MeasuringVae,
  nothingMeasured,
  rateAndDistortion,
  saveValues,
} from './measuring.js'

export const importanceSettings = {
  samples: wholeNumber([1, 1e5], 500, 'draws of z per image'),
  defensive: setting(
    z.number().min(0).lt(1),
    0,
    'a number from 0 to below 1',
    'with --method importance: share of the draws that come from the prior instead of q(z|x), all weighed as draws from the mixture of both: finds what the encoder misses, where z has few dimensions',
    read.number,
  ),
}

export interface ImportanceSettings {
  samples: number
  /** The share of the draws that comes from the prior. */
  defensive: number
}

export async function evaluateImportance(
  measuring: MeasuringVae,
  { samples, defensive }: ImportanceSettings,
): Promise<Measurement> {
  requireShares(samples, defensive)
  const { trained, images, context } = measuring
  const bar = progressBar('images', context)
  const result = await evaluateVae(trained.vae, images, samples, {
    batchSize: EVALUATION_BATCH,
    mode: measuring.mode,
    key: streamKey(measuring.seed, 'evaluate'),
    onProgress: done => bar.update(done, images.count, `${samples} samples per image`),
    signal: context.signal,
    defensive,
  }).finally(() => bar.stop())
  if (!result) return nothingMeasured(context)
  const { perImage, compile, ...summary } = result
  const interrupted = result.images < images.count
  const about = describeDone(measuring.about, { done: result.images, count: images.count })
  context.note(describeChoice(compile))
  context.print(`${about}, ${describeDraws(result)}`)
  context.print(describeEstimate('ELBO', result.elbo))
  describeParts(context, result)
  const sampling = `, of which sampling z: ± ${describeError(result.logPxMonteCarloError, 4)}`
  context.print(describeEstimate('log p(x)', result.logPx, sampling))
  const bits = bitsOf(measuring, result.logPx)
  for (const line of describeTrust(result, remediesFor(trained, result))) context.print(line)
  const active = result.layers.map(layer => `${layer.activeUnits ?? 'unknown'} of ${layer.latentDim}`)
  context.print(`${'active units'.padEnd(16)}${active.join(', and in the upper layer ')}`)
  context.print('±: one standard error of the mean over images')
  saveValues(
    measuring,
    {
      elbo: perImage.elbo,
      log_px: perImage.logPx,
      log_px_standard_error: perImage.standardError,
      effective_samples: perImage.effectiveSamples,
    },
    { method: 'importance', samples: String(samples), defensive: String(defensive) },
  )
  const json = { ...summary, ...rateAndDistortion(result), ...bits }
  return { json: { ...json, ...(interrupted && { interrupted }) }, interrupted }
}

/** Throws a `UsageError` where a component of the mixture has too few draws for an error. */
function requireShares(samples: number, defensive: number): void {
  const { own, prior } = sharesOf(samples, defensive)
  if (defensive === 0 || Math.min(own, prior) >= 2) return
  throw new UsageError(
    `--defensive ${defensive}: of ${samples} samples ${own} would come from q(z|x) and ${prior} from the prior; two of each are needed`,
  )
}

const describeDraws = ({ samples, fromPrior }: Evaluation): string =>
  `${samples} samples of z each${fromPrior > 0 ? `, ${fromPrior} of them from the prior` : ''}`

/** From this share of images with few effective samples on, their error shows in the mean. */
const POOR_SHARE = 0.01

/** Latent dimensions up to which draws of the prior come near a posterior often enough. */
const FEW_DIMENSIONS = 4

/** What tells how low log p(x) is, where few samples are effective. */
function remediesFor({ config }: TrainedVae, { fromPrior, latentDim }: Evaluation): string {
  const all = [
    'more --samples',
    ...(fromPrior === 0 && latentDim <= FEW_DIMENSIONS ? ['--defensive 0.5'] : []),
    ...(config.latents === 'gaussian' ? ['--method ais'] : []),
  ]
  return all.join(', ').replace(/, ([^,]*)$/, ' or $1')
}

function describeTrust(
  { effectiveSamples: { median, smallest, shareOfFew }, samples }: Evaluation,
  remedies: string,
): string[] {
  const sizes = `${'effective'.padEnd(16)}samples of ${samples}: median ${median.toFixed(1)}, smallest ${smallest.toFixed(1)}`
  if (shareOfFew < POOR_SHARE) return [sizes]
  const share = `${(100 * shareOfFew).toFixed(1)} % of the images have an effective sample size below ${FEW_EFFECTIVE_SAMPLES}`
  return [sizes, `warning: ${share}: log p(x) is then low by more than the stated error; ${remedies} tell how much`]
}
