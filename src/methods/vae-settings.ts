/** Every setting of a VAE, once: its default, check and description make the flags, `--help` and config.json. */
import { z } from 'zod'
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
  type Settings,
  setting,
  text,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../settings/setting.js'
import { settingsTable } from '../settings/table.js'
import { layers, runSettings, seedSetting } from './run-settings.js'

/** The settings, in the order in which `--help` shows them. */
export const vaeFlags = {
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
  hidden: layers(
    [400, 400],
    "units of the encoder's hidden layers, after its convolutions if it has any; the decoder mirrors them",
  ),
  activation: choice(activations, 'elu', 'of the hidden layers and convolutions'),
  outputBias: choice(
    ['mean-image', 'zero'],
    'mean-image',
    "start of the decoder's last bias: logit of the mean training image (with --filters, of its mean pixel), or 0",
  ),
  seed: seedSetting('decides initial weights, noise, binarization and order'),
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
  data: runSettings.data,
  trainImages: runSettings.trainImages,
  validation: choice(
    validations,
    'last-sixth',
    'training images kept for validation; none: all are learned from, nothing is validated, and the best pass is the last',
  ),
  validationImages: runSettings.validationImages,
  binarize: choice(
    readings,
    'dynamic',
    'grey to binary: a fresh Bernoulli draw at each use, or the threshold 0.5; none: grey values in [0, 1], for a --likelihood that is a density',
  ),
  backend: runSettings.backend,
  compile: runSettings.compile,
  threads: runSettings.threads,
  imagesEvery: runSettings.imagesEvery,
} as const satisfies Settings

/** A resolved value for every setting. */
export type VaeConfig = Values<typeof vaeFlags>

export const vaeSettings = settingsTable(vaeFlags)
