/** `elbo evaluate RUN --method importance`: log p(x) by importance sampling from q(z|x), and how far that is to be trusted. */
import { FEW_EFFECTIVE_SAMPLES } from '../evaluation/effective-samples.js'
import { type Evaluation, evaluateVae } from '../evaluation/evaluate.js'
import { EVALUATION_BATCH } from '../evaluation/over-images.js'
import { streamKey } from '../random.js'
import { describeError, describeEstimate } from './estimates.js'
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
import { describeChoice } from './opened-run.js'
import { progressBar } from './progress-bar.js'

export async function evaluateImportance(measuring: MeasuringVae, samples: number): Promise<Measurement> {
  const { trained, images, context } = measuring
  const bar = progressBar('images', context)
  const result = await evaluateVae(trained.vae, images, samples, {
    batchSize: EVALUATION_BATCH,
    mode: measuring.mode,
    key: streamKey(measuring.seed, 'evaluate'),
    onProgress: done => bar.update(done, images.count, `${samples} samples per image`),
    signal: context.signal,
  }).finally(() => bar.stop())
  if (!result) return nothingMeasured(context)
  const { perImage, compile, ...summary } = result
  const interrupted = result.images < images.count
  const about = describeDone(measuring.about, { done: result.images, count: images.count })
  context.note(describeChoice(compile))
  context.print(`${about}, ${samples} samples of z each`)
  context.print(describeEstimate('ELBO', result.elbo))
  describeParts(context, result)
  const sampling = `, of which sampling z: ± ${describeError(result.logPxMonteCarloError, 4)}`
  context.print(describeEstimate('log p(x)', result.logPx, sampling))
  const bits = bitsOf(measuring, result.logPx)
  for (const line of describeTrust(result)) context.print(line)
  context.print(`${'active units'.padEnd(16)}${result.activeUnits} of ${result.latentDim}`)
  context.print('±: one standard error of the mean over images')
  saveValues(
    measuring,
    {
      elbo: perImage.elbo,
      log_px: perImage.logPx,
      log_px_standard_error: perImage.standardError,
      effective_samples: perImage.effectiveSamples,
    },
    { samples: String(samples) },
  )
  const json = { ...summary, ...rateAndDistortion(result), ...bits }
  return { json: { ...json, ...(interrupted && { interrupted }) }, interrupted }
}

/** From this share of images with few effective samples on, their error shows in the mean. */
const POOR_SHARE = 0.01

function describeTrust({ effectiveSamples: { median, smallest, shareOfFew }, samples }: Evaluation): string[] {
  const sizes = `${'effective'.padEnd(16)}samples of ${samples}: median ${median.toFixed(1)}, smallest ${smallest.toFixed(1)}`
  if (shareOfFew < POOR_SHARE) return [sizes]
  const share = `${(100 * shareOfFew).toFixed(1)} % of the images have an effective sample size below ${FEW_EFFECTIVE_SAMPLES}`
  return [
    sizes,
    `warning: ${share}: log p(x) is then low by more than the stated error; more --samples, or --method ais, tell how much`,
  ]
}
