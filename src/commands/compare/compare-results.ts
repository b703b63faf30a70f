/** What a comparison found: one row for each run, one line for each method. */

import type { EpochMetrics, Validated } from '../../methods/metrics.js'
import { type Estimate, estimateMean } from '../../numeric/means.js'
import type { PlannedRun } from './compare-plan.js'
import type { LogPx, MeasuredRun } from './measure.js'
import { labelOf } from './variants.js'

/** A point of a learning curve. */
export interface CurvePoint {
  imagesSeen: number
  /** Wall time of learning: without validation, pictures and saving. */
  seconds: number
  /** On the validation images, in nats per image. */
  bound: number
}

export interface RunResult {
  run: string
  /** As `--methods` says it. */
  label: string
  method: string
  size: number
  /** Null stands for all. */
  trainImages: number | null
  /** Null where the method has none. */
  learningRate: number | null
  seed: number
  /** Every step size that the method's was chosen from, with its highest validation bound; empty where nothing was chosen. */
  tried: readonly TriedRate[]
  parameters: number
  passes: number
  imagesSeen: number
  seconds: number
  /** The pass whose snapshot is measured: of the highest validation bound. */
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

/** The curve of a run: after each pass. */
export function learningCurve(
  history: readonly ValidatedMetrics[],
  batchSize: number,
  trainImages: number,
): CurvePoint[] {
  let [seconds, before] = [0, 0]
  return history.map(({ epoch, step, imagesPerSecond, validationElbo }) => {
    seconds += ((step - before) * batchSize) / imagesPerSecond
    before = step
    // A pass leaves out what fills no batch, or fills the last batch up with what does not count.
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
      standardError: best.validationElboError,
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
  /** The pass that was measured, of each seed. */
  bestPasses: number[]
  /** Mean over seeds. */
  seconds: number
  /** Over seeds; of one seed, over images. */
  validationBound: Estimate
  testBound: Estimate
  testLogPx: Estimate
}

/** Methods in the order of their first row. */
export function byMethod(rows: readonly RunResult[]): MethodResult[] {
  return [...new Set(rows.map(({ label }) => label))].map(label => {
    const own = rows.filter(row => row.label === label)
    const [first] = own as [RunResult]
    return {
      label,
      method: first.method,
      seeds: own.map(({ seed }) => seed),
      parameters: first.parameters,
      passes: first.passes,
      bestPasses: own.map(({ bestPass }) => bestPass),
      seconds: estimateMean(own.map(({ seconds }) => seconds)).mean,
      validationBound: overSeeds(own.map(({ validationBound }) => validationBound)),
      testBound: overSeeds(own.map(({ testBound }) => testBound)),
      testLogPx: overSeeds(own.map(({ testLogPx }) => testLogPx)),
    }
  })
}

/** The mean over seeds with its error; one seed has only its error over images. */
function overSeeds(estimates: readonly Estimate[]): Estimate {
  const [first] = estimates as [Estimate]
  if (estimates.length > 1) return estimateMean(estimates.map(({ mean }) => mean))
  return { mean: first.mean, standardError: first.standardError, count: 1 }
}
