/**
 * The public API of `elbo` as a library.
 *
 * @module elbo
 */
export { type Backend, BackendRefusal, type Opened } from './backends/backend.js'
export { openBackend } from './backends/candidates.js'
export { type BatchedOptions, batched, type Examples } from './compile/batched.js'
export { CompileRefusal } from './compile/refusal.js'
export { type Scan, scan } from './compile/scan.js'
export type { ArrayValues, Choice, Data, Outputs, RunOptions, ScanOptions, Step, TableRows } from './compile/step.js'
export type { Classes, LabelValues } from './data/classes.js'
export { type Dataset, type HeldOut, loadDataset, type Split, type SplitSettings } from './data/dataset.js'
export type { ImageSet, ImageShape, Images, StoredImages } from './data/images.js'
export type { OnReading, ReadingStage } from './data/progress.js'
export type { Labels, ReadOptions, Warning } from './data/sources/reader.js'
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
export { type EmFit, type FileSetting, type FitOptions, type FitSettings, fit, type VaeFit } from './library/fit.js'
export type { ImageArray, ImageValues } from './library/image-values.js'
export { type LoadOptions, load, loadVae } from './library/load.js'
export type { Codes, FittedModel, FittedVae, Labelled, LogProb, OfClass, Seeded } from './library/model.js'
export type { BernoulliMixtureConfig } from './methods/bernoulli-mixture.js'
export type { DecoderConfig } from './methods/decoder.js'
export type { FactorAnalysisConfig } from './methods/factor-analysis.js'
export type { GaussianMixtureConfig } from './methods/gaussian-mixture.js'
export type { RunConfig } from './methods/method.js'
export type { EpochMetrics, Validated } from './methods/metrics.js'
export type { Picture, Pictures } from './methods/pictures.js'
export { resolveConfig } from './methods/vae.js'
export { type PresetName, presets } from './methods/vae-presets.js'
export type { VaeConfig } from './methods/vae-settings.js'
export { givenClass, givenClasses } from './models/conditional.js'
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
export type { SnapshotName } from './runs/directory.js'
export type { Position } from './runs/snapshot.js'
export { train } from './runs/train.js'
export type { TrainingJob, TrainingObserver, TrainingProgress, TrainingResult } from './runs/training.js'
export type { Setting, Values as SettingValues } from './settings/setting.js'
export type { DeepReadonly, ReadonlyList } from './settings/table.js'
