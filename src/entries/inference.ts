/**
 * `elbo/inference`: learning algorithms, estimators of gradients, EM, Markov chain samplers and annealing.
 *
 * @module elbo/inference
 */
export type { Reading } from '../data/binarize.js'
export { type GibbsSweep, gibbsSweep } from '../distributions/gibbs-sweep.js'
export type { Algorithm, BoundedAlgorithm, PassParts, Schedule } from '../inference/algorithm.js'
export { type MonteCarloEmOptions, monteCarloEm } from '../inference/decoder/monte-carlo-em.js'
export type { Ascent } from '../inference/estimators/ascent.js'
export { type Baseline, createBaseline, type Signal } from '../inference/estimators/baselines.js'
export { doublyReparameterized, stickingTheLanding } from '../inference/estimators/path-derivative.js'
export { type PathwiseOptions, pathwiseElbo, pathwiseIwae } from '../inference/estimators/pathwise.js'
export { scoreElbo, scoreIwae } from '../inference/estimators/score-function.js'
export { exactFactorAnalysis, type FactorAnalysisOptions } from '../inference/factor-analysis/em.js'
export { type MonteCarloFactorOptions, monteCarloFactorAnalysis } from '../inference/factor-analysis/monte-carlo.js'
export { gradientAscent, type TrainingOptions, type VaeTrainingOptions } from '../inference/gradient-ascent.js'
export type { BernoulliHyperparameters } from '../inference/mixtures/bernoulli-posterior.js'
export { type MixtureEmOptions, mixtureEm } from '../inference/mixtures/em.js'
export type { GaussianHyperparameters } from '../inference/mixtures/gaussian-posterior.js'
export {
  type BayesianBernoulliOptions,
  type BayesianGaussianOptions,
  bayesianMixture,
  gaussianHyperparameters,
} from '../inference/mixtures/mean-field.js'
export { type StartOptions, startMixture } from '../inference/mixtures/starts.js'
export type { MixtureAlgorithm, MixtureData, MixtureStatistics, Update } from '../inference/mixtures/steps.js'
export { createOptimizer, type Optimizer, type OptimizerOptions } from '../inference/optimizer.js'
export { wakeSleep } from '../inference/wake-sleep.js'
export type { CompensatedSums } from '../numeric/compensated-sums.js'
export {
  type Annealer,
  type AnnealingBound,
  type AnnealingEffort,
  type AnnealingEstimate,
  type AnnealingOptions,
  type AnnealingRun,
  annealer,
} from '../sampling/anneal-images.js'
export type { BatchLikelihood, ChainMoves } from '../sampling/annealed-chains.js'
export {
  type AisOptions,
  type AisState,
  aisStart,
  aisStep,
  type LogLikelihood,
  temperatures,
} from '../sampling/annealing.js'
export { type Chains, effectiveSampleSize, splitRHat } from '../sampling/diagnostics.js'
export { gibbsStep } from '../sampling/gibbs.js'
export { type HmcOptions, type HmcState, hmcState, hmcStep } from '../sampling/hmc.js'
export type { ChainOptions } from '../sampling/image-chains.js'
export { type KernelOptions, type Run, sample as sampleChains } from '../sampling/kernel.js'
export { metropolisState, metropolisStep } from '../sampling/metropolis.js'
export { type AdaptiveStepSize, adaptiveStepSize } from '../sampling/step-size.js'
export type { ChainState, LogDensity, Transition } from '../sampling/target.js'
