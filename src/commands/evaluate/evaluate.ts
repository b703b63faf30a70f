/** `elbo evaluate RUN`: ELBO and log p(x) in nats per image, with their errors, by one of several methods. */

import { modes } from '../../compile/scan.js'
import { type Dataset, requireFirst, type Split, splitNames } from '../../data/dataset.js'
import { firstImages, imageSize } from '../../data/images.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import { whyUnwritable } from '../../files/files.js'
import type { Algorithm } from '../../inference/algorithm.js'
import { asVae, binarizes, type RunConfig, type TrainedRun, type TrainedVae } from '../../methods/session.js'
import { streamKey } from '../../random.js'
import { choice, text, UsageError, wholeNumber, wholeNumberOrOff } from '../../settings/setting.js'
import { type Context, command } from '../command.js'
import { type GridSettings, gridSettings } from '../grid.js'
import { evaluatedSplit, openRun, requireGaussian, runImages, runOptions, splitOf } from '../opened-run.js'
import { type AisSettings, aisSettings, evaluateAis, evaluateDecoder, evaluateSimulated } from './by-annealing.js'
import { evaluateFitted } from './by-bound.js'
import { evaluateImportance, type ImportanceSettings, importanceSettings } from './by-importance.js'
import { evaluateQuadrature } from './by-quadrature.js'
import { evaluateGaps, type GapSettings, gapSettings } from './gap-parts.js'
import type { Measurement, Measuring, MeasuringVae } from './measuring.js'
import { kindOf, methods, refuseForDecoder, refuseForFitted, refuseUnused } from './options.js'
import { comparedRows, describePublished } from './published.js'

export const evaluate = command({
  name: 'evaluate',
  summary: 'measures ELBO, log p(x) by importance sampling, annealing or quadrature, and active units',
  argument: 'run',
  options: {
    ...importanceSettings,
    method: choice(
      methods,
      'importance',
      "how log p(x) is estimated: draws from the encoder's q(z|x), annealed chains that need no encoder, or a grid (for one or two latent dimensions)",
    ),
    images: wholeNumberOrOff(
      'only so many images, the first of the split; --method ais takes --chains x --temperatures HMC transitions for each: begin with a few',
    ),
    split: choice(splitNames, 'test', 'which images'),
    seed: wholeNumber([0, 2 ** 32], 1, 'decides the draws of z; the binary sample of the images is fixed by the run'),
    data: text('other images than those of the run'),
    compile: choice(modes, 'auto', 'how the work runs, as in train'),
    save: text('safetensors file for the images x as the model reads them, and the values of every image'),
    ...aisSettings,
    ...gridSettings,
    ...gapSettings,
    ...runOptions,
  },
  switches: {
    gaps: 'instead: how much of log p(x) - ELBO is due to the encoder, how much to q(z) being a diagonal Gaussian',
    reference: 'print published numbers beside the result, and which of them can be compared with it',
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
    'evaluate decoder --method ais --images 500 # a run of `elbo em vae`, which has no encoder',
  ],
  async run({ argument, values, given, switches }, context) {
    const asked = { method: values.method, simulated: values.simulated, switches }
    refuseUnused(given, asked)
    const unwritable = values.save === null ? undefined : whyUnwritable(values.save)
    if (unwritable !== undefined) throw new UsageError(`--save ${values.save}: ${unwritable}`)
    const { trained: run } = await openRun(argument, values, context)
    const { seed, split, snapshot } = values
    const trained = asVae(run)
    const kind = kindOf(asked)
    if (trained && kind === 'simulated') {
      const { json, ...result } = await measureSimulated(trained, values, context)
      return { ...result, json: { run: argument, snapshot, method: values.method, seed, ...json } }
    }
    const data = runImages(run, values.data)
    const { binarize, seed: binarizationSeed } = run.config
    const about = { run: argument, snapshot, split, data: data.source, binarize, binarizationSeed, seed }
    const all = splitOf(data, split)
    const whole = evaluatedSplit(run, all)
    const images =
      kind === 'gaps' ? firstImages(whole, values.gapImages) : requireFirst(whole, values.images, '--images')
    const measuring: Measuring = {
      run: argument,
      snapshot: { name: snapshot, step: run.snapshot.position.step },
      pixels: imageSize(data),
      binary: binarizes(run.config),
      data,
      images,
      about: describeImages(run, images, data, all),
      seed,
      mode: values.compile,
      save: values.save,
      context,
    }
    const { algorithm } = run.session
    if ('annealer' in algorithm) {
      refuseForDecoder(given, asked)
      const { json, ...result } = await evaluateDecoder(algorithm, measuring, annealing(values))
      return { ...result, json: { ...about, method: 'ais', ...json } }
    }
    if (!trained) {
      refuseForFitted(given, asked)
      const { json, ...result } = await measureFitted({ config: run.config, algorithm }, measuring, values)
      return { ...result, json: { ...about, ...json } }
    }
    if (kind === 'gaps') {
      const { json, ...result } = await evaluateGaps({ ...measuring, trained }, values)
      return { ...result, json: { ...about, ...json } }
    }
    const { json, ...result } = await measureBy(values.method, { ...measuring, trained }, values)
    const published =
      switches.reference && !result.interrupted
        ? {
            config: run.config,
            source: data.source,
            split,
            whole: images.count === all.count,
            method: values.method,
            samples: values.samples,
            defensive: values.defensive,
          }
        : undefined
    if (published) for (const line of describePublished(published)) context.print(line)
    const reference = published && { published: comparedRows(published) }
    return { ...result, json: { ...about, method: values.method, ...json, ...reference } }
  },
})

interface Values extends AisSettings, GapSettings, GridSettings, ImportanceSettings {
  seed: number
  compile: Measuring['mode']
  simulated: number | null
}

/** By the method that was asked for. */
function measureBy(method: (typeof methods)[number], measuring: MeasuringVae, values: Values): Promise<Measurement> {
  if (method === 'importance') return evaluateImportance(measuring, values)
  if (method === 'quadrature') return evaluateQuadrature(measuring, { grid: values.grid, extent: values.extent })
  requireGaussian(measuring.trained, '--method ais')
  return evaluateAis(measuring, annealing(values))
}

function measureSimulated(trained: TrainedVae, values: Values, context: Context): Promise<Measurement> {
  requireGaussian(trained, '--method ais')
  const measuring = { trained, seed: values.seed, mode: values.compile, context }
  return evaluateSimulated(measuring, values.simulated as number, annealing(values))
}

const annealing = ({ temperatures, chains, leapfrogSteps }: AisSettings): AisSettings => ({
  temperatures,
  chains,
  leapfrogSteps,
})

function measureFitted(
  run: { config: RunConfig; algorithm: Algorithm },
  { images, about, context }: Measuring,
  { compile, seed }: Values,
) {
  const key = streamKey(seed, 'evaluate')
  const options = { batchSize: EVALUATION_BATCH, mode: compile, key, signal: context.signal }
  return evaluateFitted(run, images, about, options, context)
}

/** What was measured, in words. */
function describeImages({ config }: TrainedRun, { count, name }: Split, { source }: Dataset, all: Split): string {
  const read = binarizes(config)
    ? `${config.binarize} binarization (one fixed sample, seed ${config.seed})`
    : 'grey values in [0, 1]'
  const which = count < all.count ? `the first ${count}` : `${count}`
  return `${which} ${name} images of ${source}, ${read}`
}
