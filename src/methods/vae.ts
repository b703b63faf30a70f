/** `elbo train`: a VAE, whose networks learn by gradient ascent on the ELBO or on IWAE_k, or by wake-sleep. */
import * as tf from '#tfjs'
import type { Split } from '../data/dataset.js'
import { gatherImages, imageShape, imageSize, startingMean } from '../data/images.js'
import { unitValues } from '../data/levels.js'
import { boundsInOneStep } from '../evaluation/bound.js'
import { vaeCodes } from '../evaluation/codes.js'
import { describeCollapse } from '../evaluation/collapse.js'
import type { BoundedAlgorithm } from '../inference/algorithm.js'
import { gradientAscent } from '../inference/gradient-ascent.js'
import { slotsPerWeight } from '../inference/optimizer.js'
import { wakeSleep } from '../inference/wake-sleep.js'
import { countVaeWeights, createVae, initialize, type Vae } from '../models/vae.js'
import { permutation, streamKey } from '../random.js'
import type { DeepReadonly } from '../settings/table.js'
import type { Contestant } from './contestant.js'
import { defineMethod, resolveRun, type TrainingShape } from './method.js'
import { vaePictures } from './pictures.js'
import { vaeConflicts } from './vae-conflicts.js'
import { type VaeConfig, vaeFlags, vaeSettings } from './vae-settings.js'

/** Its entry in `compare` with one objective. */
const contestant = (objective: 'elbo' | 'wake-sleep'): Contestant<VaeConfig> => ({
  sizes: 'latentDim',
  steps: true,
  config: (latentDim, { hidden, activation, batchSize, learningRate, learningRateDecay }) =>
    resolveConfig({ objective, latentDim, hidden, activation, batchSize, learningRate, learningRateDecay }),
})

export const vae = defineMethod<VaeConfig>({
  name: 'vae',
  command: 'train',
  summary: 'trains a VAE, and writes its run directory',
  examples: [
    'train',
    'train --run first --epochs 2',
    'train --run first --resume --epochs 40',
    'train --run plane --preset latent-2d',
    'train --run convolutional --preset conv',
    'train --run fashion --data path/to/fashion-mnist',
    'train --run dreams --objective wake-sleep',
    'train --run tighter --init-from first --objective iwae --samples 50',
  ],
  flags: vaeFlags,
  settings: vaeSettings,
  conflicts: vaeConflicts,
  traits: config => ({
    reads: config.binarize,
    bound: { name: boundName(config), exact: false },
    model: describeNetworks(config),
    prior: describePrior(config),
    passes: 'shuffled',
    conditional: config.condition === 'label',
  }),
  rates(config, step, stepsPerPass) {
    const epoch = Math.floor(step / stepsPerPass)
    const warmupSteps = config.klWarmup * stepsPerPass
    return {
      learningRate: config.learningRate * config.learningRateDecay ** decays(config, epoch),
      beta: config.beta * (warmupSteps > 0 ? Math.min(1, step / warmupSteps) : 1),
    }
  },
  finished: ({ patience }, { epoch, bestEpoch }) =>
    patience !== null && epoch - bestEpoch >= patience ? 'early' : undefined,
  cautions: config => [...warmupCautions(config), ...betaCautions(config), ...drawsCautions(config)],
  priorCaution: ({ beta }) =>
    beta === 0
      ? 'warning: with --beta 0 nothing brought the codes near the prior, so draws from it are not like codes and these images mean nothing; ' +
        'use `elbo reconstruct` or `elbo interpolate`, or train with --beta above 0'
      : undefined,
  choosesBest: (config, epoch) => epoch >= config.klWarmup && epoch > lastChange(config),
  describeEnd(config, { ended, bestEpoch, history }) {
    const early =
      ended === 'early' ? [`stopped early: no better validation ${boundName(config)} since epoch ${bestEpoch}`] : []
    return [...early, ...describeCollapse(history.at(-1)?.kl)].join('; ') || undefined
  },
  memory(config, shape) {
    const { objective, optimizer, hidden, batchSize } = config
    const samples = Math.max(config.samples, ...laterDraws(config).map(([, draws]) => draws))
    const drawsFlag = samples > config.samples ? '--samples-milestones' : '--samples'
    const weights = countVaeWeights({ ...config, ...networkShape(config, shape) })
    // Wake and sleep phase have the gradients of one side each.
    const copies = 1 + slotsPerWeight(optimizer) + (objective === 'wake-sleep' ? 0 : 1)
    const widest = Math.max(...hidden, imageSize(imageShape(shape)))
    const what = `${weights.toLocaleString('en')} weights with their gradients and the state of ${optimizer}`
    return [
      { what, values: copies * weights, settings: '--hidden' },
      {
        what: 'the largest layer for all images of a batch',
        values: Math.min(batchSize, shape.images) * samples * widest,
        settings: samples > 1 ? `--batch-size or ${drawsFlag}` : '--batch-size',
      },
      ...(config.prior === 'vamp'
        ? [
            {
              what: 'the largest layer for all pseudo-inputs',
              values: config.priorComponents * widest,
              settings: '--prior-components',
            },
          ]
        : []),
    ]
  },
  create(config, shape) {
    const networks = createVae({ ...config, ...networkShape(config, shape) })
    let epoch = 0
    const draws = () => drawsIn(config, epoch)
    const algorithm = algorithmOf(networks, config, draws)
    return {
      ...algorithm,
      variables: new Map(algorithm.variables),
      algorithm: config.objective === 'elbo' ? 'vae' : config.objective,
      parameters: [...algorithm.models.values()].reduce((sum, model) => sum + model.countParams(), 0),
      vae: networks,
      pictures: vaePictures(networks),
      codes: vaeCodes(networks),
      bounds: options => boundsInOneStep(algorithm.bound, options),
      ...(laterDraws(config).length > 0 && {
        form: () => `${draws()} draws`,
        startPass(ended: number) {
          epoch = ended
        },
      }),
      async initialize(data) {
        const bias = config.outputBias === 'mean-image' ? startingMean(data.train) : undefined
        const pseudoInputs = config.prior === 'vamp' ? chosenImages(data.train, config) : undefined
        initialize(networks, streamKey(config.seed, 'weights'), bias, pseudoInputs)
        pseudoInputs?.dispose()
      },
      dispose() {
        algorithm.dispose()
        networks.dispose()
      },
    }
  },
  contestants: { vae: contestant('elbo'), 'wake-sleep': contestant('wake-sleep') },
})

/**
 * The settings of a new VAE run: the defaults, overridden by `sources`, of which later ones win. Throws a `UsageError` if settings conflict.
 *
 * @example
 * const config = resolveConfig({ latentDim: 2, epochs: 5 })
 * console.log(config.latentDim, config.hidden, config.optimizer) // 2 [ 400, 400 ] adam
 */
export const resolveConfig = (...sources: DeepReadonly<Partial<VaeConfig>>[]): VaeConfig => resolveRun(vae, ...sources)

/** What the networks need to know of the images. */
function networkShape({ condition }: VaeConfig, shape: TrainingShape) {
  if (condition !== 'label') return imageShape(shape)
  if (!shape.classes) throw new Error('--condition label: the snapshot does not say which classes there are')
  return { ...imageShape(shape), classes: shape.classes.names.length }
}

/** `draws` is asked whenever a step or a bound is recorded, as `samples` of the options: a copy of them would fix it. */
function algorithmOf(networks: Vae, config: VaeConfig, draws: () => number): BoundedAlgorithm {
  const { objective } = config
  const given = { ...config, clipNorm: config.clipNorm ?? undefined }
  const asked = { get: draws, enumerable: true }
  if (objective === 'wake-sleep') return wakeSleep(networks, Object.defineProperty({ ...given }, 'samples', asked))
  const options = Object.defineProperty({ ...given, objective }, 'samples', asked)
  return gradientAscent(networks, options, streamKey(config.seed, 'baseline'))
}

const laterDraws = ({ samplesMilestones }: VaeConfig) => samplesMilestones ?? []

/** The draws of z per image in the pass after `epoch` passes. */
const drawsIn = (config: VaeConfig, epoch: number): number =>
  laterDraws(config).findLast(([ended]) => ended <= epoch)?.[1] ?? config.samples

/** The number of passes before the last change of the bound. */
const lastChange = (config: VaeConfig): number =>
  config.objective === 'iwae' ? (laterDraws(config).at(-1)?.[0] ?? 0) : 0

function drawsCautions(config: VaeConfig): string[] {
  const { epochs, objective, samples } = config
  const reached = laterDraws(config).filter(([ended]) => ended < epochs)
  const unreached = laterDraws(config)[reached.length]
  const ks = [samples, ...reached.map(([, draws]) => draws)].map(draws => `IWAE_${draws}`)
  return [
    ...(objective === 'iwae' && reached.length > 0
      ? [
          `--samples-milestones: the bound is ${ks.join(', then ')}, each higher for the same model; ` +
            (unreached
              ? 'the latest snapshot is taken as the best'
              : `the best snapshot is chosen after epoch ${lastChange(config)}`),
        ]
      : []),
    ...(unreached
      ? [
          `--samples-milestones ${unreached.join(':')}: the run ends with epoch ${epochs}, so there are never ${unreached[1]} draws; add --epochs ${unreached[0] + 1} or more`,
        ]
      : []),
  ]
}

const warmupCautions = ({ klWarmup, epochs }: VaeConfig): string[] =>
  klWarmup > epochs
    ? [
        `--kl-warmup ${klWarmup}: the run ends after ${epochs} epochs, at ${(epochs / klWarmup).toPrecision(2)} of the weight --beta of the KL term; ` +
          'the bound cannot choose the best snapshot before the warm-up ends, so the latest one is taken',
      ]
    : []

const betaCautions = ({ beta }: VaeConfig): string[] =>
  beta === 1
    ? []
    : [
        `--beta ${beta}: validation measures the ELBO, with the KL term at weight 1, and chooses the best snapshot by it; ` +
          'for the last one use --snapshot latest',
      ]

const boundName = ({ objective, samples, samplesMilestones: later, condition }: VaeConfig): string =>
  `${objective === 'iwae' ? `IWAE_${samples}${later ? `…${later.at(-1)?.[1]}` : ''}` : 'ELBO'}${condition === 'label' ? ' of log p(x|y)' : ''}`

/** Number of decays of the learning rate before an epoch. */
const decays = ({ learningRateMilestones: milestones }: VaeConfig, epoch: number): number =>
  milestones?.filter(finished => finished <= epoch).length ?? epoch

function describeNetworks(config: VaeConfig): string {
  const { filters, hidden, latentDim, upperHidden, upperLatentDim, activation, prior, priorComponents } = config
  const convolutions = filters ? `conv${filters.join('-')}-` : ''
  const upper = upperLatentDim === null ? '' : `, then ${[...(upperHidden ?? []), upperLatentDim].join('-')},`
  const priors = prior === undefined || prior === 'normal' ? '' : ` ${prior}-${priorComponents}`
  const given = config.condition === 'label' ? ' given the label' : ''
  return `vae ${convolutions}${[...hidden, latentDim].join('-')}${upper} ${activation}${priors}${given}`
}

/** As many training images as there are pseudo-inputs, chosen by the seed, [images, values of an image] in [0, 1]. */
function chosenImages(train: Split, { priorComponents, seed }: VaeConfig): tf.Tensor2D {
  const chosen = permutation(streamKey(seed, 'pseudo-inputs'), train.count).subarray(0, priorComponents)
  const { pixels, count } = gatherImages(train, chosen)
  return tf.tensor2d(unitValues(pixels), [count, pixels.length / count])
}

function describePrior({ upperLatentDim, latents, prior, priorComponents }: VaeConfig): string {
  if (upperLatentDim !== null) return 'p(h2) p(h1|h2)'
  if (prior === 'mixture') return `a mixture of ${priorComponents} Gaussians`
  if (prior === 'vamp') return `a VampPrior of ${priorComponents} pseudo-inputs`
  return latents === 'bernoulli' ? 'Bernoulli(1/2)' : 'N(0, I)'
}
