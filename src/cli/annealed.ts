/** `elbo evaluate RUN` for a decoder without an encoder: its bound, and log p(x) by annealed importance sampling. */
import type { ScanOptions } from '../compile/scan.js'
import { type Dataset, firstImages, type Split } from '../data/dataset.js'
import { annealingSettings } from '../em-config.js'
import type { AnnealingRun } from '../evaluation/anneal-images.js'
import { type AnnealedEvaluation, evaluateAnnealed } from '../evaluation/annealed.js'
import type { AnnealedAlgorithm } from '../inference/algorithm.js'
import type { TrainedRun } from '../session.js'
import { wholeNumber } from '../settings.js'
import type { Context, Result } from './command.js'
import { describeError, describeEstimate } from './estimates.js'
import { describeChoice, evaluatedSplit } from './opened-run.js'
import { progressBar } from './progress-bar.js'

export const aisSettings = {
  aisImages: wholeNumber([1, 1e6], 1000, 'annealed importance sampling: how many images, the first of the split'),
  ...annealingSettings,
}

interface Work extends AnnealingRun, ScanOptions {
  aisImages: number
  aisChains: number
  aisTemperatures: number
}

/** Measures the first images of a split, prints and returns what `evaluate` makes its JSON document of. */
export async function evaluateDecoder(
  { run, algorithm }: { run: TrainedRun; algorithm: AnnealedAlgorithm },
  data: Dataset,
  split: Split,
  { aisImages, aisChains: chains, aisTemperatures: temperatures, ...options }: Work,
  context: Context,
): Promise<Result & { json: object }> {
  const images = firstImages(evaluatedSplit(run, split), aisImages)
  const bar = progressBar('images', context)
  const onProgress = (done: number) =>
    bar.update(done, images.count, `${chains} chains of ${temperatures} temperatures per image`)
  onProgress(0)
  const work = { chains, temperatures }
  const result = await evaluateAnnealed(algorithm, images, work, { ...options, onProgress }).finally(() => bar.stop())
  if (!result) {
    context.note('interrupted before the last image: no estimate')
    return { json: { interrupted: true }, interrupted: true }
  }
  context.note(describeChoice(result.compile))
  context.print(
    `the first ${images.count} ${split.name} images of ${data.source}, ${run.config.binarize} binarization ` +
      `(one fixed sample, seed ${run.config.seed})`,
  )
  for (const line of describe(result)) context.print(line)
  return { json: result }
}

const describe = ({ elbo, logPx, logPxMonteCarloError, chains, temperatures, acceptance }: AnnealedEvaluation) => [
  describeEstimate('ELBO', elbo, ', mean log weight'),
  describeEstimate('log p(x)', logPx, `, of which the chains: ± ${describeError(logPxMonteCarloError, 4)}`),
  `by annealed importance sampling, a lower bound: ${chains} chains per image, ${temperatures} temperatures, ` +
    `acceptance ${acceptance.toFixed(2)}`,
  '±: one standard error of the mean over images',
]
