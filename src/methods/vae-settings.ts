/** All settings of a VAE; their defaults, checks and descriptions define the flags, `--help` and config.json. */
import { z } from 'zod'
import { readings } from '../data/binarize.js'
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
  type Settings,
  setting,
  text,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../settings/setting.js'
import { settingsTable } from '../settings/table.js'
import { layers, runSettings, seedSetting, validationSetting } from './run-settings.js'

/** The settings, in the order in which `--help` shows them. */
export const vaeFlags = {
  epochs: wholeNumber([1, 1e6], 20, 'total number of passes over the training images', true),
  batchSize: wholeNumber([1, 1e6], 64, 'images per step; each pass drops its last incomplete batch'),
  learningRate: positive(1.5e-3, 'initial learning rate of the optimizer'),
  learningRateDecay: setting(
    z.number().positive().max(1),
    0.87,
    'a number above 0 and at most 1',
    'factor on the learning rate after each epoch, or only after the epochs of --learning-rate-milestones',
    read.number,
  ),
  learningRateMilestones: setting(
    z.array(z.int().min(1).max(1e6)).min(1).max(1000).nullable(),
    null,
    "whole numbers from 1 to 1000000, separated by commas, such as 30,50,65, or 'off'",
    'epochs after which the learning rate decays, instead of after every epoch',
    read.listOrOff,
  ),
  latentDim: wholeNumber([1, 1e4], 32, 'dimensions of z; with --upper-latent-dim, of the first latent layer h1'),
  upperLatentDim: wholeNumberOrOff(
    'dimensions of a second latent layer h2 with prior N(0, I); the first then has a learned prior p(h1|h2)',
  ),
  upperHidden: setting(
    z.array(z.int().min(1).max(1e5)).min(1).max(100).nullable(),
    null,
    "whole numbers from 1 to 100000, separated by commas, such as 100,100, or 'off'",
    'units of the hidden layers of q(h2|h1), listed from h1 to h2; p(h1|h2) mirrors them; off: no hidden layers',
    read.listOrOff,
  ),
  filters: setting(
    z.array(z.int().min(1).max(1e4)).min(1).max(16).nullable(),
    null,
    "whole numbers from 1 to 10000, separated by commas, such as 32,64, or 'off'",
    "filters of the encoder's convolutions (4x4, stride 2), listed from the image to z; the decoder mirrors them",
    read.listOrOff,
  ),
  residualBlocks: {
    ...wholeNumber([0, 16], 0, 'with --filters: residual blocks of two 3x3 convolutions after each of them'),
    added: true,
  },
  hidden: layers(
    [400, 400],
    "units of the encoder's hidden layers, after its convolutions if it has any; the decoder mirrors them",
  ),
  activation: choice(activations, 'elu', 'activation of the hidden layers and convolutions'),
  outputBias: choice(
    ['mean-image', 'zero'],
    'mean-image',
    "initial value of the decoder's last bias: the logit of the mean training image (with --filters, of its mean pixel), or 0",
  ),
  seed: seedSetting('seed of the initial weights, the noise, the binarization and the order of the images'),
  initFrom: text(
    'start from the weights in the best snapshot of this run, a VAE in the same folder with the same networks; config.json records it as RUN@STEP',
  ),
  latents: choice(
    latentNames,
    'gaussian',
    'distribution of z: Gaussian, or binary (needs --estimator score or --objective wake-sleep)',
  ),
  likelihood: choice(
    likelihoods,
    'bernoulli',
    'p(x|z): a probability of binary pixels (bernoulli) or of levels (discretized-logistic), or a density of grey ones (the others); all but bernoulli need --binarize none',
  ),
  pixelVariance: setting(
    z.union([z.number().positive(), z.literal('learned')]).nullable(),
    null,
    "a number above 0, 'learned', or 'off'",
    'with --likelihood gaussian: the variance of all pixels, or learned: the decoder outputs one for each pixel',
    text => (text === 'learned' ? text : read.numberOrOff(text)),
  ),
  logistics: {
    ...wholeNumber([1, 100], 1, 'with --likelihood discretized-logistic: components of the mixture of each pixel'),
    added: true,
  },
  objective: choice(
    [...bounds, 'wake-sleep'],
    'elbo',
    'what to maximise: the ELBO, or the importance-weighted bound with --samples draws; wake-sleep: the decoder maximises the ELBO, the encoder learns from images drawn from the model',
  ),
  estimator: choice(
    estimators,
    'pathwise',
    'gradient estimator: through z (pathwise), through z without the score of q (stl for elbo, dreg for iwae), or the score function (score)',
  ),
  baseline: choice(
    baselines,
    'running-mean',
    "with --estimator score: the baseline subtracted from a draw's learning signal",
  ),
  samples: wholeNumber([1, 1e4], 1, 'draws of z per image and step'),
  freeBits: setting(
    z.number().min(0),
    0,
    'a number of at least 0',
    'free bits: KL below this many nats per latent dimension (batch mean) is not penalised',
    read.number,
  ),
  kl: choice(klEstimators, 'analytic', 'KL term: in closed form, or estimated from the draws of z'),
  beta: setting(
    z.number().min(0),
    1,
    'a number of at least 0',
    'weight of the KL term in the objective; reported ELBOs use weight 1',
    read.number,
  ),
  klWarmup: setting(
    z.number().min(0),
    0,
    'a number of at least 0',
    'epochs over which the weight of the KL term rises linearly from 0',
    read.number,
  ),
  optimizer: choice(optimizers, 'adam', 'optimizer of tf.train'),
  epsilon: positive(
    1e-7,
    'keeps divisors above 0: adam and adamax divide by the root plus this, rmsprop by the root of the mean square plus this',
  ),
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
    'clip the global norm of the gradient at this value',
    read.numberOrOff,
  ),
  patience: wholeNumberOrOff('stop after this many epochs without a better validation bound', true),
  data: runSettings.data,
  trainImages: runSettings.trainImages,
  validation: validationSetting,
  validationImages: runSettings.validationImages,
  binarize: choice(
    readings,
    'dynamic',
    'how grey pixels become binary: a new Bernoulli draw at each use (dynamic), or a threshold at 0.5 (static); none: grey values in [0, 1], for a --likelihood that is a density',
  ),
  backend: runSettings.backend,
  compile: runSettings.compile,
  threads: runSettings.threads,
  imagesEvery: runSettings.imagesEvery,
} as const satisfies Settings

/** A resolved value for every setting. */
export type VaeConfig = Values<typeof vaeFlags>

export const vaeSettings = settingsTable(vaeFlags)
