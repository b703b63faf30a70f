/** `elbo evaluate RUN --method ais`: log p(x) by annealed importance sampling, which needs no encoder. */

import { decoderLikelihood } from '../../models/decoder-likelihood.js'
import type { Vae } from '../../models/vae.js'
import { streamKey } from '../../random.js'
import type { TrainedRun } from '../../runs/trained-run.js'
import { type Annealer, type AnnealingEstimate, annealer } from '../../sampling/anneal-images.js'
import { describeEstimate } from '../estimates.js'
import { describeChoice, refuseDiscrete } from '../opened-run.js'
import {
  type AnnealingSummary,
  type AnnealingValues,
  annealingFlags,
  annealingOptionsOf,
  annealingProgress,
  describeLogPx,
  effortOf,
  summarizeEstimate,
} from './annealing-options.js'
import { estimator, imageOptions, type OpenedForEvaluation, saveOption } from './estimator.js'
import { bitsOf, describeDone, imagesToMeasure, type Measuring, nothingMeasured, saveValues } from './measuring.js'
import { referenceOf } from './published.js'

export const annealing = estimator({
  name: 'ais',
  flag: '--method ais',
  options: { ...annealingFlags, ...imageOptions, ...saveOption },
  comparable: true,
  refuse(run, given) {
    const { vae, annealer } = run.learner
    if (annealer)
      return given.leapfrogSteps === undefined
        ? undefined
        : '--leapfrog-steps: has no effect on a run without an encoder, whose annealing has a fixed number; leave it out'
    if (!vae) return '--method ais: this run is measured without sampling; leave it out'
    return refuseDiscrete(vae, '--method ais')
  },
  async measure(opened, values) {
    const measuring = await imagesToMeasure(opened, values)
    const { trained, images, context, document, seed } = measuring
    const runAnnealer = newAnnealer(opened, values)
    const { stop, ...progress } = annealingProgress(context, images.count)
    const run = { key: streamKey(seed, 'evaluate'), signal: context.signal, ...progress }
    const result = await runAnnealer.run(images, run).finally(stop)
    const { choice } = runAnnealer
    runAnnealer.dispose()
    const done = result.logPx.length
    if (done === 0) return nothingMeasured(context, { ...document, method: 'ais' })
    if (choice) context.note(describeChoice(choice))
    const used = usedValues(trained, values)
    const summary = summarizeEstimate(result)
    const bits = printAnnealing(measuring, used, result, summary)
    const text = Object.fromEntries(Object.entries(used).map(([name, value]) => [name, String(value)]))
    const perImage = { log_px: result.logPx, log_px_standard_error: result.standardError, elbo: result.elbo }
    saveValues(measuring, values.save, perImage, { method: 'ais', ...text })
    const interrupted = done < images.count
    const json = { ...document, method: 'ais', images: done, ...used, ...summary, ...bits }
    const published = interrupted ? {} : referenceOf(measuring, { method: 'ais' })
    return { json: { ...json, ...(interrupted && { interrupted }), ...published }, interrupted }
  },
})

/** The annealer of the run itself if it has one, as it validates during training; otherwise one for its decoder. */
function newAnnealer({ trained: { learner }, mode }: OpenedForEvaluation, values: AnnealingValues): Annealer {
  if (learner.annealer) return learner.annealer({ mode }, effortOf(values))
  const vae = learner.vae as Vae
  const { logLikelihood, start } = decoderLikelihood(vae)
  return annealer(logLikelihood, vae.latentDim, annealingOptionsOf(values), { mode }, start)
}

function usedValues({ learner }: TrainedRun, { temperatures, chains, leapfrogSteps }: AnnealingValues) {
  return { temperatures, chains, ...(!learner.annealer && { leapfrogSteps }) }
}

/** Prints the results; returns the bits per dimension. */
function printAnnealing(
  measuring: Measuring,
  used: ReturnType<typeof usedValues>,
  result: AnnealingEstimate,
  summary: AnnealingSummary,
) {
  const { images, context, about } = measuring
  const leapfrog = 'leapfrogSteps' in used ? `, ${used.leapfrogSteps} leapfrog steps` : ''
  const description = `annealed importance sampling: ${used.temperatures} temperatures, ${used.chains} chains each${leapfrog}`
  context.print(`${describeDone(about, { done: result.logPx.length, count: images.count })}, ${description}`)
  context.print(describeLogPx(measuring.logPx, summary))
  context.print(describeEstimate('mean log weight', summary.elbo, ', a looser bound'))
  const bits = bitsOf(measuring, summary.logPx)
  context.print(`${'acceptance'.padEnd(16)}${result.acceptance.toFixed(3).padStart(9)}`)
  context.print(
    `±: one standard error of the mean over images; ${measuring.logPx} is a lower bound in expectation, tighter with more --temperatures`,
  )
  return bits
}
