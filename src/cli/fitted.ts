/** `elbo evaluate RUN` for a run of `elbo em`: its bound, which is log p(x) itself where the posterior is exact. */

import type { ScanOptions } from '../compile/scan.js'
import type { Split } from '../data/dataset.js'
import { evaluateBound } from '../evaluation/bound.js'
import type { OverImagesOptions } from '../evaluation/over-images.js'
import { isExact, type TrainedRun } from '../session.js'
import type { Context, Result } from './command.js'
import { describeEstimate } from './estimates.js'
import { describeChoice } from './opened-run.js'
import { progressBar } from './progress-bar.js'

/** Measures the images, prints and returns what `evaluate` makes its JSON document of. */
export async function evaluateFitted(
  { config, session }: TrainedRun,
  images: Split,
  about: string,
  options: OverImagesOptions & ScanOptions,
  context: Context,
): Promise<Result & { json: object }> {
  const bar = progressBar('images', context)
  const onProgress = (done: number) => bar.update(done, images.count, '')
  const result = await evaluateBound(session.algorithm, images, { ...options, onProgress }).finally(() => bar.stop())
  if (!result) {
    context.note('interrupted before the last image: no estimate')
    return { json: { interrupted: true }, interrupted: true }
  }
  const { compile, perImage: _, elbo, ...parts } = result
  context.note(describeChoice(compile))
  context.print(about)
  const exact = isExact(config)
  context.print(describeEstimate(exact ? 'log p(x)' : 'ELBO', elbo, exact ? ', exact' : ''))
  if (parts.reconstruction) context.print(describeEstimate('reconstruction', parts.reconstruction))
  if (parts.kl) context.print(describeEstimate('KL', parts.kl))
  context.print('±: one standard error of the mean over images')
  return { json: { elbo, ...(exact && { logPx: elbo }), ...parts, compile } }
}
