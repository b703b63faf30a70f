/** The types of compiled steps: a step, its batches, its outputs, and the modes in which it can run. */
import type * as tf from '#tfjs'
import type { HostKey, Key } from '../random.js'

/** `count` batches of one shape, end to end: `data` holds [count, ...shape]. */
export interface Batches {
  data: Uint8Array | Float32Array
  count: number
  /** The shape of one batch, [batch, ...]. */
  shape: readonly number[]
}

/** The numbers of one step, by name. */
export type Numbers = Readonly<Record<string, number>>

/**
 * One step: may read and assign variables, and returns named tensors of fixed shapes. `batch` [batch, ...] is float32
 * whatever the data's type; `schedule` holds the numbers that change from step to step.
 */
export type Step<S> = (batch: tf.Tensor, key: Key, schedule: S) => Record<string, tf.Tensor>

/** The outputs of all steps end to end: [count, ...output shape] each. */
export type Outputs = Record<string, Float32Array>

/** How TensorFlow runs a function: compiled by XLA into one piece of machine code, or node by node. */
export type NativeMode = 'xla' | 'graph'

/** How steps run: `off` is one TF.js operation after the other. */
export type Mode = 'off' | NativeMode

/** Modes that can be requested. `auto` is `xla` or `graph` by a rule (run/choose.ts); on backends that cannot compile it is `off`. */
export const modes = ['auto', 'xla', 'graph', 'off'] as const

/** How steps run, and the reason, for display. */
export interface Choice<M extends Mode = Mode> {
  readonly mode: M
  readonly reason: string
}

export interface ScanOptions {
  /** Left out, it is `auto`. */
  readonly mode?: (typeof modes)[number] | undefined
  /** Why this mode was chosen, for display; ignored with `auto`. */
  readonly reason?: string
}

/** Runs the steps of one call. */
export interface StepRunner<S> {
  readonly choice: Choice | undefined
  /** The largest number of steps in one call to TensorFlow. */
  readonly mostSteps: number
  run(
    batches: Batches,
    keys: readonly HostKey[],
    schedules: readonly S[],
  ): Promise<{ outputs: Outputs; stepMs: number }>
  dispose(): void
}

/** Joins the outputs of consecutive runs. */
export function concatenate(runs: readonly Outputs[]): Outputs {
  const names = Object.keys(runs[0] ?? {})
  return Object.fromEntries(
    names.map(name => {
      const parts = runs.map(outputs => outputs[name] as Float32Array)
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

/** Splits the outputs of `steps` steps into those of each step. */
export function eachStep(outputs: Outputs, steps: number): Outputs[] {
  const part = (values: Float32Array, step: number) =>
    values.subarray((step * values.length) / steps, ((step + 1) * values.length) / steps)
  return Array.from({ length: steps }, (_, step) =>
    Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, part(values, step)])),
  )
}
