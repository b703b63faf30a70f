/** All settings of a VAE; their defaults, checks and descriptions define the flags, `--help` and config.json. */
import { z } from 'zod'
import { readings } from '../data/binarize.js'
import { baselines } from '../inference/estimators/baselines.js'
import { bounds, estimators } from '../inference/gradient-ascent.js'
import { optimizers } from '../inference/optimizer.js'
import { latentNames } from '../models/latents.js'
import { priorNames } from '../models/learned-priors.js'
import { likelihoods } from '../models/likelihoods.js'
import { activations } from '../models/networks.js'
import { klEstimators } from '../objectives/elbo.js'
import {
  choice,
  type GroupedSettings,
  inGroup,
  positive,
  read,
  setting,
  text,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../settings/setting.js'
import { settingsTable } from '../settings/table.js'
import {
  layers,
  readSettings,
  runSettings,
  seedSetting,
  testSetting,
  validationSetting,
  workersSetting,
} from './run-settings.js'

/** The settings, in the order of config.json. */
export const vaeFlags = {
  ...inGroup('run', { epochs: wholeNumber([1, 1e6], 20, 'passes over the training images', true) }),
  ...inGroup('optimizer', {
    batchSize: wholeNumber([1, 1e6], 64, [
      'images per step',
      'Images per step. Each pass drops its last incomplete batch.',
    ]),
    learningRate: positive(1.5e-3, 'initial learning rate'),
    learningRateDecay: setting(
      z.number().positive().max(1),
      0.87,
      'a number above 0 and at most 1',
      [
        'factor on it after each epoch',
        'Factor on the learning rate after each epoch, or only after the epochs of --learning-rate-milestones.',
      ],
      read.number,
    ),
    learningRateMilestones: setting(
      z.array(z.int().min(1).max(1e6)).min(1).max(1000).nullable(),
      null,
      "whole numbers from 1 to 1000000, separated by commas, such as 30,50,65, or 'off'",
      'epochs after which it decays',
      read.listOrOff,
    ),
  }),
  ...inGroup('model', {
    latentDim: wholeNumber([1, 1e4], 32, [
      'dimensions of z',
      'Dimensions of z; with --upper-latent-dim, of the first latent layer h1.',
    ]),
    upperLatentDim: wholeNumberOrOff([
      'dimensions of a second latent layer',
      'Dimensions of a second latent layer h2 with prior N(0, I). The first layer h1 then has a learned prior p(h1|h2).',
    ]),
    upperHidden: setting(
      z.array(z.int().min(1).max(1e5)).min(1).max(100).nullable(),
      null,
      "whole numbers from 1 to 100000, separated by commas, such as 100,100, or 'off'",
      [
        'hidden units of that layer',
        'Units of the hidden layers of q(h2|h1), listed from h1 to h2; p(h1|h2) mirrors them. off: no hidden layers.',
      ],
      read.listOrOff,
    ),
    filters: setting(
      z.array(z.int().min(1).max(1e4)).min(1).max(16).nullable(),
      null,
      "whole numbers from 1 to 10000, separated by commas, such as 32,64, or 'off'",
      [
        'filters of convolutions',
        "Filters of the encoder's convolutions (4x4, stride 2), listed from the image to z. The decoder mirrors them.",
      ],
      read.listOrOff,
    ),
    residualBlocks: {
      ...wholeNumber([0, 16], 0, [
        'residual blocks after each of them',
        'With --filters: residual blocks of two 3x3 convolutions after each convolution, and before each transposed one.',
      ]),
      added: true,
    },
    hidden: layers(
      [400, 400],
      [
        'hidden units, from image to z',
        "Units of the encoder's hidden layers, listed from the image to z, after its convolutions if it has any. The decoder mirrors them.",
      ],
    ),
    activation: choice(activations, 'elu', ['activation', 'Activation of the hidden layers and convolutions.']),
    outputBias: choice(['mean-image', 'zero'], 'mean-image', [
      'decoder bias at start',
      "Initial value of the decoder's last bias. mean-image: the logit of the mean training image; with --filters, of its mean pixel.",
    ]),
  }),
  ...inGroup('run', {
    seed: seedSetting([
      'seed of everything random',
      'Seed of the initial weights, the noise, the binarization and the order of the images.',
    ]),
    initFrom: text(
      [
        'start from the best weights of this run',
        'Start from the weights in the best snapshot of this run, a VAE in the same folder with the same networks. config.json records it as RUN@STEP.',
      ],
      { placeholder: 'run' },
    ),
  }),
  ...inGroup('model', {
    latents: choice(latentNames, 'gaussian', [
      'distribution of z',
      'Distribution of z. bernoulli: binary z, which needs --estimator score or --objective wake-sleep.',
    ]),
    prior: {
      ...choice(priorNames, 'normal', [
        'p(z)',
        'p(z). normal: N(0, I). mixture: a mixture of diagonal Gaussians, learned with the model. vamp: the VampPrior of Tomczak & Welling 2018, the mean of q(z|u) over learned pseudo-inputs u. Learned priors need one layer of Gaussian z, and --kl monte-carlo with --objective elbo.',
      ]),
      added: true,
    },
    priorComponents: {
      ...wholeNumber([1, 1e5], 500, [
        'Gaussians or pseudo-inputs of it',
        'With --prior mixture: its number of Gaussians. With --prior vamp: its number of pseudo-inputs, each of the size of an image.',
      ]),
      added: true,
    },
    likelihood: choice(likelihoods, 'bernoulli', [
      'p(x|z)',
      'p(x|z). bernoulli: a probability of binary pixels. discretized-logistic: a probability of the levels 0 to 255. The others: a density of values in [0, 1]. All but bernoulli need --binarize none.',
    ]),
    logistics: {
      ...wholeNumber([1, 100], 1, [
        'logistics in the mixture of a pixel',
        'With --likelihood discretized-logistic: components of the mixture of each pixel; with more than one, green depends on red, and blue on both.',
      ]),
      added: true,
    },
    pixelVariance: {
      ...setting(
        z.union([z.number().positive(), z.literal('learned')]).nullable(),
        null,
        "a number above 0, 'learned', or 'off'",
        [
          'gaussian pixel variance, or learned',
          'With --likelihood gaussian: the variance of all pixels. learned: the decoder outputs a variance for each pixel.',
        ],
        text => (text === 'learned' ? text : read.numberOrOff(text)),
      ),
      placeholder: 'n',
      unset: 'off',
    },
    condition: {
      ...choice(['none', 'label'], 'none', [
        'read beside x',
        'label: encoder and decoder also read the class of each image, q(z|x, y) and p(x|z, y), and the bound is one of log p(x|y). The images then need labels.',
      ]),
      added: true,
    },
  }),
  ...inGroup('objective', {
    objective: choice([...bounds, 'wake-sleep'], 'elbo', [
      'what to maximise',
      'What to maximise. iwae: the importance-weighted bound with --samples draws. wake-sleep: the decoder maximises the ELBO, and the encoder learns from images drawn from the model.',
    ]),
    estimator: choice(estimators, 'pathwise', [
      'gradient',
      'Gradient estimator. pathwise: through z. stl (for elbo) and dreg (for iwae): through z without the score of q. score: the score function.',
    ]),
    baseline: choice(baselines, 'running-mean', [
      'baseline of the score function',
      "With --estimator score: the baseline that is subtracted from a draw's learning signal.",
    ]),
    samples: wholeNumber([1, 1e4], 1, 'draws of z per image and step'),
    samplesMilestones: {
      ...setting(
        z
          .array(z.tuple([z.int().min(1).max(1e6), z.int().min(1).max(1e4)]))
          .min(1)
          .max(1000)
          .nullable(),
        null,
        "EPOCH:DRAWS of whole numbers, separated by commas, such as 100:5,150:50, or 'off'",
        [
          'EPOCH:DRAWS, later numbers of draws',
          'EPOCH:DRAWS, separated by commas: after that many epochs, each image has this many draws instead of --samples. With --objective iwae the bound changes with them, and the best snapshot is chosen after the last change.',
        ],
        text => (text === 'off' ? null : text.split(',').map(pair => pair.split(':').map(read.number))),
      ),
      placeholder: 'list',
      unset: 'off',
      added: true,
    },
    freeBits: setting(
      z.number().min(0),
      0,
      'a number of at least 0',
      [
        'KL without penalty per dimension',
        'Free bits: KL below this many nats per latent dimension (batch mean) is not penalised.',
      ],
      read.number,
    ),
    kl: choice(klEstimators, 'analytic', [
      'KL term',
      'KL term. analytic: in closed form. monte-carlo: estimated from the draws of z.',
    ]),
    beta: setting(
      z.number().min(0),
      1,
      'a number of at least 0',
      ['weight of the KL term', 'Weight of the KL term in the objective. Reported ELBOs use weight 1.'],
      read.number,
    ),
    klWarmup: setting(
      z.number().min(0),
      0,
      'a number of at least 0',
      [
        'epochs in which it rises from 0',
        'Epochs over which the weight of the KL term rises linearly from 0 to --beta.',
      ],
      read.number,
    ),
  }),
  ...inGroup('optimizer', {
    optimizer: choice(optimizers, 'adam', ['optimizer', 'Optimizer of tf.train.']),
    epsilon: positive(1e-7, [
      'keeps divisors above 0',
      'Keeps divisors above 0: adam and adamax divide by the root plus this, rmsprop by the root of the mean square plus this.',
    ]),
    beta1: setting(
      z.number().min(0).lt(1),
      0.9,
      'a number from 0 to below 1',
      [
        'first moment decay, or momentum',
        'Decay of the first moment (--optimizer adam, adamax); the momentum of --optimizer momentum.',
      ],
      read.number,
    ),
    beta2: setting(
      z.number().min(0).lt(1),
      0.999,
      'a number from 0 to below 1',
      ['second moment decay', 'Decay of the second moment (--optimizer adam, adamax).'],
      read.number,
    ),
    clipNorm: setting(
      z.number().positive().nullable(),
      null,
      "a number above 0, or 'off'",
      ['largest norm of the gradient', 'Clip the global norm of the gradient at this value.'],
      read.numberOrOff,
    ),
  }),
  ...inGroup('run', {
    patience: wholeNumberOrOff(
      ['stop after n epochs without a gain', 'Stop after this many epochs without a better validation bound.'],
      true,
    ),
  }),
  data: runSettings.data,
  trainImages: runSettings.trainImages,
  validation: validationSetting,
  validationImages: runSettings.validationImages,
  test: testSetting,
  ...readSettings,
  ...inGroup('data', {
    binarize: choice(readings, 'dynamic', [
      'binarization',
      'How levels become binary. dynamic: a new Bernoulli draw at each use. static: a threshold at 0.5. none: not at all, for every --likelihood but bernoulli.',
    ]),
  }),
  backend: runSettings.backend,
  compile: runSettings.compile,
  precision: runSettings.precision,
  threads: runSettings.threads,
  workers: workersSetting,
  imagesEvery: runSettings.imagesEvery,
} as const satisfies GroupedSettings

/** A resolved value for every setting. */
export type VaeConfig = Values<typeof vaeFlags>

export const vaeSettings = settingsTable(vaeFlags)
