/** The results of a benchmark: milliseconds per step, images per second, ratios to the fastest. */
import type { Mode } from '../../compile/step.js'
import type { Entry, Task } from './benchmark-plan.js'
import type { Measured } from './interleave.js'
import { median, ratios, type Spread, spread } from './spread.js'

/** One candidate's result. In JSON, NaN becomes null and absent fields are left out. */
export interface Row {
  name: string
  group: string
  label: Mode | string
  /** Device of elbo's own backends. */
  device?: string
  /** Milliseconds per step of each round. */
  times: number[]
  msPerStep?: Spread
  imagesPerSecond?: Spread
  /** Its time over that of the fastest, round by round. */
  timeOverFastest?: Spread
  /** Time of the first step, with recording and compilation, after the backend is open and the model created. */
  firstStepSeconds?: number
  peakMegabytes?: number
  /** Why there are no times. */
  failure?: string
}

/** One model at one batch size. */
export interface Comparison {
  model: string
  layers: string
  batchSize: number
  /** Number of rounds that all candidates finished. */
  rounds: number
  /** Name of the fastest row. */
  fastest?: string
  rows: Row[]
}

export function compare({ model, batchSize }: Task, measured: readonly Measured<Entry>[]): Comparison {
  const timed = measured.filter(({ failure, times }) => failure === undefined && times.length > 0)
  const fastest = timed.toSorted((a, b) => median(a.times) - median(b.times))[0]
  return {
    model: model.name,
    layers: model.layers,
    batchSize,
    rounds: fastest?.times.length ?? 0,
    ...(fastest && { fastest: fastest.candidate.name }),
    rows: measured.map(one => row(one, batchSize, timed.includes(one) ? fastest?.times : undefined)),
  }
}

/** `fastest`: the times of the fastest candidate; undefined if this one was not timed. */
function row(
  { candidate, times, firstCallMs, peakMegabytes, failure }: Measured<Entry>,
  batchSize: number,
  fastest: readonly number[] | undefined,
): Row {
  const { name, group, label, device } = candidate
  return {
    name,
    group,
    label,
    ...(device !== undefined && { device }),
    times,
    ...(fastest && {
      msPerStep: spread(times),
      imagesPerSecond: spread(times.map(ms => (batchSize * 1000) / ms)),
      timeOverFastest: ratios(times, fastest),
    }),
    ...(firstCallMs > 0 && { firstStepSeconds: firstCallMs / 1000 }),
    ...(peakMegabytes > 0 && { peakMegabytes }),
    ...(failure !== undefined && { failure }),
  }
}
