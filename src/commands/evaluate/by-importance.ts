/** `elbo evaluate RUN --method importance`: log p(x) by importance sampling from q(z|x) or from its mixture with p(z), and its reliability. */
import { z } from 'zod'
import { describeCollapse } from '../../evaluation/collapse.js'
import { sharesOf } from '../../evaluation/defensive.js'
import { type Evaluation, evaluateVae } from '../../evaluation/evaluate-vae.js'
import type { ImportanceEstimate } from '../../evaluation/importance.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import type { Vae } from '../../models/vae.js'
import { streamKey } from '../../random.js'
import { inGroup, read, setting, UsageError, type Values, wholeNumber } from '../../settings/setting.js'
import type { Result } from '../command.js'
import { describeError, describeEstimate } from '../estimates.js'
import { describeChoice } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { estimator, imageOptions, refuseWithoutEncoder, saveOption } from './estimator.js'
import {
  bitsOf,
  describeDone,
  describeParts,
  imagesToMeasure,
  type Measuring,
  nothingMeasured,
  rateAndDistortion,
  saveValues,
} from './measuring.js'
import { referenceOf } from './published.js'

const options = {
  ...inGroup('measurement', {
    samples: wholeNumber([1, 1e5], 500, 'draws of z per image'),
    defensive: setting(
      z.number().min(0).lt(1),
      0,
      'a number from 0 to below 1',
      [
        'importance: share of draws from the prior',
        'With --method importance: share of the draws from the prior instead of q(z|x), all weighted as draws from the mixture of both. It finds what the encoder misses if z has few dimensions.',
      ],
      read.number,
    ),
  }),
  ...imageOptions,
  ...saveOption,
}

export const importance = estimator({
  name: 'importance',
  flag: '--method importance',
  options,
  comparable: true,
  divides: true,
  refuse: run => refuseWithoutEncoder(run, '--method importance'),
  measure: async (opened, values) => evaluateImportance(await imagesToMeasure(opened, values), values),
})

type ImportanceValues = Pick<Values<typeof options>, 'samples' | 'defensive' | 'save'>

/** Measures the images of a run with an encoder, prints the results and returns the JSON document. */
export async function evaluateImportance(
  measuring: Measuring,
  { samples, defensive, save }: ImportanceValues,
): Promise<Result> {
  requireShares(samples, defensive)
  const { images, context, document } = measuring
  const vae = measuring.trained.learner.vae as Vae
  const bar = progressBar('images', context)
  const result = await evaluateVae(vae, images, samples, {
    batchSize: EVALUATION_BATCH,
    mode: measuring.mode,
    key: streamKey(measuring.seed, 'evaluate'),
    onProgress: done => bar.update(done, images.count, `${samples} samples per image`),
    signal: context.signal,
    defensive,
  }).finally(() => bar.stop())
  if (!result) return nothingMeasured(context, { ...document, method: 'importance' })
  const { perImage, compile: _, ...summary } = result
  const bits = printEvaluation(measuring, vae, result)
  const metadata = { method: 'importance', samples: String(samples), defensive: String(defensive) }
  saveValues(measuring, save, valuesOf(perImage), metadata)
  const interrupted = result.images < images.count
  const json = { ...document, method: 'importance', ...summary, ...rateAndDistortion(result), ...bits }
  const published = interrupted ? {} : referenceOf(measuring, { method: 'importance', samples, defensive })
  return { json: { ...json, ...(interrupted && { interrupted }), ...published }, interrupted }
}

const valuesOf = ({ elbo, logPx, standardError, effectiveSamples }: ImportanceEstimate) => ({
  elbo,
  log_px: logPx,
  log_px_standard_error: standardError,
  effective_samples: effectiveSamples,
})

/** Prints the results; returns the bits per dimension. */
function printEvaluation(measuring: Measuring, vae: Vae, result: Evaluation) {
  const { images, context, about } = measuring
  context.note(describeChoice(result.compile))
  const done = describeDone(about, { done: result.images, count: images.count })
  context.print(`${done}, ${describeDraws(result)}`)
  context.print(describeEstimate('ELBO', result.elbo))
  describeParts(context, result)
  const dominated = result.effectiveSamples.shareOfFew >= POOR_SHARE ? '; this error is too small, see the warning' : ''
  const sampling = `, of which ± ${describeError(result.logPxMonteCarloError, 4)} from sampling z${dominated}`
  context.print(describeEstimate(measuring.logPx, result.logPx, sampling))
  const bits = bitsOf(measuring, result.logPx)
  const trust = describeTrust(measuring.logPx, result, remediesFor(vae, result))
  for (const line of [...trust, ...describeCollapse(result.kl.mean, result.activeUnits)]) context.print(line)
  const active = result.layers.map(layer => `${layer.activeUnits ?? 'unknown'} of ${layer.latentDim}`)
  context.print(`${'active units'.padEnd(16)}${active.join(', in the second latent layer ')}`)
  context.print('±: one standard error of the mean over images')
  return bits
}

/** Throws a `UsageError` if a component of the mixture has too few draws for a standard error. */
function requireShares(samples: number, defensive: number): void {
  const { own, prior } = sharesOf(samples, defensive)
  if (defensive === 0 || Math.min(own, prior) >= 2) return
  throw new UsageError(
    `--defensive ${defensive}: ${own} of ${samples} samples would come from q(z|x) and ${prior} from the prior; at least two of each are needed`,
  )
}

const describeDraws = ({ samples, fromPrior }: Evaluation): string =>
  `${samples} samples of z each${fromPrior > 0 ? `, ${fromPrior} of them from the prior` : ''}`

/** Share of images with few effective samples above which their error affects the mean. */
const POOR_SHARE = 0.01

/** Maximum number of latent dimensions for which enough draws from the prior come near a posterior. */
const FEW_DIMENSIONS = 4

/** The options that show how much log p(x) is underestimated if few samples are effective. */
function remediesFor({ latents }: Vae, { fromPrior, latentDim }: Evaluation): string {
  const all = [
    'more --samples',
    ...(fromPrior === 0 && latentDim <= FEW_DIMENSIONS ? ['--defensive 0.5'] : []),
    ...(latents.reparameterized ? ['--method ais'] : []),
  ]
  return all.join(', ').replace(/, ([^,]*)$/, ' or $1')
}

function describeTrust(
  logPx: string,
  { effectiveSamples: { median, smallest, few, shareOfFew }, samples }: Evaluation,
  remedies: string,
): string[] {
  const sizes = `effective samples: median ${median.toFixed(1)}, smallest ${smallest.toFixed(1)}, of ${samples}`
  if (shareOfFew < POOR_SHARE) return [sizes]
  const share = `${(100 * shareOfFew).toFixed(1)} % of the images have an effective sample size below ${few}`
  return [sizes, `warning: ${share}, so that ${logPx} is low by more than the stated error; check with ${remedies}`]
}
