/** A benchmark as text: a table for each model and batch size, the machine, and from which batch size on a GPU is faster. */
import { availableParallelism, cpus } from 'node:os'
import { barLabel } from '../../plots/bar-spec.js'
import { alignRows } from '../aligned-rows.js'
import type { Comparison, Row } from './benchmark-results.js'
import type { GpuAgainstCpu } from './gpu.js'
import type { Probed } from './probed.js'
import type { Spread } from './spread.js'

/** The table of one model at one batch size, at most `columns` wide; failed candidates are listed below it. */
export function describeComparison(
  { model, layers, batchSize, rounds, fastest, rows }: Comparison,
  columns?: number,
): string[] {
  const title = `${model === layers ? model : `${model} (${layers})`}, batch size ${batchSize}`
  const timed = rows.filter(({ msPerStep }) => msPerStep)
  const header = ['', 'ms per step', 'range', 'images/s', `time / ${fastest}`, 'range', 'first step, s', 'peak MB']
  const others = rows.filter(({ msPerStep }) => !msPerStep).map(describeUntimed)
  if (timed.length === 0) return [`${title}: no round was finished`, ...others]
  const counted = `median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`
  return [`${title}: ${counted}`, ...alignRows([header, ...timed.map(cells)], columns), ...others]
}

function cells({ name, msPerStep, imagesPerSecond, timeOverFastest, firstStepSeconds, peakMegabytes }: Row): string[] {
  return [
    name,
    number(msPerStep?.median),
    range(msPerStep),
    number(imagesPerSecond?.median),
    number(timeOverFastest?.median),
    range(timeOverFastest),
    number(firstStepSeconds),
    peakMegabytes === undefined ? '' : String(Math.round(peakMegabytes)),
  ]
}

function describeUntimed({ name, failure, firstStepSeconds }: Row): string {
  const known = firstStepSeconds === undefined ? '' : `; its first step took ${number(firstStepSeconds)} s`
  return failure === undefined ? `${name}: not measured${known}` : `${name}: stopped: ${failure}${known}`
}

const number = (value: number | undefined): string => (value === undefined ? '' : barLabel(value))

const range = (spread: Spread | undefined): string =>
  spread ? `${barLabel(spread.low)} to ${barLabel(spread.high)}` : ''

/** Machine and backends, in one line. */
export function describeMachine(backends: readonly Probed[]): string {
  const versions = backends.flatMap(one => (one.runs ? [`${one.name}: ${one.version}, ${one.device}`] : []))
  return [describeComputer(), `Node ${process.version}`, ...versions].join('; ')
}

export function describeComputer(): string {
  const cores = availableParallelism()
  return `${cpus()[0]?.model.trim() ?? process.arch}, ${cores} ${cores === 1 ? 'core' : 'cores'}`
}

/** From which batch size on a GPU is faster, in one line for a model. */
export function describeGpu({ model, paysFrom, sizes }: GpuAgainstCpu): string {
  const each = sizes
    .map(({ batchSize, gpu, cpu, gpuOverCpu }) => {
      return `${batchSize}: ${number(gpuOverCpu.median)} (${range(gpuOverCpu)}; ${gpu} / ${cpu})`
    })
    .join(', ')
  return `${model}: ${verdict(paysFrom, sizes)}; time on the GPU / time on the CPU by batch size: ${each}`
}

function verdict(paysFrom: number | null, sizes: GpuAgainstCpu['sizes']): string {
  const [smallest, largest] = [sizes[0]?.batchSize, sizes.at(-1)?.batchSize]
  if (sizes.length === 1) return `the GPU is ${paysFrom === null ? 'not faster' : 'faster'} at batch size ${smallest}`
  if (paysFrom === null) return `the GPU is not faster up to batch size ${largest}`
  return `the GPU is faster from batch size ${paysFrom} on${paysFrom === smallest ? ', the smallest measured' : ''}`
}
