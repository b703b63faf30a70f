/**
 * Many steps in one call, after `jax.lax.scan`: the one seam through which everything runs over batches. This is the
 * eager implementation, a loop that any backend can run.
 */
import * as tf from '@tensorflow/tfjs'
import type { Key } from '../random.js'

/** `count` batches of one shape, end to end: `data` holds [count, ...shape]. */
export interface Batches {
  data: Uint8Array | Float32Array
  count: number
  /** The shape of one batch, [batch, ...]. */
  shape: readonly number[]
}

/**
 * One step: may read and assign variables, and returns named tensors of fixed shapes. `batch` [batch, ...] is float32
 * whatever the data's type; `schedule` holds the numbers that change from step to step.
 */
export type Step<S> = (batch: tf.Tensor, key: Key, schedule: S) => Record<string, tf.Tensor>

/** The outputs of all steps end to end: [count, ...output shape] each. */
export type Outputs = Record<string, Float32Array>

export interface Scan<S> {
  /** How many steps make about half a second: what a caller that wants to stay responsive puts into one call. */
  readonly chunkSteps: number
  /** Runs a step per batch, in order. `keys` and `schedules` have one entry per batch. */
  run(batches: Batches, keys: readonly Key[], schedules: readonly S[]): Promise<Outputs>
}

/** Time after which a caller should hear from a running scan. */
const CHUNK_MS = 500
const MOST_STEPS = 200

/** Runs `step` one batch at a time on the current TF.js backend; frees everything that it makes. */
export function scan<S>(step: Step<S>): Scan<S> {
  let chunkSteps = 1
  return {
    get chunkSteps() {
      return chunkSteps
    },
    async run(batches, keys, schedules) {
      const started = performance.now()
      const perStep: Outputs[] = []
      for (let i = 0; i < batches.count; i++) {
        perStep.push(await runOne(step, batches, i, keys[i] as Key, schedules[i] as S))
        await tf.nextFrame() // lets signals, timers and progress bars through
      }
      const stepMs = (performance.now() - started) / batches.count
      chunkSteps = Math.min(Math.max(Math.round(CHUNK_MS / stepMs), 1), MOST_STEPS)
      return concatenate(perStep)
    },
  }
}

async function runOne<S>(step: Step<S>, { data, shape }: Batches, i: number, key: Key, schedule: S): Promise<Outputs> {
  const size = tf.util.sizeFromShape([...shape])
  const outputs = tf.tidy(() => {
    const batch = tf.tensor(Float32Array.from(data.subarray(i * size, (i + 1) * size)), [...shape])
    return step(batch, key, schedule)
  })
  const names = Object.keys(outputs)
  const values = await Promise.all(names.map(name => (outputs[name] as tf.Tensor).data<'float32'>()))
  tf.dispose(outputs)
  return Object.fromEntries(names.map((name, n) => [name, values[n] as Float32Array]))
}

function concatenate(perStep: Outputs[]): Outputs {
  const names = Object.keys(perStep[0] ?? {})
  return Object.fromEntries(
    names.map(name => {
      const parts = perStep.map(outputs => outputs[name] as Float32Array)
      const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0))
      let offset = 0
      for (const part of parts) {
        whole.set(part, offset)
        offset += part.length
      }
      return [name, whole]
    }),
  )
}
