/** The public API of `elbo` as a library. */
export { type Backend, BackendRefusal, type Opened } from './backends/backend.js'
export { openBackend } from './backends/candidates.js'
export { type BatchedOptions, batched, type Examples } from './compile/batched.js'
export { CompileRefusal } from './compile/refusal.js'
export { type Scan, scan } from './compile/scan.js'
export type { ArrayValues, Choice, Data, Outputs, RunOptions, ScanOptions, Step } from './compile/step.js'
export { type Dataset, loadDataset, type Split } from './data/dataset.js'
export type { ImageShape, Images } from './data/images.js'
export * as bernoulli from './distributions/bernoulli.js'
export * as gaussian from './distributions/normal.js'
export { type Evaluation, evaluateVae } from './evaluation/evaluate-vae.js'
export { importanceSample } from './evaluation/importance.js'
export { type GapOptions, type Gaps, measureGaps } from './evaluation/inference-gaps.js'
export type { Algorithm, BoundedAlgorithm, Schedule } from './inference/algorithm.js'
export { gradientAscent } from './inference/gradient-ascent.js'
export { type MixtureEmOptions, mixtureEm } from './inference/mixtures/em.js'
export { bayesianMixture, gaussianHyperparameters } from './inference/mixtures/mean-field.js'
export { type StartOptions, startMixture } from './inference/mixtures/starts.js'
export { createOptimizer, type Optimizer } from './inference/optimizer.js'
export { wakeSleep } from './inference/wake-sleep.js'
export { type EmFit, type FitOptions, fit, type VaeFit } from './library/fit.js'
export type { ImageArray, ImageValues } from './library/image-values.js'
export { type LoadOptions, load, loadVae } from './library/load.js'
export type { Codes, FittedModel, FittedVae, LogProb, Seeded } from './library/model.js'
export { resolveConfig } from './methods/vae.js'
export type { VaeConfig } from './methods/vae-settings.js'
export {
  type BernoulliMixture,
  type BernoulliMixtureOptions,
  type BernoulliPrior,
  createBernoulliMixture,
} from './models/mixtures/bernoulli.js'
export {
  createGaussianMixture,
  type GaussianMixture,
  type GaussianMixtureOptions,
  type GaussianPrior,
} from './models/mixtures/gaussian.js'
export { type Mixture, sample as sampleMixture } from './models/mixtures/mixture.js'
export type { VaeShape } from './models/networks.js'
export { createVae, decode, encode, initialize, type Vae } from './models/vae.js'
export { elbo } from './objectives/elbo.js'
export { dropout, type HostKey, type Key, keyAt, normal, split, streamKey, uniform } from './random.js'
export { train } from './runs/train.js'
export { loadTrainedVae, type TrainedVae } from './runs/trained-run.js'
export type { TrainingJob, TrainingObserver, TrainingResult } from './runs/training.js'
