/**
 * Many steps in one call, after `jax.lax.scan`: the one seam through which everything runs over batches. Whether a step runs eagerly
 * or as part of a compiled TensorFlow function, what it computes is the same.
 */
import * as tf from '@tensorflow/tfjs'
import { isNodeBackend } from '../libtensorflow/node-backend.js'
import type { HostKey, Key } from '../random.js'
import { CompileRefusal } from './refusal.js'
import type { Choice, Mode } from './run/choose.js'
import { compileSteps } from './run/compiled-steps.js'
import { runEagerly } from './run/eager.js'

export { CompileRefusal } from './refusal.js'
export type { Choice, Mode } from './run/choose.js'
export { concatenate, eachStep } from './run/eager.js'

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

/** What can be asked for: `auto` takes what is fastest on the real step, where anything but `off` runs at all. */
export const modes = ['auto', 'xla', 'graph', 'off'] as const

export interface ScanOptions {
  readonly mode: (typeof modes)[number]
  /** Why this mode, unless it is to be found out. */
  readonly reason?: string
}

export interface Scan<S> {
  /** How many steps make about half a second: what a caller that wants to stay responsive puts into one call. */
  readonly chunkSteps: number
  /** How steps run; undefined until the first of them ran. */
  readonly choice: Choice | undefined
  /**
   * Runs a step per batch, in order. `keys` and `schedules` have one entry per batch. One call at a time; until it resolves, variables
   * that the step assigns have their old values, and nothing else may assign them.
   */
  run(batches: Batches, keys: readonly HostKey[], schedules: readonly S[]): Promise<Outputs>
  /** Frees what was compiled. */
  dispose(): void
}

/** Runs the steps of one call. */
export interface Runner<S> {
  readonly choice: Choice | undefined
  /** The most steps that one call to TensorFlow takes. */
  readonly mostSteps: number
  run(
    batches: Batches,
    keys: readonly HostKey[],
    schedules: readonly S[],
  ): Promise<{ outputs: Outputs; stepMs: number }>
  dispose(): void
}

/** Time after which a caller should hear from a running scan. */
const CHUNK_MS = 500

/**
 * Runs `step` over batches on the current TF.js backend. Compiled, the step is ordinary TF.js code under three rules: what it learns
 * lives in `tf.Variable`s, noise comes from its key, and JavaScript sees no values of tensors. `run` throws a CompileRefusal otherwise.
 * What JavaScript changes after a step was recorded cannot be seen: numbers that change go into the schedule.
 */
export function scan<S extends { readonly [Name in keyof S]: number }>(step: Step<S>, options: ScanOptions): Scan<S> {
  const runner = newRunner(step, options)
  let chunkSteps = 1
  let running = false
  return {
    get chunkSteps() {
      return chunkSteps
    },
    get choice() {
      return runner.choice
    },
    async run(batches, keys, schedules) {
      if (running) throw new Error('scan: run was called before the run before it was over')
      running = true
      try {
        const { outputs, stepMs } = await runner.run(batches, keys, schedules)
        chunkSteps = Math.min(Math.max(Math.round(CHUNK_MS / stepMs), 1), runner.mostSteps)
        return outputs
      } finally {
        running = false
      }
    },
    dispose: () => runner.dispose(),
  }
}

/** Whether the current TF.js backend can run compiled steps. */
export function canCompile(): boolean {
  return isNodeBackend(tf.backend())
}

function newRunner<S extends { readonly [Name in keyof S]: number }>(
  step: Step<S>,
  { mode, reason = 'asked for' }: ScanOptions,
): Runner<S> {
  if (mode === 'off') return eagerRunner(step, reason)
  const backend = tf.backend()
  if (isNodeBackend(backend)) return compileSteps(backend, step, mode === 'auto' ? undefined : { mode, reason })
  const lack = `the backend ${tf.getBackend()} runs no TensorFlow functions`
  if (mode === 'auto') return eagerRunner(step, lack)
  throw new CompileRefusal(lack, 'use the backend tensorflow, or run it uncompiled (off)')
}

const MOST_EAGER_STEPS = 200

function eagerRunner<S>(step: Step<S>, reason: string): Runner<S> {
  return {
    choice: { mode: 'off' satisfies Mode, reason },
    mostSteps: MOST_EAGER_STEPS,
    async run(batches, keys, schedules) {
      const started = performance.now()
      const outputs = await runEagerly(step, batches, keys, schedules)
      return { outputs, stepMs: (performance.now() - started) / batches.count }
    },
    dispose() {},
  }
}
