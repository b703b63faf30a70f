/** `elbo evaluate RUN --simulated N`: log p(x) of images that the model draws, between a lower and an upper bound. */
import { annealSimulated, type Sandwich } from '../../evaluation/simulated.js'
import type { Vae } from '../../models/vae.js'
import { estimateMean } from '../../numeric/means.js'
import { streamKey } from '../../random.js'
import { grouped, wholeNumberOrOff } from '../../settings/setting.js'
import type { Context } from '../command.js'
import { describeEstimate } from '../estimates.js'
import { describeChoice, refuseDiscrete } from '../opened-run.js'
import {
  annealingFlags,
  annealingOptionsOf,
  annealingProgress,
  describeLogPx,
  summarizeBound,
  summarizeEstimate,
} from './annealing-options.js'
import { estimator } from './estimator.js'
import { nothingMeasured } from './measuring.js'

export const simulation = estimator({
  name: 'simulated',
  flag: '--simulated',
  options: {
    ...annealingFlags,
    simulated: grouped(
      'measurement',
      wholeNumberOrOff([
        'ais: n images drawn from the model',
        'With --method ais: measure N images drawn from the model instead of a split, with an upper bound on log p(x) from reverse chains.',
      ]),
    ),
  },
  comparable: false,
  refuse: ({ learner: { vae } }) =>
    vae ? refuseDiscrete(vae, '--simulated') : '--simulated: needs a run of `elbo train`; leave it out',
  async measure({ run, snapshot, seed, mode, trained, context }, { temperatures, chains, leapfrogSteps, ...values }) {
    const count = values.simulated as number
    const settings = { temperatures, chains, leapfrogSteps }
    const document = { run, snapshot, method: 'ais', seed }
    const { stop, ...progress } = annealingProgress(context, count)
    const options = { mode, key: streamKey(seed, 'evaluate'), signal: context.signal, ...progress }
    const vae = trained.learner.vae as Vae
    const found = await annealSimulated(vae, count, annealingOptionsOf(settings), options).finally(stop)
    const done = found.forward.logPx.length
    if (done === 0) return nothingMeasured(context, document)
    const interrupted = done < count
    const about = interrupted ? `interrupted: ${done} of ${count}` : `${count}`
    context.print(
      `${about} images drawn from the model${vae.classes === undefined ? '' : ', of all classes in turn: bounds of log p(x|y)'}, annealed importance sampling: ` +
        `${temperatures} temperatures, ${chains} chains each, ${leapfrogSteps} leapfrog steps`,
    )
    const bounds = printSandwich(context, found)
    const json = { ...document, images: done, simulated: true, ...settings, ...bounds }
    return { json: { ...json, ...(interrupted && { interrupted }) }, interrupted }
  },
})

/** Prints the bounds, and returns them for the JSON document. */
function printSandwich({ note, print }: Context, { forward, reverse, compile }: Sandwich) {
  if (compile) note(describeChoice(compile))
  const [below, above] = [summarizeEstimate(forward), summarizeBound(reverse)]
  const gap = estimateMean(reverse.logPx.map((value, i) => value - (forward.logPx[i] as number)))
  print(describeLogPx('forward', below, ', a lower bound'))
  print(describeEstimate('reverse', above.logPx, ', an upper bound'))
  print(describeEstimate('gap', gap, ', upper - lower bound, the largest expected error of either'))
  const acceptance = `${forward.acceptance.toFixed(3)} forward, ${reverse.acceptance.toFixed(3)} reverse`
  print(`${'acceptance'.padEnd(16)}    ${acceptance}`)
  print('±: one standard error of the mean over images; for the gap, of the differences per image')
  return { forward: below, reverse: above, gap }
}
