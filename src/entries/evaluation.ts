/**
 * `elbo/evaluation`: estimates of log p(x) and what limits them, in nats per image with standard errors.
 *
 * @module elbo/evaluation
 */
export { type AnnealedEvaluation, type AnnealedWork, evaluateAnnealed } from '../evaluation/annealed.js'
export { bitsPerDimension } from '../evaluation/bits.js'
export { type BoundEstimate, type Bounds, boundsInOneStep, evaluateBound } from '../evaluation/bound.js'
export type { Encoding } from '../evaluation/codes.js'
export { type EffectiveSamples, summarizeEffectiveSamples } from '../evaluation/effective-samples.js'
export { type Evaluation, type EvaluationOptions, evaluateVae } from '../evaluation/evaluate-vae.js'
export {
  type EstimateName,
  type EstimateOptions,
  type GradientEstimate,
  type MeasuredEstimate,
  type MeasuredPart,
  measureEstimates,
} from '../evaluation/gradient-estimates.js'
export type { Part } from '../evaluation/gradient-moments.js'
export type { Agreement, GradientNoise, Jackknifed } from '../evaluation/gradient-noise.js'
export type { Integrals } from '../evaluation/grid-sums.js'
export { type ImportanceEstimate, importanceSample } from '../evaluation/importance.js'
export {
  type GapOptions,
  type Gaps,
  measureGaps,
  type Proposal,
  type SampledLogPx,
} from '../evaluation/inference-gaps.js'
export type { OverImagesOptions } from '../evaluation/over-images.js'
export { type Accuracy, type LabelledCodes, type Probes, probe } from '../evaluation/probes.js'
export { type Quadrature, type QuadratureOptions, quadrature } from '../evaluation/quadrature.js'
export { annealSimulated, type Sandwich } from '../evaluation/simulated.js'
export { type Estimate, estimateMean } from '../numeric/means.js'
