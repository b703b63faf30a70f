/**
 * `elbo/models`: networks, mixtures, factor analysis, and the distributions that they are made of.
 *
 * @module elbo/models
 */

export type { GivenShape, ImageShape, Images } from '../data/images.js'
export * as bernoulli from '../distributions/bernoulli.js'
export * as continuousBernoulli from '../distributions/continuous-bernoulli.js'
export type { Components as PriorComponents } from '../distributions/gaussian-mixture.js'
export * as gaussian from '../distributions/normal.js'
export { givenClass, givenClasses } from '../models/conditional.js'
export {
  exactBound as factorBound,
  logProb as factorLogProb,
  posteriorMean as factorPosteriorMean,
  sample as sampleFactors,
  samplePosterior as sampleFactorPosterior,
} from '../models/factor-analysis/densities.js'
export {
  createFactorAnalysis,
  type FactorAnalysis,
  type FactorParameters,
  initializeFactorAnalysis,
  readParameters as readFactorParameters,
  type Start as FactorStart,
  setParameters as setFactorParameters,
} from '../models/factor-analysis/model.js'
export type { Draws, LatentName, Latents, Posterior, Prior } from '../models/latents.js'
export type { PriorName } from '../models/learned-priors.js'
export type { Head, Likelihood, PixelDistribution } from '../models/likelihood.js'
export type { LikelihoodName, LikelihoodOptions, PixelVariance } from '../models/likelihoods.js'
export {
  type BernoulliMixture,
  type BernoulliMixtureOptions,
  type BernoulliParameters,
  type BernoulliPrior,
  createBernoulliMixture,
} from '../models/mixtures/bernoulli.js'
export {
  createGaussianMixture,
  type GaussianMixture,
  type GaussianMixtureOptions,
  type GaussianParameters,
  type GaussianPrior,
} from '../models/mixtures/gaussian.js'
export type {
  FlooredCovariance,
  GaussianMoments,
  GaussianStatistics,
  GaussianStructure,
  Precision,
  QuadraticForms,
  Values as MixtureValues,
  Variables as MixtureVariables,
} from '../models/mixtures/gaussian-structure.js'
export {
  type ComponentPosterior,
  logProb as mixtureLogProb,
  type Mixture,
  type Moments,
  posterior as mixturePosterior,
  sample as sampleMixture,
} from '../models/mixtures/mixture.js'
export type { VaeShape } from '../models/networks.js'
export {
  createDecoder,
  createVae,
  type Decoder,
  decode,
  encode,
  initialize,
  initializeDecoder,
  samplePrior,
  type Vae,
  type VaeOptions,
} from '../models/vae.js'
export { type Elbo, type ElboOptions, elbo } from '../objectives/elbo.js'
export { type ImportanceWeighted, importanceWeighted } from '../objectives/importance-weighted.js'
