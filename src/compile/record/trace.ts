/** Turns a step into a program: records it twice on different inputs, merges the recordings and optimizes the result. */
import * as tf from '#tfjs'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import type { HostKey, Key } from '../../random.js'
import { readable } from '../check-call.js'
import { optimize } from '../passes/simplify.js'
import type { Program } from '../program/program.js'
import { CompileRefusal, callSite } from '../refusal.js'
import type { Numbers } from '../step.js'
import { type Recording, record } from './record.js'
import { generalize, recordedNumbers, type Scheduled } from './schedule.js'
import { saveState, separateVariables } from './state.js'

/** A step as `trace` runs it. */
export type TracedStep = (batch: tf.Tensor, key: Key, numbers: Numbers) => Record<string, tf.Tensor>

/** Inputs of two recordings: `data` holds one batch for each, and the two should differ. */
export interface Examples {
  readonly data: readonly [Uint8Array | Float32Array, Uint8Array | Float32Array]
  readonly shape: readonly number[]
  readonly key: HostKey
  readonly numbers: Numbers
}

/** One step. Arguments: `batch` (float32), `key` (int32 [2]), `schedule:i`, `state:NAME`; results: `output:NAME`, `state:NAME`. */
export interface StepProgram {
  readonly program: Program
  readonly scheduled: readonly Scheduled[]
  /** The variables that the step reads or assigns, by `state:NAME`. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The line of the user's code behind the first operation of this name. */
  siteOf(op: string): string | undefined
}

/** The program of a step. Every variable keeps its value. Throws a CompileRefusal if the step cannot be compiled. */
export function trace(backend: NodeBackend, step: TracedStep, examples: Examples): StepProgram {
  const numbers = recordedNumbers(examples.numbers)
  const recordings = recordTwice(backend, step, examples, numbers) ?? recordTwice(backend, step, examples, numbers)
  if (recordings === undefined) throw createsVariables()
  const { program, scheduled } = generalize(recordings, numbers)
  refuseOutside(recordings)
  const [{ variables, program: recorded, sites }] = recordings
  const siteOf = (op: string) =>
    callSite(sites[recorded.nodes.findIndex(node => node.kind === 'operation' && node.op === op)])
  return { program: optimize(program), scheduled, variables, siteOf }
}

/** Undefined if the step created variables, as TF.js optimizers and layers do in their first run; they stay, with their initial values. */
function recordTwice(
  backend: NodeBackend,
  step: TracedStep,
  { data, shape, key }: Examples,
  numbers: readonly [Numbers, Numbers],
): readonly [Recording, Recording] | undefined {
  const state = saveState()
  const once = (i: 0 | 1, ownKey: HostKey) =>
    recordOnce(backend, step, { data: data[i], shape, key: ownKey }, numbers[i])
  try {
    const first = once(0, key)
    if (state.created.length > 0) return undefined
    const second = once(1, [~key[0], key[1] ^ 1])
    return state.created.length > 0 ? undefined : [first, second]
  } finally {
    state.restore()
  }
}

interface Example {
  readonly data: Uint8Array | Float32Array
  readonly shape: readonly number[]
  readonly key: HostKey
}

function recordOnce(
  backend: NodeBackend,
  step: TracedStep,
  { data, shape, key }: Example,
  numbers: Numbers,
): Recording {
  const engine = tf.engine()
  engine.startScope()
  try {
    separateVariables(backend)
    const inputs = { batch: tf.tensor(Float32Array.from(data), [...shape]), key: tf.tensor1d([...key], 'int32') }
    return record(backend, inputs, () => step(inputs.batch, inputs.key, readable(numbers)))
  } finally {
    engine.endScope()
  }
}

function createsVariables(): CompileRefusal {
  return new CompileRefusal(
    'it creates a tf.Variable each time it runs',
    'create variables and optimizers once, outside of the step',
  )
}

/** Comparing recordings may miss such calls: both can read a clock in the same millisecond, or branch alike on a random number. */
function refuseOutside(recordings: readonly Recording[]): void {
  const [call] = recordings.flatMap(({ outside }) => outside ?? [])
  if (call === undefined) return
  throw new CompileRefusal(
    `it calls ${call.name}, which would run only while the step is recorded`,
    "make noise from the step's key, and read clocks outside of the step",
    callSite(call.site),
  )
}
