/** `elbo evaluate RUN`: ELBO and log p(x) in nats per image, with their errors. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeFileAtomic } from '../checkpoints/files.js'
import { encodeSafetensors, type StoredTensor } from '../checkpoints/safetensors.js'
import { modes } from '../compile/scan.js'
import { type Dataset, type Split, splitNames } from '../data/dataset.js'
import { evaluateVae } from '../evaluation/evaluate.js'
import { EVALUATION_BATCH } from '../evaluation/over-images.js'
import { streamKey } from '../random.js'
import { asVae, binarizes, type TrainedRun } from '../session.js'
import { choice, kebabCase, text, UsageError, wholeNumber } from '../settings.js'
import { aisSettings, evaluateDecoder } from './annealed.js'
import { command } from './command.js'
import { describeError, describeEstimate } from './estimates.js'
import { evaluateFitted } from './fitted.js'
import { evaluateGaps, gapSettings } from './gaps.js'
import {
  describeChoice,
  evaluatedSplit,
  openRun,
  requireGaussian,
  runImages,
  runOptions,
  splitOf,
} from './opened-run.js'
import { progressBar } from './progress-bar.js'

export const evaluate = command({
  name: 'evaluate',
  summary: 'measures ELBO and log p(x), exactly or by sampling, and active units',
  argument: 'run',
  options: {
    samples: wholeNumber([1, 1e5], 500, 'draws of z per image'),
    method: choice(['importance'], 'importance', 'how log p(x) is estimated'),
    split: choice(splitNames, 'test', 'which images'),
    seed: wholeNumber([0, 2 ** 32], 1, 'decides the draws of z; the binary sample of the images is fixed by the run'),
    data: text('other images than those of the run'),
    compile: choice(modes, 'auto', 'how the work runs, as in train'),
    save: text('safetensors file for the binary images x and the values of every image'),
    ...gapSettings,
    ...aisSettings,
    ...runOptions,
  },
  switches: {
    gaps: 'instead: how much of log p(x) - ELBO is due to the encoder, how much to q(z) being a diagonal Gaussian',
  },
  finishesOnInterrupt: true,
  examples: [
    'evaluate first',
    'evaluate first --samples 5000',
    'evaluate first --split validation --json',
    'evaluate first --gaps --gap-images 500',
    'evaluate decoder --ais-images 500 --ais-chains 20',
  ],
  async run({ argument, values, given, switches }, context) {
    if (values.save !== null && !existsSync(dirname(values.save))) {
      throw new UsageError(`--save ${values.save}: its folder does not exist`)
    }
    const { trained: run } = await openRun(argument, values, context)
    const data = runImages(run, values.data)
    const { seed, split, snapshot } = values
    const { binarize, seed: binarizationSeed } = run.config
    const about = { run: argument, snapshot, split, data: data.source, binarize, binarizationSeed, seed }
    const images = evaluatedSplit(run, splitOf(data, split))
    const trained = asVae(run)
    refuseUnused(given, switches.gaps === true, run)
    if (!trained) {
      const { algorithm } = run.session
      const options = { mode: values.compile, key: streamKey(seed, 'evaluate'), signal: context.signal }
      const { json, ...result } =
        'annealer' in algorithm
          ? await evaluateDecoder({ run, algorithm }, data, data[split], { ...values, ...options }, context)
          : await evaluateFitted(
              { config: run.config, algorithm },
              images,
              describeImages(run, images, data),
              { ...options, batchSize: EVALUATION_BATCH },
              context,
            )
      return { ...result, json: { ...about, ...json } }
    }
    if (switches.gaps) {
      requireGaussian(trained, '--gaps')
      const options = {
        samples: values.samples,
        steps: values.gapSteps,
        gapImages: values.gapImages,
        batchSize: EVALUATION_BATCH,
        mode: values.compile,
        key: streamKey(seed, 'gaps'),
      }
      const { json, ...result } = await evaluateGaps({ trained }, data, splitOf(data, split), options, context)
      return { ...result, json: { ...about, ...json } }
    }
    const bar = progressBar('images', context)
    const result = await evaluateVae(trained.vae, images, values.samples, {
      batchSize: EVALUATION_BATCH,
      mode: values.compile,
      key: streamKey(values.seed, 'evaluate'),
      onProgress: done => bar.update(done, images.count, `${values.samples} samples per image`),
      signal: context.signal,
    }).finally(() => bar.stop())
    if (!result) {
      context.note('interrupted before the last image: no estimate')
      return { json: { run: argument, interrupted: true }, interrupted: true }
    }
    const { perImage, compile, ...summary } = result
    context.note(describeChoice(compile))
    const line = (...estimate: Parameters<typeof describeEstimate>) => context.print(describeEstimate(...estimate))
    context.print(`${describeImages(run, images, data)}, ${values.samples} samples of z each`)
    line('ELBO', result.elbo)
    line('reconstruction', result.reconstruction)
    line('KL', result.kl)
    line('log p(x)', result.logPx, `, of which sampling z: ± ${describeError(result.logPxMonteCarloError, 4)}`)
    context.print(`${'active units'.padEnd(16)}${result.activeUnits} of ${result.latentDim}`)
    context.print('±: one standard error of the mean over images')
    if (values.save !== null) {
      const row = (of: Float32Array) => ({ shape: [of.length], data: of })
      const x = inUnits(images.pixels, binarizes(run.config))
      const tensors = new Map<string, StoredTensor>([
        ['x', { shape: [images.count, data.rows, data.columns], data: x }],
        ['elbo', row(perImage.elbo)],
        ['log_px', row(perImage.logPx)],
        ['log_px_standard_error', row(perImage.standardError)],
      ])
      writeFileAtomic(
        values.save,
        encodeSafetensors({ tensors, metadata: { run: argument, samples: String(values.samples) } }),
      )
      context.note(`binary images and values per image: ${values.save}`)
    }
    return { json: { ...about, ...summary } }
  },
})

/** Levels 0 … 255 as what the model reads: bytes 0 and 1, or grey values in [0, 1]. */
const inUnits = (levels: Uint8Array, binary: boolean): Uint8Array | Float32Array =>
  binary ? levels.map(level => level / 255) : Float32Array.from(levels, level => level / 255)

/** What was measured, in words. */
function describeImages({ config }: TrainedRun, { count, name }: Split, { source }: Dataset): string {
  const read = binarizes(config)
    ? `${config.binarize} binarization (one fixed sample, seed ${config.seed})`
    : 'grey values in [0, 1]'
  return `${count} ${name} images of ${source}, ${read}`
}

/** Options that mean something to one kind of evaluation only; a kind refuses those of the others. */
const kinds = {
  importance: { options: ['samples', 'method', 'save'], what: 'without --gaps' },
  gaps: { options: ['samples', ...Object.keys(gapSettings)], what: 'with --gaps' },
  annealed: { options: Object.keys(aisSettings), what: 'for a decoder without an encoder' },
  fitted: { options: [], what: 'for a mixture or a factor analysis' },
} as const satisfies Record<string, { options: readonly string[]; what: string }>

function refuseUnused(given: object, gaps: boolean, run: TrainedRun): void {
  const vae = asVae(run) !== undefined
  if (gaps && !vae) throw new UsageError(`--gaps: means nothing for a run of \`elbo em\`; leave it out`)
  const kind = vae ? (gaps ? 'gaps' : 'importance') : 'annealer' in run.session.algorithm ? 'annealed' : 'fitted'
  const own: readonly string[] = kinds[kind].options
  const special = new Set<string>(Object.values(kinds).flatMap(({ options }) => options))
  const unused = Object.keys(given).find(name => special.has(name) && !own.includes(name))
  if (unused) throw new UsageError(`--${kebabCase(unused)}: means nothing ${kinds[kind].what}; leave it out`)
}
