/** Chooses between XLA and a graph for a compiled loop. */
import { isOfAnotherWorker } from '../../libtensorflow/status.js'
import { CompileRefusal } from '../refusal.js'
import type { Call, Choice, NativeMode, Numbers, Precision } from '../step.js'
import type { CompiledLoop } from './compiled-loop.js'
import type { Feeder } from './feed.js'

/** A compiled loop, and what feeds it. */
export interface FedLoop {
  readonly loop: CompiledLoop
  readonly feeder: Feeder
}

/** A loop that is ready to run, and how it was chosen. */
export interface Chosen extends FedLoop {
  readonly choice: Choice<NativeMode>
}

/** A step that can be compiled either way. */
export interface Compilable {
  compile(mode: NativeMode): FedLoop
  readonly precision: Precision
  /** The line of the user's code behind the first operation of this name. */
  siteOf(op: string): string | undefined
  /** An operation of the step that XLA computes slowly on this device; undefined if there is none. */
  readonly slow: string | undefined
}

/**
 * Compiles a loop, runs one step of it and discards the results. Throws a CompileRefusal if XLA or TensorFlow rejects it, and TensorFlow's own error if
 * another worker was lost meanwhile.
 */
export async function warmUp(step: Compilable, mode: NativeMode, call: Call<Numbers>): Promise<FedLoop> {
  let compiled: FedLoop | undefined
  try {
    compiled = step.compile(mode)
    const result = await compiled.loop.run({ ...compiled.feeder.feed(call, 0), n: 1 })
    result.discard()
    return compiled
  } catch (error) {
    compiled?.loop.dispose()
    throw isOfAnotherWorker(error) ? error : refusal(step, mode, error)
  }
}

/**
 * Compiles a loop by XLA, or as a graph if XLA is slow at the step; the other way if that is rejected. This is a rule on the program and
 * the device and not a measurement: the other mode rounds differently, and results must not depend on the load of a machine.
 */
export async function chooseMode(step: Compilable, call: Call<Numbers>): Promise<Chosen> {
  if (step.precision === 'bfloat16') return onlyByXla(step, call)
  const choice = chosenByRule(step)
  const compiled = await warmUp(step, choice.mode, call).catch(asRefusal)
  if (!(compiled instanceof CompileRefusal)) return { ...compiled, choice }
  const other = choice.mode === 'xla' ? 'graph' : 'xla'
  return { ...(await warmUp(step, other, call)), choice: { mode: other, reason: compiled.reason } }
}

/** A graph has no products in bfloat16. */
async function onlyByXla(step: Compilable, call: Call<Numbers>): Promise<Chosen> {
  if (step.slow !== undefined)
    throw new CompileRefusal(
      `precision bfloat16 needs XLA, which is slow at ${step.slow} on CPUs`,
      'use precision float32',
      step.siteOf(step.slow),
    )
  return { ...(await warmUp(step, 'xla', call)), choice: { mode: 'xla', reason: 'products in bfloat16 need it' } }
}

function chosenByRule({ slow }: Compilable): Choice<NativeMode> {
  if (slow === undefined) return { mode: 'xla', reason: 'it has fast code for every operation of the step' }
  return { mode: 'graph', reason: `on CPUs, XLA is slow at ${slow}` }
}

function refusal(step: Compilable, mode: NativeMode, error: unknown): CompileRefusal {
  const [line = ''] = String(error instanceof Error ? error.message : error).split('\n')
  if (mode === 'graph') return new CompileRefusal(`TensorFlow rejects it: ${line}`, 'run it uncompiled (off)')
  const [, op] = line.match(/unsupported operations .*?: (\w+) \(/) ?? []
  if (op === undefined) return new CompileRefusal(`XLA rejects it: ${line}`, 'compile it as a graph')
  return new CompileRefusal(`XLA has no ${op}`, 'compile it as a graph, or avoid this operation', step.siteOf(op))
}

function asRefusal(error: unknown): CompileRefusal {
  if (error instanceof CompileRefusal) return error
  throw error
}
