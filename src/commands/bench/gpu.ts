/** From which batch size on a GPU is faster: its fastest candidate beats the fastest one on the CPU. */
import type { Comparison, Row } from './benchmark-results.js'
import { ratios, type Spread } from './spread.js'

/** A model on the GPU and on the CPU. */
export interface GpuAgainstCpu {
  model: string
  /** Smallest measured batch size from which on the GPU is always faster; null if it is not faster at the largest. */
  paysFrom: number | null
  /** By batch size, ascending: the fastest candidate of each kind, and the GPU's time over the CPU's, round by round. */
  sizes: { batchSize: number; gpu: string; cpu: string; gpuOverCpu: Spread }[]
}

/** A backend's device begins with 'CPU', or is a GPU. */
const isGpu = ({ device }: Row): boolean => !device?.startsWith('CPU')

/** One entry for each model with times of elbo's own backends on both kinds of device. */
export function gpuAgainstCpu(comparisons: readonly Comparison[]): GpuAgainstCpu[] {
  return [...new Set(comparisons.map(({ model }) => model))].flatMap(model => {
    const sizes = comparisons
      .filter(one => one.model === model)
      .flatMap(atOneSize)
      .sort((a, b) => a.batchSize - b.batchSize)
    if (sizes.length === 0) return []
    const slower = sizes.findLastIndex(({ gpuOverCpu }) => !(gpuOverCpu.median < 1))
    return [{ model, sizes, paysFrom: sizes[slower + 1]?.batchSize ?? null }]
  })
}

function atOneSize({ batchSize, rows }: Comparison): GpuAgainstCpu['sizes'] {
  const timed = rows.filter(({ device, msPerStep }) => device !== undefined && msPerStep)
  const gpu = fastest(timed.filter(isGpu))
  const cpu = fastest(timed.filter(row => !isGpu(row)))
  if (!gpu || !cpu) return []
  return [{ batchSize, gpu: gpu.name, cpu: cpu.name, gpuOverCpu: ratios(gpu.times, cpu.times) }]
}

const fastest = (rows: readonly Row[]): Row | undefined =>
  rows.toSorted((a, b) => (a.msPerStep?.median ?? Number.NaN) - (b.msPerStep?.median ?? Number.NaN))[0]
