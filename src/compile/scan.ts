/**
 * Runs many steps in one call, like `jax.lax.scan`. Every loop over batches goes through here. A step computes the same whether it
 * runs eagerly or inside a compiled TensorFlow function.
 */
import * as tf from '#tfjs'
import { unlessAborted } from '../interruption.js'
import { bfloat16Problem } from '../libtensorflow/machine.js'
import { isNodeBackend } from '../libtensorflow/node-backend.js'
import type { Reason } from '../libtensorflow/wheels.js'
import type { HostKey } from '../random.js'
import { callOf, checkRange, checkScan } from './check-call.js'
import { fail } from './complaint.js'
import { stacked } from './inputs.js'
import { CompileRefusal } from './refusal.js'
import { compileSteps } from './run/compiled-steps.js'
import { eagerSteps } from './run/eager.js'
import { isSequence, sourceOf } from './source.js'
import {
  type ArrayValues,
  type Choice,
  concatenate,
  type Data,
  type Inputs,
  type Outputs,
  type RunOptions,
  type ScanOptions,
  type Step,
  type StepRunner,
  type TableRows,
} from './step.js'

/** The outputs of `count` steps, the first of which is number `from`. */
export interface Streamed {
  readonly from: number
  readonly count: number
  readonly outputs: Outputs
}

/** A step that can run over many batches. `S`: the numbers of a step; `I`: what it gets. */
export interface Scan<S, I = tf.Tensor> {
  /** Number of steps that take about half a second: the size of a call for callers that must stay responsive. */
  readonly chunkSteps: number
  /** How steps run; undefined while `auto` has not chosen yet. */
  readonly choice: Choice | undefined
  /** Whether a call has succeeded. The first one compiles, which takes seconds. */
  readonly hasRun: boolean
  /**
   * Runs one step for each entry of the data, in order, and returns the outputs of all. Only one call may be in flight. Until it
   * resolves, the variables that the step assigns keep their old values, and nothing else may assign them. Throws an Error of one line
   * if inputs, a key or a number are missing, or are not what they should be.
   */
  run(data: Data<I>, options?: RunOptions<S>): Promise<Outputs>
  /**
   * As `run`, and yields the outputs of about half a second of steps at a time. Data that come one after the other are read as they are
   * needed, so they need not fit into memory. Leaving the loop ends the run after the last chunk.
   */
  stream(data: Data<I>, options?: RunOptions<S>): AsyncGenerator<Streamed>
  /** Frees the compiled functions, then `owned`; if a call is in flight, as soon as it has ended. */
  dispose(...owned: readonly { dispose(): void }[]): void
}

/** The arguments of one call to `Scan.run`: stacked batches, and a key and scheduled numbers per step. */
export interface Feed<S> {
  batches: ArrayValues | TableRows
  keys?: readonly HostKey[]
  schedules: readonly S[]
}

/** The outputs of steps `from` to `from + count`, a row for each batch that was fed. */
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
 * CompileRefusal. A step is recorded once for each shape of its inputs, so later changes of JavaScript variables have no effect: pass
 * such numbers in the schedule.
 *
 * @example
 * const w = tf.variable(tf.scalar(0))
 * const optimizer = tf.train.sgd(0.1)
 * const steps = scan((x: tf.Tensor) => ({ loss: optimizer.minimize(() => tf.mean(tf.square(tf.sub(x, w))), true) as tf.Tensor }))
 * const batches = { data: new Float32Array(30 * 8).fill(2), shape: [30, 8] } // 30 steps of 8 numbers
 * const { loss = [] } = await steps.run(batches)
 * console.log(loss.length, loss[0], w.dataSync()[0]?.toFixed(3)) // 30 4 1.998
 */
export function scan<S extends { readonly [Name in keyof S]: number }, I extends Inputs = tf.Tensor>(
  step: Step<S, I>,
  options: ScanOptions = {},
): Scan<S, I> {
  const runner = newRunner(step as unknown as Step<S, Inputs>, options)
  let chunkSteps = 1
  let hasRun = false
  const { alone, afterwards } = oneAtATime()

  async function once(call: Parameters<StepRunner<S>['run']>[0]): Promise<Outputs> {
    const { outputs, stepMs } = await runner.run(call)
    chunkSteps = Math.min(Math.max(Math.round(CHUNK_MS / stepMs), 1), runner.mostSteps)
    hasRun = true
    return outputs
  }

  async function* stream(data: Data<I>, options: RunOptions<S> = {}): AsyncGenerator<Streamed> {
    const source = await sourceOf(data)
    let from = 0
    try {
      for (;;) {
        const batches = await source.next(chunkSteps)
        if (batches === undefined) break
        const { count } = batches
        const outputs = await alone(() => once(callOf(batches, sliced(options, from, count), from)))
        yield { from, count, outputs }
        from += count
      }
      requireAllUsed(options, from)
    } finally {
      await source.close()
    }
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
    stream,
    async run(data, options = {}) {
      if (!isSequence(data)) return alone(async () => once(callOf(await stacked(data), options)))
      const parts: Outputs[] = []
      for await (const { outputs } of stream(data, options)) parts.push(outputs)
      return concatenate(parts)
    },
    dispose(...owned) {
      afterwards(() => {
        for (const resource of [runner, ...owned]) resource.dispose()
      })
    },
  }
}

/** Lets one call run at a time; what is to be done afterwards waits for the one in flight. */
function oneAtATime() {
  let inFlight: Promise<unknown> | undefined
  return {
    async alone<T>(work: () => Promise<T>): Promise<T> {
      if (inFlight) throw new Error('scan: run was called while another call was in flight')
      const promise = work()
      inFlight = promise
      try {
        return await promise
      } finally {
        inFlight = undefined
      }
    },
    afterwards(act: () => void): void {
      if (inFlight) void inFlight.then(act, act)
      else act()
    },
  }
}

/** The options of `count` steps from number `from` on. */
function sliced<S>(options: RunOptions<S>, from: number, count: number): RunOptions<S> {
  const part = <T>(list: T) => (Array.isArray(list) ? (list.slice(from, from + count) as T) : list)
  return { ...options, keys: part(options.keys), schedules: part(options.schedules) }
}

function requireAllUsed<S>({ keys, schedules }: RunOptions<S>, steps: number): void {
  for (const [name, list] of Object.entries({ keys, schedules }))
    if (Array.isArray(list) && list.length !== steps)
      fail(`${name} has ${list.length} entries, but there were ${steps} steps`)
}

/** Which steps to run. */
export interface ChunkRange {
  readonly from?: number
  readonly to: number
  readonly signal?: AbortSignal | undefined
  /**
   * Asked before each call: how many steps the processes that run them together take next, and whether they stop. Then `feed` may give fewer
   * batches, even none, to a process that has fewer.
   */
  agree?(count: number, stop: boolean): Promise<{ count: number; stop: boolean }>
}

const alone = async (count: number, stop: boolean) => ({ count, stop })

/**
 * Runs steps `from` up to `to`, about half a second of them per call, and yields after each call. If `signal` is aborted, it ends after
 * the call in flight; it does not wait for the first call of a scan, which compiles for seconds, unless processes `agree` when they stop.
 */
export async function* chunks<S>(
  steps: Scan<S>,
  { from = 0, to, signal, agree }: ChunkRange,
  feed: (from: number, count: number) => Feed<S> | Promise<Feed<S>>,
): AsyncGenerator<Chunk<S>> {
  checkRange(from, to)
  for (let done = from; done < to; ) {
    const { count, stop } = await (agree ?? alone)(Math.min(steps.chunkSteps, to - done), signal?.aborted === true)
    if (stop) return
    const { batches, ...options } = await feed(done, count)
    const [given = 0] = batches.shape
    if (given !== count && !(agree && given < count))
      throw new Error(`chunks: ${count} batches were asked for, got ${given}`)
    const work = given === 0 ? Promise.resolve({}) : steps.run(batches, options)
    const outputs = await (steps.hasRun || agree ? work : unlessAborted(work, signal))
    if (outputs === undefined) return
    yield { from: done, count, schedules: options.schedules, outputs }
    done += count
  }
}

/**
 * Whether the current TF.js backend can run compiled steps.
 *
 * @example
 * await openBackend('cpu')
 * console.log(canCompile()) // false
 */
export function canCompile(): boolean {
  return isNodeBackend(tf.backend())
}

/**
 * Why steps cannot run like this on the current TF.js backend and this processor, and what to do instead; undefined if they can. float32
 * always can.
 */
export function precisionProblem({ mode = 'auto', precision = 'float32' }: ScanOptions): Reason | undefined {
  if (precision === 'float32') return undefined
  const fix = 'use precision float32'
  if (mode === 'off' || mode === 'graph')
    return { reason: `mode ${mode} computes in float32`, fix: `${fix}, or mode xla` }
  const backend = tf.backend()
  if (!isNodeBackend(backend)) return { reason: `the backend ${tf.getBackend()} computes in float32`, fix }
  const reason = backend.binding.isUsingGpuDevice() ? undefined : bfloat16Problem()
  return reason === undefined ? undefined : { reason, fix }
}

function newRunner<S>(step: Step<S, Inputs>, options: ScanOptions): StepRunner<S> {
  checkScan(step, options)
  const { mode = 'auto', precision = 'float32', reason = 'as requested' } = options
  const problem = precisionProblem(options)
  if (problem) throw new CompileRefusal(`precision ${precision}: ${problem.reason}`, problem.fix)
  if (mode === 'off') return eagerSteps(step, reason)
  const backend = tf.backend()
  if (isNodeBackend(backend))
    return compileSteps(backend, step, { precision, ...(mode !== 'auto' && { choice: { mode, reason } }) })
  const obstacle = `the backend ${tf.getBackend()} cannot run TensorFlow functions`
  if (mode === 'auto') return eagerSteps(step, obstacle)
  throw new CompileRefusal(obstacle, 'use the backend tensorflow, or run it uncompiled (off)')
}
