/** Passes over a small data set as the training loop makes them: all images in order, in batches of one size, the last one filled up. */
import * as tf from '@tensorflow/tfjs'
import { type Scan, scan } from '../../src/compile/scan.js'
import type { Algorithm, Schedule } from '../../src/inference/algorithm.js'
import { type HostKey, keyAt } from '../../src/random.js'

const FILLER = 9 // must not count

export interface Rows {
  /** [rows, pixels]. */
  x: Float32Array
  pixels: number
}

interface PassOptions {
  batchSize: number
  mode: 'off' | 'auto' | 'xla' | 'graph'
  learningRate: number
  /** Step i has its i-th key. */
  from: HostKey
}

/** What a pass gives: the mean of each output over images, and what `finishPass` returns. */
interface Pass {
  means: Record<string, number>
  end: Record<string, number>
}

export const root: HostKey = [3, 5]

/** Passes one after another. */
export function passes(
  algorithm: Algorithm,
  { x, pixels }: Rows,
  { batchSize = x.length / pixels, mode = 'off', learningRate = 0, from = root }: Partial<PassOptions> = {},
): { run(): Promise<Pass>; dispose(): void } {
  const count = x.length / pixels
  const steps = Math.ceil(count / batchSize)
  const data = new Float32Array(steps * batchSize * pixels).fill(FILLER)
  data.set(x)
  const schedules = Array.from({ length: steps }, (_, i) => {
    const first = i * batchSize
    return { learningRate, beta: 1, first, used: Math.min(batchSize, count - first) }
  })
  const runner: Scan<Schedule> = scan<Schedule>(algorithm.step, { mode })
  let done = 0
  return {
    async run() {
      const keys = schedules.map(() => keyAt(from, done++))
      const outputs = await runner.run(
        { data, shape: [steps, batchSize, pixels], dtype: 'float32' },
        { keys, schedules },
      )
      const means = Object.entries(outputs).map(([name, perStep]) => {
        const total = schedules.reduce((sum, { used }, i) => sum + used * (perStep[i] as number), 0)
        return [name, total / count]
      })
      return { means: Object.fromEntries(means), end: (await algorithm.finishPass?.()) ?? {} }
    },
    dispose: () => runner.dispose(),
  }
}

/** One pass. */
export async function pass(
  algorithm: Algorithm,
  rows: Rows,
  batchSize: number,
  options: Partial<PassOptions> = {},
): Promise<Pass> {
  const { run, dispose } = passes(algorithm, rows, { ...options, batchSize })
  const result = await run()
  dispose()
  return result
}

/** The tensor [rows, pixels]. */
export function rowTensor({ x, pixels }: Rows): tf.Tensor2D {
  return tf.tensor2d(x, [x.length / pixels, pixels])
}
