/** `elbo evaluate RUN` for a mixture or a factor analysis: its bound, which is log p(x) itself where the posterior is exact. */
import type { ScanOptions } from '../../compile/step.js'
import type { Split } from '../../data/dataset.js'
import { evaluateBound } from '../../evaluation/bound.js'
import type { OverImagesOptions } from '../../evaluation/over-images.js'
import type { Algorithm } from '../../inference/algorithm.js'
import { isExact, type RunConfig } from '../../methods/session.js'
import type { Context } from '../command.js'
import { describeEstimate } from '../estimates.js'
import { describeChoice } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { describeDone, type Measurement, nothingMeasured } from './measuring.js'

/** Measures the images, prints and returns what `evaluate` makes its JSON document of. */
export async function evaluateFitted(
  { config, algorithm }: { config: RunConfig; algorithm: Algorithm },
  images: Split,
  about: string,
  options: OverImagesOptions & ScanOptions,
  context: Context,
): Promise<Measurement> {
  const bar = progressBar('images', context)
  const onProgress = (done: number) => bar.update(done, images.count, '')
  const result = await evaluateBound(algorithm, images, { ...options, onProgress }).finally(() => bar.stop())
  if (!result) return nothingMeasured(context)
  const interrupted = result.images < images.count
  const { compile, perImage: _, elbo, logPredictive, ...parts } = result
  context.note(describeChoice(compile))
  context.print(describeDone(about, { done: result.images, count: images.count }))
  const exact = isExact(config)
  context.print(describeEstimate(exact ? 'log p(x)' : 'ELBO', elbo, exact ? ', exact' : ''))
  if (parts.reconstruction) context.print(describeEstimate('reconstruction', parts.reconstruction))
  if (parts.kl) context.print(describeEstimate('KL', parts.kl))
  if (logPredictive)
    context.print(describeEstimate('log p(x)', logPredictive, ', posterior predictive of each image by itself'))
  context.print('±: one standard error of the mean over images')
  const logPx = exact ? elbo : logPredictive
  const json = { elbo, ...(logPx && { logPx }), ...parts, compile }
  return { json: { ...json, ...(interrupted && { interrupted }) }, interrupted }
}
