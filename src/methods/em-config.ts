/** Every setting of `elbo em`, once. */
import { z } from 'zod'
import { modes } from '../compile/step.js'
import { activations } from '../models/networks.js'
import { choice, positive, read, type Setting, setting, wholeNumber } from '../settings/setting.js'
import { settingsTable } from '../settings/table.js'
import { settings } from './config.js'

export const emModels = ['bernoulli-mixture', 'gaussian-mixture', 'factor-analysis', 'ppca', 'vae'] as const
export const emMethods = ['exact', 'monte-carlo', 'mean-field'] as const

/** The settings, in the order in which `--help` shows them. */
export const emSettings = {
  method: choice(
    emMethods,
    'exact',
    'the E step: the posterior itself, draws from it, or a factorized q over latents and parameters',
  ),
  epochs: wholeNumber([1, 1e6], 50, 'passes over the training images, at most; each ends in an M step', true),
  tolerance: setting(
    z.number().positive().nullable(),
    1e-3,
    "a number above 0, or 'off'",
    'converged when a pass gains less, nats per image; monte-carlo makes all its passes',
    read.numberOrOff,
    true,
  ),
  components: wholeNumber([1, 1e5], 10, 'mixtures: components'),
  covariance: choice(['spherical', 'diagonal', 'full'], 'diagonal', 'gaussian-mixture: shape of the covariances'),
  latentDim: wholeNumber([1, 1e4], 10, 'factor-analysis, ppca, vae: dimensions of z'),
  pca: setting(
    z.int().min(1).max(1e4).nullable(),
    null,
    "a whole number from 1 to 10000, or 'off'",
    'Gaussian models: read so many principal components of the grey images instead of their pixels',
    read.numberOrOff,
  ),
  prior: setting(
    z.number().min(1),
    1,
    'a number of at least 1',
    'exact, monte-carlo: symmetric prior, Dirichlet(A) on weights and Beta(A, A) on pixels; 1 is flat (maximum likelihood)',
    read.number,
  ),
  concentration: setting(
    z.number().positive().nullable(),
    null,
    "a number above 0, or 'off'",
    'mean-field: Dirichlet prior on the weights; off means 1 / components',
    read.numberOrOff,
  ),
  hidden: setting(
    z.array(z.int().min(1).max(1e5)).min(1).max(100),
    [400],
    'whole numbers from 1 to 100000, separated by commas, such as 200,200',
    'vae: units of the hidden layers, from the image inwards',
    read.list,
  ),
  activation: choice(activations, 'relu', 'vae: of the hidden layers'),
  learningRate: positive(1e-3, "vae: step size of Adam in the decoder's M step"),
  varianceFloor: positive(1e-6, 'Gaussian models: added to each variance (mixtures), or the least noise variance'),
  start: choice(['k-means++', 'random'], 'k-means++', 'mixtures: how the first components are found'),
  restarts: wholeNumber([1, 1000], 1, 'mixtures: so many starts are tried for a few passes, and the best goes on'),
  samples: wholeNumber([1, 1e4], 1, 'monte-carlo: draws of z per image, chain and pass; 1 is stochastic EM'),
  sampler: choice(
    ['direct', 'gibbs', 'metropolis', 'hmc'],
    'direct',
    'monte-carlo: how z is drawn (mixtures: direct; factor-analysis, ppca: all; vae: metropolis, hmc)',
  ),
  chains: wholeNumber(
    [1, 1000],
    2,
    'monte-carlo, but for mixtures: chains of each image, which go on from pass to pass',
  ),
  discard: wholeNumber(
    [0, 1e4],
    0,
    'monte-carlo factor-analysis, ppca: first draws of each chain and pass that do not count',
  ),
  leapfrogSteps: wholeNumber([1, 1000], 10, 'hmc: leapfrog steps of a transition'),
  stepSize: positive(0.1, 'metropolis, hmc: step size at the start'),
  targetAcceptance: setting(
    z.number().gt(0).lt(1).nullable(),
    null,
    "a number between 0 and 1, or 'off'",
    'metropolis, hmc: acceptance that the step size is adapted to; off means 0.4 for metropolis, 0.9 for hmc',
    read.numberOrOff,
  ),
  adaptPasses: wholeNumber([0, 1e6], 10, 'metropolis, hmc: passes in which the step size is adapted'),
  updates: wholeNumber([1, 1000], 5, 'vae: Adam steps of the decoder on the draws of each batch'),
  seed: setting(
    z.int().min(0).max(Number.MAX_SAFE_INTEGER),
    1,
    'a whole number from 0 to 2^53 - 1',
    'decides the start, the draws and the binary sample of the images',
    read.number,
  ),
  batchSize: wholeNumber([1, 1e6], 1000, 'images per step; every image is used in each pass'),
  data: settings.data,
  trainImages: settings.trainImages,
  validationImages: settings.validationImages,
  binarize: choice(
    ['dynamic', 'static'],
    'dynamic',
    'models of binary images: one Bernoulli draw of each image for the whole run, or the threshold 0.5',
  ),
  backend: settings.backend,
  compile: choice(modes, 'auto', 'how steps run, as in train', true),
  threads: settings.threads,
  imagesEvery: settings.imagesEvery,
} as const satisfies Record<string, Setting<never> | Setting<unknown>>

/** How log p(x) of `vae` is found when a run is measured; not part of a run. */
export const annealingSettings = {
  aisChains: wholeNumber(
    [2, 1000],
    10,
    'annealed importance sampling (models without an encoder): chains per image',
    true,
  ),
  aisTemperatures: wholeNumber(
    [2, 1e5],
    200,
    'annealed importance sampling: steps from the prior to the posterior',
    true,
  ),
} as const

/** What config.json of an EM run holds: the model beside its settings. */
export const emTable = settingsTable({
  model: choice(emModels, 'bernoulli-mixture', 'what is fitted'),
  ...emSettings,
})

/** A resolved value for every setting. */
export type EmConfig = ReturnType<typeof emTable.resolve>
