/** The results of a comparison: one row per run, one line per method. */

import type { EpochMetrics, Validated } from '../../methods/metrics.js'
import { type Estimate, estimateMean } from '../../numeric/means.js'
import type { PlannedRun } from './compare-plan.js'
import type { LogPx, MeasuredRun } from './measure.js'
import { labelOf } from './variants.js'

/** A point of a learning curve. */
export interface CurvePoint {
  imagesSeen: number
  /** Wall time of the training steps, without validation, pictures and saving. */
  seconds: number
  /** Validation bound, in nats per image. */
  bound: number
}

export interface RunResult {
  run: string
  /** As written in `--methods`. */
  label: string
  method: string
  size: number
  /** Null: all. */
  trainImages: number | null
  /** Null if the method has none. */
  learningRate: number | null
  seed: number
  /** Every learning rate that was tried, with its highest validation bound; empty if there was only one. */
  tried: readonly TriedRate[]
  parameters: number
  passes: number
  imagesSeen: number
  seconds: number
  /** The pass with the highest validation bound, whose snapshot is measured. */
  bestPass: number
  validationBound: Estimate
  testBound: Estimate
  testLogPx: LogPx
  curve: CurvePoint[]
}

/** Runs of a comparison are always validated. */
export type ValidatedMetrics = EpochMetrics & Validated

export interface TriedRate {
  learningRate: number
  bound: number
}

/** The learning curve of a run: one point after each pass. */
export function learningCurve(
  history: readonly ValidatedMetrics[],
  batchSize: number,
  trainImages: number,
): CurvePoint[] {
  let [seconds, before] = [0, 0]
  return history.map(({ epoch, step, imagesPerSecond, validationElbo }) => {
    seconds += ((step - before) * batchSize) / imagesPerSecond
    before = step
    // A pass drops its last incomplete batch, or pads it with images that do not count.
    return { imagesSeen: Math.min(step * batchSize, epoch * trainImages), seconds, bound: validationElbo }
  })
}

/** The row of a finished run. */
export function runResult(
  { name, variant, learningRate, seed }: PlannedRun,
  tried: readonly TriedRate[],
  { history, best }: { history: readonly ValidatedMetrics[]; best: ValidatedMetrics },
  curve: CurvePoint[],
  parameters: number,
  measured: MeasuredRun,
): RunResult {
  const last = curve.at(-1) as CurvePoint
  return {
    run: name,
    label: labelOf(variant),
    ...variant,
    learningRate,
    seed,
    tried,
    parameters,
    passes: history.length,
    imagesSeen: last.imagesSeen,
    seconds: last.seconds,
    bestPass: best.epoch,
    validationBound: {
      mean: best.validationElbo,
      standardError: best.validationElboError ?? Number.NaN,
      count: best.validationImages,
    },
    testBound: measured.bound,
    testLogPx: measured.logPx,
    curve,
  }
}

/** A method over its seeds. */
export interface MethodResult {
  label: string
  method: string
  seeds: number[]
  parameters: number
  passes: number
  /** The measured pass of each seed. */
  bestPasses: number[]
  /** Mean over seeds. */
  seconds: number
  /** Mean and error over seeds; for a single seed, over images. */
  validationBound: Estimate
  testBound: Estimate
  testLogPx: Estimate
}

/** Methods in the order of their first row. */
export function byMethod(rows: readonly RunResult[]): MethodResult[] {
  return [...new Set(rows.map(({ label }) => label))].map(label => {
    const sameLabel = rows.filter(row => row.label === label)
    const [first] = sameLabel as [RunResult]
    return {
      label,
      method: first.method,
      seeds: sameLabel.map(({ seed }) => seed),
      parameters: first.parameters,
      passes: first.passes,
      bestPasses: sameLabel.map(({ bestPass }) => bestPass),
      seconds: estimateMean(sameLabel.map(({ seconds }) => seconds)).mean,
      validationBound: overSeeds(sameLabel.map(({ validationBound }) => validationBound)),
      testBound: overSeeds(sameLabel.map(({ testBound }) => testBound)),
      testLogPx: overSeeds(sameLabel.map(({ testLogPx }) => testLogPx)),
    }
  })
}

/** The mean over seeds with its error; a single seed keeps its error over images. */
function overSeeds(estimates: readonly Estimate[]): Estimate {
  const [first] = estimates as [Estimate]
  if (estimates.length > 1) return estimateMean(estimates.map(({ mean }) => mean))
  return { mean: first.mean, standardError: first.standardError, count: 1 }
}
