/** `elbo evaluate RUN`: ELBO and log p(x) in nats per image, with their errors, by one of several estimators. */
import { requireWritable } from '../../runs/own-files.js'
import { together } from '../../runs/team.js'
import { choice, grouped, UsageError, wholeNumber } from '../../settings/setting.js'
import { clusterOf, clusterOptions } from '../cluster.js'
import { type Context, command } from '../command.js'
import { endWithParent, launchWorkers } from '../launch.js'
import { compileOption, openRun, runOptions } from '../opened-run.js'
import { sayAlive, sayMet } from '../start-watch.js'
import { wrap } from '../wrap.js'
import { annealingFlags } from './annealing-options.js'
import { importance } from './by-importance.js'
import { quadratureOverGrid } from './by-quadrature.js'
import { simulation } from './by-simulation.js'
import { imageOptions, saveOption } from './estimator.js'
import { type Asked, checkOptions, chooseEstimator, methodNames } from './estimators.js'
import { gapParts } from './gap-parts.js'

const { gapImages, gapSteps } = gapParts.options
const { grid, extent } = quadratureOverGrid.options
const { samples, defensive } = importance.options

const options = {
  samples,
  defensive,
  method: grouped(
    'measurement',
    choice(methodNames, 'importance', [
      'estimator of log p(x)',
      "Estimator of log p(x). importance: importance sampling from the encoder's q(z|x). ais: annealed importance sampling, without an encoder. quadrature: on a grid, for one or two latent dimensions.",
    ]),
  ),
  ...imageOptions,
  seed: grouped(
    'run',
    wholeNumber([0, 2 ** 32], 1, [
      'seed of the draws of z',
      'Seed of the draws of z. The run determines the binary sample of the images.',
    ]),
  ),
  compile: compileOption,
  ...saveOption,
  ...annealingFlags,
  simulated: simulation.options.simulated,
  grid,
  extent,
  gapImages,
  gapSteps,
  ...runOptions,
  workers: grouped(
    'machine',
    wholeNumber([1, 1024], 1, [
      'processes that measure together',
      'Processes that each measure a part of the images, by importance sampling or the exact bound (docs/clusters.md). The results are those of one process.',
    ]),
  ),
  ...clusterOptions,
}

export const evaluate = command({
  name: 'evaluate',
  summary: 'measures ELBO, log p(x) and active units of a run',
  argument: 'run',
  options,
  switches: {
    gaps: {
      description: 'measure the two parts of log p(x) - ELBO instead: of the encoder, and of diagonal Gaussians',
      group: 'measurement',
    },
    reference: { description: 'print published numbers, and which are comparable', group: 'output' },
  },
  finishesOnInterrupt: true,
  examples: [
    'evaluate first',
    'evaluate first --samples 5000 --reference',
    'evaluate first --samples 5000 --defensive 0.5',
    'evaluate first --split validation --json',
    'evaluate first --method ais --images 100 --temperatures 1000',
    'evaluate first --method ais --simulated 100',
    'evaluate plane --method quadrature --images 500',
    'evaluate first --gaps --gap-images 500',
    'evaluate first --samples 5000 --workers 4',
    'evaluate decoder --method ais --images 500 # of elbo em vae',
  ],
  async run({ argument, values, given, switches }, outer) {
    const context = wrapping(outer)
    const { method, workers: _workers, cluster: _cluster, task: _task, ...others } = given
    const cluster = clusterOf(values)
    if (cluster) sayAlive()
    if (cluster === undefined && values.workers > 1) {
      return launchWorkers(values.workers, 0, outer)
    }
    const reference = switches.reference === true
    const asked: Asked = { method, gaps: switches.gaps === true, given: { ...others, ...(reference && { reference }) } }
    checkOptions(asked)
    requireWritable('--save', values.save)
    const { trained } = await openRun(argument, values, context, cluster)
    const estimator = chooseEstimator(trained, asked)
    if (cluster && estimator.divides !== true)
      throw new UsageError(`--workers: ${estimator.name} runs in one process; leave it out, or use --method importance`)
    const { seed, snapshot, compile: mode } = values
    const opened = { run: argument, trained, snapshot, seed, mode, reference, context }
    const own = cluster && cluster.index > 0 ? { ...values, save: null } : values
    if (cluster && cluster.index > 0) endWithParent()
    return together(() => estimator.measure(opened, own as never), 'start it again', { ...context, met: sayMet })
  },
})

/** Breaks printed lines at words where they are wider than the terminal; what continues a row stands below its value. */
function wrapping(context: Context): Context {
  const print = (line: string) => {
    for (const part of wrap(line, context.columns, 16)) context.print(part)
  }
  return { ...context, print }
}
