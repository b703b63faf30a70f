/** Passes over data as the training loop makes them: all rows in order, in batches of one size, the last one filled up. */
import type { Scan } from '../../src/compile/scan.js'
import { scan } from '../../src/compile/scan.js'
import type { Learner, Schedule } from '../../src/inference/algorithm.js'
import { type HostKey, keyAt, streamKey } from '../../src/random.js'

export interface Rows {
  /** [count, features]. */
  values: Float32Array
  count: number
}

export interface Passes {
  /** Runs one pass: the mean of each output over images, and what `finishPass` returns. */
  run(): Promise<{ steps: Record<string, number>; pass: Record<string, number> }>
  dispose(): void
}

export function passes(
  algorithm: Learner,
  { values, count }: Rows,
  {
    batchSize = count,
    mode = 'off',
    learningRate = 0,
    from = streamKey(1, 'steps'),
  }: { batchSize?: number; mode?: 'off' | 'xla' | 'graph'; learningRate?: number; from?: HostKey } = {},
): Passes {
  const features = values.length / count
  const steps = Math.ceil(count / batchSize)
  const data = new Float32Array(steps * batchSize * features).fill(9) // filler must not count
  data.set(values)
  const numbers = Array.from({ length: steps }, (_, i) => i)
  const schedules = numbers.map(i => {
    const first = i * batchSize
    return { learningRate, beta: 1, first, used: Math.min(batchSize, count - first) }
  })
  const runner: Scan<Schedule> = scan<Schedule>(algorithm.step, { mode })
  let done = 0
  return {
    async run() {
      const keys = numbers.map(() => keyAt(from, done++))
      const outputs = await runner.run({ data, count: steps, shape: [batchSize, features] }, keys, schedules)
      const means = Object.entries(outputs).map(([name, perStep]) => {
        const total = schedules.reduce((sum, { used }, i) => sum + used * (perStep[i] as number), 0)
        return [name, total / count]
      })
      return { steps: Object.fromEntries(means), pass: (await algorithm.finishPass?.()) ?? {} }
    },
    dispose: () => runner.dispose(),
  }
}
