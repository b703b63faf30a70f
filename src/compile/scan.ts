/**
 * Runs many steps in one call, like `jax.lax.scan`. Every loop over batches goes through here. A step computes the same whether it
 * runs eagerly or inside a compiled TensorFlow function.
 */
import * as tf from '#tfjs'
import { unlessAborted } from '../interruption.js'
import { isNodeBackend } from '../libtensorflow/node-backend.js'
import type { HostKey } from '../random.js'
import { checkCall, checkRange, checkScan } from './check-call.js'
import { CompileRefusal } from './refusal.js'
import { compileSteps } from './run/compiled-steps.js'
import { eagerSteps } from './run/eager.js'
import type { Batches, Choice, Numbers, Outputs, ScanOptions, Step, StepRunner } from './step.js'

export interface Scan<S> {
  /** Number of steps that take about half a second: the size of a call for callers that must stay responsive. */
  readonly chunkSteps: number
  /** How steps run; undefined while `auto` has not chosen yet. */
  readonly choice: Choice | undefined
  /** Whether a call has succeeded. The first one compiles, which takes seconds. */
  readonly hasRun: boolean
  /**
   * Runs one step per batch, in order; `keys` and `schedules` have one entry per batch. Only one call may be in flight. Until it
   * resolves, the variables that the step assigns keep their old values, and nothing else may assign them. Throws an Error of one line
   * if a batch, a key or a number is missing, or is not what it should be.
   */
  run(batches: Batches, keys: readonly HostKey[], schedules: readonly S[]): Promise<Outputs>
  /** Frees the compiled functions, then `owned`; if a call is in flight, as soon as it has ended. */
  dispose(...owned: readonly { dispose(): void }[]): void
}

/** The arguments of one call to `Scan.run`: a batch, a key and scheduled numbers per step. */
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

/** How long one chunk of steps should take. */
const CHUNK_MS = 500

/**
 * Makes `step` runnable over batches on the current TF.js backend. A step that is to be compiled is ordinary TF.js code that keeps three
 * rules: its state is in `tf.Variable`s, its noise comes from the key, and it reads no tensor's values. Otherwise `run` throws a
 * CompileRefusal. A step is recorded once, so later changes of JavaScript variables have no effect: pass such numbers in the schedule.
 */
export function scan<S extends { readonly [Name in keyof S]: number }>(
  step: Step<S>,
  options: ScanOptions = {},
): Scan<S> {
  const runner = newRunner(step, options)
  let chunkSteps = 1
  let hasRun = false
  let inFlight: Promise<unknown> | undefined

  async function run(...[batches, keys, schedules]: Parameters<Scan<S>['run']>): Promise<Outputs> {
    checkCall(batches, keys, schedules as readonly Numbers[])
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
      if (inFlight) throw new Error('scan: run was called while another call was in flight')
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
        for (const resource of [runner, ...owned]) resource.dispose()
      }
      if (inFlight) void inFlight.then(free, free)
      else free()
    },
  }
}

/**
 * Runs steps `from` up to `to`, about half a second of them per call, and yields after each call. If `signal` is aborted, it ends after
 * the call in flight; it does not wait for the first call of a scan, which compiles for seconds.
 */
export async function* chunks<S>(
  steps: Scan<S>,
  { from = 0, to, signal }: { from?: number; to: number; signal?: AbortSignal | undefined },
  feed: (from: number, count: number) => Feed<S>,
): AsyncGenerator<Chunk<S>> {
  checkRange(from, to)
  for (let done = from; done < to && !signal?.aborted; ) {
    const count = Math.min(steps.chunkSteps, to - done)
    const { batches, keys, schedules } = feed(done, count)
    if (batches.count !== count) throw new Error(`chunks: ${count} batches were asked for, got ${batches.count}`)
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
  { mode = 'auto', reason = 'as requested' }: ScanOptions,
): StepRunner<S> {
  checkScan(step, mode)
  if (mode === 'off') return eagerSteps(step, reason)
  const backend = tf.backend()
  if (isNodeBackend(backend)) return compileSteps(backend, step, mode === 'auto' ? undefined : { mode, reason })
  const obstacle = `the backend ${tf.getBackend()} cannot run TensorFlow functions`
  if (mode === 'auto') return eagerSteps(step, obstacle)
  throw new CompileRefusal(obstacle, 'use the backend tensorflow, or run it uncompiled (off)')
}
