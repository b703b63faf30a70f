/** Turns a step into a program: records it twice on different inputs, merges the recordings and optimizes the result. */
import * as tf from '#tfjs'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import type { HostKey } from '../../random.js'
import { noKey, readable } from '../check-call.js'
import { asGiven, tensorsOf } from '../inputs.js'
import { optimize } from '../passes/simplify.js'
import type { Program } from '../program/program.js'
import { CompileRefusal, callSite, noiseOf } from '../refusal.js'
import type { Batches, Inputs, Numbers, Step } from '../step.js'
import { type Recording, record } from './record.js'
import { generalize, recordedNumbers, type Scheduled } from './schedule.js'
import { saveState, separateVariables } from './state.js'

/** Inputs of two recordings. */
export interface Examples {
  /** The inputs of two steps, which should differ. */
  readonly batches: Batches
  /** Undefined if the caller gave no key. */
  readonly key: HostKey | undefined
  readonly numbers: Numbers
}

/** One step. Arguments: `input:NAME`, `key` (int32 [2]), `schedule:i`, `state:NAME`; results: `output:NAME`, `state:NAME`. */
export interface StepProgram {
  readonly program: Program
  readonly scheduled: readonly Scheduled[]
  /** The variables that the step reads or assigns, by `state:NAME`. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The line of the user's code behind the first operation of this name. */
  siteOf(op: string): string | undefined
}

/** The program of a step. Every variable keeps its value. Throws a CompileRefusal if the step cannot be compiled. */
export function trace(backend: NodeBackend, step: Step<Numbers, Inputs>, examples: Examples): StepProgram {
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
  step: Step<Numbers, Inputs>,
  { batches, key }: Examples,
  numbers: readonly [Numbers, Numbers],
): readonly [Recording, Recording] | undefined {
  const state = saveState()
  const once = (i: 0 | 1, ownKey: HostKey | undefined) =>
    recordOnce(backend, step, { batches, i, key: ownKey }, numbers[i])
  try {
    const first = once(0, key)
    if (state.created.length > 0) return undefined
    const second = once(1, key && [~key[0], key[1] ^ 1])
    return state.created.length > 0 ? undefined : [first, second]
  } finally {
    state.restore()
  }
}

interface Example {
  readonly batches: Batches
  readonly i: 0 | 1
  readonly key: HostKey | undefined
}

function recordOnce(
  backend: NodeBackend,
  step: Step<Numbers, Inputs>,
  { batches, i, key }: Example,
  numbers: Numbers,
): Recording {
  const engine = tf.engine()
  engine.startScope()
  try {
    separateVariables(backend)
    const tensors = tensorsOf(batches, i)
    const keyTensor = tf.tensor1d([...(key ?? [0, 0])], 'int32')
    const named = Object.entries(tensors).map(([name, tensor]) => [`input:${name}`, tensor])
    const given = asGiven(batches, tensors)
    return record(backend, { ...Object.fromEntries(named), key: keyTensor }, () =>
      step(given, key ? keyTensor : noKey(), readable(numbers)),
    )
  } finally {
    engine.endScope()
  }
}

function createsVariables(): CompileRefusal {
  return new CompileRefusal(
    'it creates a tf.Variable each time it runs',
    'create variables and optimizers once, outside of the step',
    undefined,
    'const w = tf.variable(…) // before scan(step)',
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
    noiseOf(call.site)?.instead ?? call.instead,
  )
}
