/** `elbo evaluate RUN --gaps`: the amortization gap and the approximation gap, the two parts of log p(x) - ELBO. */
import { type Gaps, measureGaps } from '../../evaluation/inference-gaps.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import type { Vae } from '../../models/vae.js'
import type { Estimate } from '../../numeric/means.js'
import { streamKey } from '../../random.js'
import { inGroup, wholeNumber } from '../../settings/setting.js'
import { describeError, describeEstimate } from '../estimates.js'
import { describeChoice, refuseLayers } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { importance } from './by-importance.js'
import { estimator, imageOptions, refuseWithoutEncoder } from './estimator.js'
import { describeDone, imagesToMeasure, nothingMeasured } from './measuring.js'

export const gapParts = estimator({
  name: 'gaps',
  flag: '--gaps',
  options: {
    samples: importance.options.samples,
    ...inGroup('measurement', {
      gapImages: wholeNumber([1, 1e6], 200, 'gaps: the first n images'),
      gapSteps: wholeNumber([1, 1e5], 500, [
        'gaps: gradient steps to the best q(z)',
        "With --gaps: gradient steps from the encoder's q(z|x) to the best q(z).",
      ]),
    }),
    split: imageOptions.split,
    data: imageOptions.data,
  },
  comparable: false,
  refuse: run => refuseWithoutEncoder(run, '--gaps') ?? refuseLayers(run.learner.vae as Vae, '--gaps'),
  async measure(opened, { samples, gapImages, gapSteps, split, data }) {
    const all = await imagesToMeasure(opened, { images: null, split, data })
    const count = Math.min(gapImages, all.images.count)
    const measuring = await imagesToMeasure(opened, { images: count, split, data })
    const { images, context, about, document } = measuring
    const bar = progressBar('steps', context)
    const gaps = await measureGaps(opened.trained.learner.vae as Vae, images, {
      samples,
      steps: gapSteps,
      batchSize: EVALUATION_BATCH,
      mode: opened.mode,
      key: streamKey(opened.seed, 'gaps'),
      signal: context.signal,
      onProgress: (done, total) => bar.update(done, total, `${images.count} images`),
    }).finally(() => bar.stop())
    if (!gaps) return nothingMeasured(context, document)
    const { compile, ...json } = gaps
    const interrupted = gaps.images < images.count
    context.note(describeChoice(compile))
    context.print(
      `${describeDone(about, { done: gaps.images, count: images.count })}, ${gaps.samples} samples of z each, ` +
        `best q(z) after ${gaps.steps} gradient steps`,
    )
    for (const line of describe(gaps, measuring.logPx)) context.print(line)
    return { json: { ...document, ...json, ...(interrupted && { interrupted }) }, interrupted }
  },
})

function describe(gaps: Gaps, name: string): string[] {
  const { elbo, meanFieldElbo, logPx, tighter, amortizationGap, approximationGap, gap } = gaps
  const names = { encoder: "the encoder's q(z|x)", meanField: 'the best q(z)' }
  const other = tighter === 'encoder' ? 'meanField' : 'encoder'
  const sampling = ({ monteCarloError }: { monteCarloError: number }) =>
    `± ${describeError(monteCarloError, 4)} from sampling z`
  return [
    line("ELBO, encoder's q(z|x)", elbo),
    line('ELBO, best diagonal q(z)', meanFieldElbo),
    line(name, logPx[tighter], `, of which ${sampling(logPx[tighter])} with ${names[tighter]}`),
    line('amortization gap', amortizationGap, ', ELBO of the best q(z) - ELBO of the encoder'),
    line('approximation gap', approximationGap, `, ${name} - ELBO of the best q(z)`),
    line(`${name} - ELBO`, gap, ', their sum'),
    `${name} with z from ${names[other]}: ${logPx[other].mean.toFixed(3)}, ${sampling(logPx[other])}; the higher of the two is used`,
    '±: one standard error of the mean over images; for a gap, of the differences per image',
  ]
}

const line = (name: string, estimate: Estimate, note?: string): string => describeEstimate(name, estimate, note, 26)
