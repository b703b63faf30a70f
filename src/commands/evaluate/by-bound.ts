/** `elbo evaluate RUN` for a mixture or a factor model: its bound, which is log p(x) itself if the posterior is exact. */
import { type BoundEstimate, evaluateBound } from '../../evaluation/bound.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import { streamKey } from '../../random.js'
import { describeEstimate } from '../estimates.js'
import { describeChoice } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { estimator, imageOptions } from './estimator.js'
import { describeDone, imagesToMeasure, type Measuring, nothingMeasured } from './measuring.js'

export const oneStep = estimator({
  name: 'bound',
  flag: 'a run that is measured without sampling',
  options: imageOptions,
  comparable: false,
  divides: true,
  refuse: ({ learner }) =>
    learner.vae || learner.annealer
      ? 'this run cannot be measured without sampling: use --method importance or ais'
      : undefined,
  async measure(opened, values) {
    const measuring = await imagesToMeasure(opened, values)
    const { trained, images, context, document } = measuring
    const bar = progressBar('images', context)
    const options = {
      batchSize: EVALUATION_BATCH,
      key: streamKey(opened.seed, 'evaluate'),
      signal: context.signal,
      onProgress: (done: number) => bar.update(done, images.count, ''),
    }
    const bounds = trained.learner.bounds({ mode: opened.mode })
    const result = await evaluateBound(bounds, images, options).finally(() => bar.stop())
    if (!result) return nothingMeasured(context, document)
    const { exact } = trained.method.traits(trained.config).bound
    printBound(measuring, result, exact)
    const { perImage: _, elbo, logPredictive, compile, ...parts } = result
    const logPx = exact ? elbo : logPredictive
    const interrupted = result.images < images.count
    const json = { ...document, elbo, ...(logPx && { logPx }), ...parts, compile }
    return { json: { ...json, ...(interrupted && { interrupted }) }, interrupted }
  },
})

function printBound({ images, about, context }: Measuring, result: BoundEstimate, exact: boolean): void {
  const { elbo, reconstruction, kl, logPredictive } = result
  context.note(describeChoice(result.compile))
  context.print(describeDone(about, { done: result.images, count: images.count }))
  context.print(describeEstimate(exact ? 'log p(x)' : 'ELBO', elbo, exact ? ', exact' : ''))
  if (reconstruction) context.print(describeEstimate('reconstruction', reconstruction))
  if (kl) context.print(describeEstimate('KL', kl))
  if (logPredictive)
    context.print(describeEstimate('log p(x)', logPredictive, ', posterior predictive of each single image'))
  context.print('±: one standard error of the mean over images')
}
