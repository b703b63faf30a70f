/** Every setting of a training run, once: its default, check and description make the flags, `--help` and config.json. */
import { z } from 'zod'
import { backendNames } from '../backends/candidates.js'
import { modes } from '../compile/scan.js'
import { readings } from '../data/binarize.js'
import { validations } from '../data/dataset.js'
import { baselines } from '../inference/estimators/baselines.js'
import { bounds, estimators } from '../inference/gradient-ascent.js'
import { optimizers } from '../inference/optimizer.js'
import { latentNames } from '../models/latents.js'
import { likelihoods } from '../models/likelihoods.js'
import { activations } from '../models/networks.js'
import { klEstimators } from '../objectives/elbo.js'
import {
  choice,
  positive,
  read,
  type Setting,
  setting,
  text,
  threads,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../settings/setting.js'
import { type DeepReadonly, settingsTable } from '../settings/table.js'
import { requireMeaning } from './config-rules.js'

/** The settings, in the order in which `--help` shows them. */
export const settings = {
  epochs: wholeNumber([1, 1e6], 20, 'passes over the training images, in all', true),
  batchSize: wholeNumber(
    [1, 1e6],
    64,
    'images per step; the rest of a pass that fills no batch is left out of that pass',
  ),
  learningRate: positive(1.5e-3, 'step size of the optimizer at the start'),
  learningRateDecay: setting(
    z.number().positive().max(1),
    0.87,
    'a number above 0 and at most 1',
    'factor on the learning rate after each epoch, or only after those of --learning-rate-milestones',
    read.number,
  ),
  learningRateMilestones: setting(
    z.array(z.int().min(1).max(1e6)).min(1).max(1000).nullable(),
    null,
    "whole numbers from 1 to 1000000, separated by commas, such as 30,50,65, or 'off'",
    'finished epochs after which the learning rate falls, instead of after each',
    read.listOrOff,
  ),
  latentDim: wholeNumber([1, 1e4], 32, 'dimensions of z; of its lower layer, where there is an upper one'),
  upperLatentDim: wholeNumberOrOff(
    'dimensions of an upper layer of z, whose prior is N(0, I): the lower one then has a learned prior p(h1|h2)',
  ),
  upperHidden: setting(
    z.array(z.int().min(1).max(1e5)).min(1).max(100).nullable(),
    null,
    "whole numbers from 1 to 100000, separated by commas, such as 100,100, or 'off'",
    'units of the hidden layers from the lower to the upper layer of z; those of p(h1|h2) mirror them; off: none',
    read.listOrOff,
  ),
  filters: setting(
    z.array(z.int().min(1).max(1e4)).min(1).max(16).nullable(),
    null,
    "whole numbers from 1 to 10000, separated by commas, such as 32,64, or 'off'",
    "filters of the encoder's convolutions (4x4, stride 2), from the image inwards; the decoder mirrors them",
    read.listOrOff,
  ),
  hidden: setting(
    z.array(z.int().min(1).max(1e5)).min(1).max(100),
    [400, 400],
    'whole numbers from 1 to 100000, separated by commas, such as 200,200',
    "units of the encoder's hidden layers, behind its convolutions if it has any; the decoder mirrors them",
    read.list,
  ),
  activation: choice(activations, 'elu', 'of the hidden layers and convolutions'),
  outputBias: choice(
    ['mean-image', 'zero'],
    'mean-image',
    "start of the decoder's last bias: logit of the mean training image (with --filters, of its mean pixel), or 0",
  ),
  seed: setting(
    z.int().min(0).max(Number.MAX_SAFE_INTEGER),
    1,
    'a whole number from 0 to 2^53 - 1',
    'decides initial weights, noise, binarization and order',
    read.number,
  ),
  initFrom: text(
    'run whose weights (of its best snapshot) this one begins with, instead of random ones: another VAE in the same folder with the same networks; config.json says RUN@STEP',
  ),
  latents: choice(latentNames, 'gaussian', 'what z is: Gaussian, or binary (which only --estimator score can train)'),
  likelihood: choice(
    likelihoods,
    'bernoulli',
    'p(x|z): a probability of binary pixels, or a density of grey ones (with --binarize none)',
  ),
  pixelVariance: setting(
    z.union([z.number().positive(), z.literal('learned')]).nullable(),
    null,
    "a number above 0, 'learned', or 'off'",
    'of --likelihood gaussian: one for all pixels, or learned: of each pixel, by the decoder',
    text => (text === 'learned' ? text : read.numberOrOff(text)),
  ),
  objective: choice(
    [...bounds, 'wake-sleep'],
    'elbo',
    'what is maximised: the ELBO or the importance-weighted bound of --samples draws, by both networks; or the ELBO by the decoder alone while the encoder learns from dreams',
  ),
  estimator: choice(
    estimators,
    'pathwise',
    'how the gradient is estimated: through z; without the score of q (stl for elbo, dreg for iwae); or by the score function alone',
  ),
  baseline: choice(baselines, 'running-mean', "of --estimator score: what is subtracted from a draw's signal"),
  samples: wholeNumber([1, 1e4], 1, 'draws of z per image and step'),
  freeBits: setting(
    z.number().min(0),
    0,
    'a number of at least 0',
    'nats per latent dimension, in the mean over a batch, that the KL term does not charge for',
    read.number,
  ),
  kl: choice(klEstimators, 'analytic', 'the KL term: closed form, or sampled'),
  beta: setting(
    z.number().min(0),
    1,
    'a number of at least 0',
    'weight of the KL term in the objective; reported ELBOs have 1',
    read.number,
  ),
  klWarmup: setting(
    z.number().min(0),
    0,
    'a number of at least 0',
    'epochs over which the weight of the KL term rises linearly from 0',
    read.number,
  ),
  optimizer: choice(optimizers, 'adam', 'a tf.train optimizer'),
  epsilon: positive(1e-7, 'added to the denominator of adam, adamax and rmsprop'),
  beta1: setting(
    z.number().min(0).lt(1),
    0.9,
    'a number from 0 to below 1',
    'decay of the first moment (adam, adamax), momentum (momentum)',
    read.number,
  ),
  beta2: setting(
    z.number().min(0).lt(1),
    0.999,
    'a number from 0 to below 1',
    'decay of the second moment (adam, adamax)',
    read.number,
  ),
  clipNorm: setting(
    z.number().positive().nullable(),
    null,
    "a number above 0, or 'off'",
    'largest global norm of the gradient',
    read.numberOrOff,
  ),
  patience: wholeNumberOrOff('stop after so many epochs without a better validation ELBO', true),
  data: setting(
    z.string().min(1),
    'mnist',
    "'mnist', a folder of IDX files, or TRAIN,TEST",
    "images: 'mnist', a folder of IDX files named like MNIST's, or two IDX files TRAIN,TEST",
    read.text,
    true,
  ),
  trainImages: wholeNumberOrOff('learn from the first so many training images only; off means all'),
  validation: choice(
    validations,
    'last-sixth',
    'training images kept for validation; none: all are learned from, nothing is validated, and the best pass is the last',
  ),
  validationImages: wholeNumberOrOff('measure the first so many validation images only; off means all'),
  binarize: choice(
    readings,
    'dynamic',
    'grey to binary: a fresh Bernoulli draw at each use, or the threshold 0.5; none: grey values in [0, 1], for a --likelihood that is a density',
  ),
  backend: choice(backendNames, 'auto', 'what computes; auto takes the fastest that runs here', true),
  compile: choice(
    modes,
    'auto',
    'how steps run: as one TensorFlow function (xla, graph), one TF.js operation at a time (off), or as is fastest',
    true,
  ),
  threads: threads(true),
  imagesEvery: wholeNumber([1, 1e6], 5, 'epochs between pictures of samples and reconstructions', true),
} as const satisfies Record<string, Setting<never> | Setting<unknown>>

type Settings = typeof settings

/** A resolved value for every setting. */
export type Config = Values<Settings>

const PUBLISHED =
  'two hidden layers of 200 tanh units, 50 latent dimensions, all training images, 1,000 epochs in batches of 100, a learning rate ' +
  'that falls six times by 10^(1/3)'

/** The published network on a shorter schedule: the paper's is 3,280 epochs in batches of 20. */
const published = {
  hidden: [200, 200],
  latentDim: 50,
  activation: 'tanh',
  epochs: 1000,
  batchSize: 100,
  learningRate: 1e-3,
  learningRateDecay: 0.46416,
  learningRateMilestones: [300, 500, 650, 800, 900, 950],
  epsilon: 1e-4,
  validation: 'none',
  imagesEvery: 100,
} as const

/** Its second architecture, on the same schedule. */
const twoLayers = { ...published, latentDim: 100, upperLatentDim: 50, upperHidden: [100, 100] } as const

/** Named starting points; flags and `--config` change them. */
export const presets = {
  default: { description: 'two hidden layers of 400 ELU units, 32 latent dimensions', config: {} },
  small: {
    description: 'one hidden layer of 400 ReLU units, 20 latent dimensions, batches of 128: the usual first VAE',
    config: {
      hidden: [400],
      latentDim: 20,
      activation: 'relu',
      batchSize: 128,
      learningRate: 1e-3,
      learningRateDecay: 0.9,
    },
  },
  'latent-2d': { description: 'two latent dimensions, for `manifold`', config: { latentDim: 2 } },
  conv: {
    description:
      'convolutions with 32 and 64 filters, a hidden layer of 256 ELU units, 32 latent dimensions, batches of 128',
    config: {
      filters: [32, 64],
      hidden: [256],
      batchSize: 128,
    },
  },
  burda2015: {
    description: `the one-layer VAE of Burda et al. 2015: ${PUBLISHED}`,
    config: published,
  },
  'burda2015-2l': {
    description:
      'the two-layer VAE of Burda et al. 2015, on the same schedule: 100 latent dimensions, above them two hidden layers of 100 units and 50 latent dimensions',
    config: { ...twoLayers, kl: 'monte-carlo' },
  },
  'iwae-5-2l': {
    description: 'those two layers by the importance-weighted bound of 5 draws',
    config: { ...twoLayers, objective: 'iwae', samples: 5 },
  },
  'iwae-5': {
    description: 'the one-layer network by the importance-weighted bound of 5 draws',
    config: { ...published, objective: 'iwae', samples: 5 },
  },
  'dreg-5': {
    description: 'the same with doubly reparameterized gradients (Tucker et al. 2018)',
    config: { ...published, objective: 'iwae', estimator: 'dreg', samples: 5 },
  },
  'iwae-50': {
    description: 'the one-layer network by the importance-weighted bound of 50 draws',
    config: { ...published, objective: 'iwae', samples: 50 },
  },
  'dreg-50': {
    description: 'the same with doubly reparameterized gradients',
    config: { ...published, objective: 'iwae', estimator: 'dreg', samples: 50 },
  },
} as const satisfies Record<string, { description: string; config: DeepReadonly<Partial<Config>> }>

export type PresetName = keyof typeof presets

export const vaeSettings = settingsTable(settings)

/** Fills in defaults: later sources win. Throws a `UsageError` for settings that do not go together. */
export function resolveConfig(...sources: DeepReadonly<Partial<Config>>[]): Config {
  const config = vaeSettings.resolve(...sources)
  requireMeaning(config, vaeSettings.resolve())
  return config
}
