/**
 * Many steps in one call, after `jax.lax.scan`: the one seam through which everything runs over batches. Whether a step runs eagerly
 * or as part of a compiled TensorFlow function, what it computes is the same.
 */
import * as tf from '@tensorflow/tfjs'
import { unlessAborted } from '../interruption.js'
import { isNodeBackend } from '../libtensorflow/node-backend.js'
import type { HostKey } from '../random.js'
import { CompileRefusal } from './refusal.js'
import { compileSteps } from './run/compiled-steps.js'
import { eagerSteps } from './run/eager.js'
import type { Batches, Choice, Outputs, ScanOptions, Step, StepRunner } from './step.js'

export interface Scan<S> {
  /** How many steps make about half a second: what a caller that wants to stay responsive puts into one call. */
  readonly chunkSteps: number
  /** How steps run; undefined until the first of them ran. */
  readonly choice: Choice | undefined
  /** Whether a call has succeeded. The first one compiles, which takes seconds. */
  readonly hasRun: boolean
  /**
   * Runs a step per batch, in order. `keys` and `schedules` have one entry per batch. One call at a time; until it resolves, variables
   * that the step assigns have their old values, and nothing else may assign them.
   */
  run(batches: Batches, keys: readonly HostKey[], schedules: readonly S[]): Promise<Outputs>
  /** Frees what was compiled, then `owned`: at once, or when the call in flight has ended. */
  dispose(...owned: readonly { dispose(): void }[]): void
}

/** What one call of `Scan.run` is given: a batch, a key and scheduled numbers for each step. */
export interface Feed<S> {
  batches: Batches
  keys: readonly HostKey[]
  schedules: readonly S[]
}

/** The outputs of steps `from` to `from + count`. */
export interface Chunk<S> {
  from: number
  count: number
  schedules: readonly S[]
  outputs: Outputs
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
  let hasRun = false
  let inFlight: Promise<unknown> | undefined

  async function run(...[batches, keys, schedules]: Parameters<Scan<S>['run']>): Promise<Outputs> {
    const { outputs, stepMs } = await runner.run(batches, keys, schedules)
    chunkSteps = Math.min(Math.max(Math.round(CHUNK_MS / stepMs), 1), runner.mostSteps)
    hasRun = true
    return outputs
  }

  return {
    get chunkSteps() {
      return chunkSteps
    },
    get choice() {
      return runner.choice
    },
    get hasRun() {
      return hasRun
    },
    async run(...feed) {
      if (inFlight) throw new Error('scan: run was called before the run before it was over')
      const work = run(...feed)
      inFlight = work
      try {
        return await work
      } finally {
        inFlight = undefined
      }
    },
    dispose(...owned) {
      const free = () => {
        for (const one of [runner, ...owned]) one.dispose()
      }
      if (inFlight) void inFlight.then(free, free)
      else free()
    },
  }
}

/**
 * Runs the steps from number `from` to `to`, about half a second of them in a call; yields after each call. Ends early once `signal` is
 * aborted: after the call in flight, but without waiting for the first call of the scan, which compiles for seconds.
 */
export async function* chunks<S>(
  steps: Scan<S>,
  { from = 0, to, signal }: { from?: number; to: number; signal?: AbortSignal | undefined },
  feed: (from: number, count: number) => Feed<S>,
): AsyncGenerator<Chunk<S>> {
  for (let done = from; done < to && !signal?.aborted; ) {
    const count = Math.min(steps.chunkSteps, to - done)
    const { batches, keys, schedules } = feed(done, count)
    const work = steps.run(batches, keys, schedules)
    const outputs = await (steps.hasRun ? work : unlessAborted(work, signal))
    if (outputs === undefined) return
    yield { from: done, count, schedules, outputs }
    done += count
  }
}

/** Whether the current TF.js backend can run compiled steps. */
export function canCompile(): boolean {
  return isNodeBackend(tf.backend())
}

function newRunner<S extends { readonly [Name in keyof S]: number }>(
  step: Step<S>,
  { mode, reason = 'asked for' }: ScanOptions,
): StepRunner<S> {
  if (mode === 'off') return eagerSteps(step, reason)
  const backend = tf.backend()
  if (isNodeBackend(backend)) return compileSteps(backend, step, mode === 'auto' ? undefined : { mode, reason })
  const lack = `the backend ${tf.getBackend()} runs no TensorFlow functions`
  if (mode === 'auto') return eagerSteps(step, lack)
  throw new CompileRefusal(lack, 'use the backend tensorflow, or run it uncompiled (off)')
}
