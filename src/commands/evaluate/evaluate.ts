/** `elbo evaluate RUN`: ELBO and log p(x) in nats per image, with their errors, by one of several estimators. */
import { requireWritable } from '../../runs/own-files.js'
import { choice, grouped, wholeNumber } from '../../settings/setting.js'
import { type Context, command } from '../command.js'
import { compileOption, openRun, runOptions } from '../opened-run.js'
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
    'evaluate decoder --method ais --images 500 # of elbo em vae',
  ],
  async run({ argument, values, given, switches }, outer) {
    const context = wrapping(outer)
    const { method, ...others } = given
    const reference = switches.reference === true
    const asked: Asked = { method, gaps: switches.gaps === true, given: { ...others, ...(reference && { reference }) } }
    checkOptions(asked)
    requireWritable('--save', values.save)
    const { trained } = await openRun(argument, values, context)
    const estimator = chooseEstimator(trained, asked)
    const { seed, snapshot, compile: mode } = values
    return estimator.measure({ run: argument, trained, snapshot, seed, mode, reference, context }, values as never)
  },
})

/** Breaks printed lines at words where they are wider than the terminal; what continues a row stands below its value. */
function wrapping(context: Context): Context {
  const print = (line: string) => {
    for (const part of wrap(line, context.columns, 16)) context.print(part)
  }
  return { ...context, print }
}
