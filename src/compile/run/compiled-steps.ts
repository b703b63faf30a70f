/** Runs steps as compiled functions: compiles once for each shape of data, then runs chunks of a fixed capacity. */
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import { copyStep, emptyLike, signature, valuesIn } from '../inputs.js'
import { reducesOverWorkers } from '../passes/stages.js'
import { type Program, sizeOf } from '../program/program.js'
import { trace } from '../record/trace.js'
import {
  type Call,
  type Choice,
  concatenate,
  type Input,
  type Inputs,
  type NativeMode,
  type Numbers,
  type Outputs,
  type Precision,
  type Step,
  type StepRunner,
} from '../step.js'
import { type Compilable, chooseMode, type FedLoop, warmUp } from './choose.js'
import { compileLoop } from './compiled-loop.js'
import { newFeeder } from './feed.js'
import { outputTypes } from './loop.js'
import { slowInLoops } from './slow-operations.js'

/** How steps are to be compiled. */
export interface Requested {
  readonly precision: Precision
  /** Left out, `chooseMode` chooses by the first batches. */
  readonly choice?: Choice<NativeMode>
  /** Whether XLA's loops hold tables of inputs; left out, they do on a GPU. */
  readonly holdsTables?: boolean
}

/** Runs `step` as requested. Whether the processor is fast at the precision is the caller's question. */
export function compileSteps<S>(backend: NodeBackend, step: Step<S, Inputs>, requested: Requested): StepRunner<S> {
  const compiled = new Map<string, FedLoop>()
  let { choice } = requested
  let mostSteps = 1

  async function prepare(call: Call<Numbers>): Promise<FedLoop> {
    const compilable = traceCall(backend, step as unknown as Step<Numbers, Inputs>, call, requested)
    if (choice) return warmUp(compilable, choice.mode, call)
    const { loop, feeder, choice: chosen } = await chooseMode(compilable, call)
    choice = chosen
    return { loop, feeder }
  }

  return {
    get choice() {
      return choice
    },
    get mostSteps() {
      return mostSteps
    },
    async run(given) {
      const call = given as unknown as Call<Numbers>
      const kind = `${signature(call.batches)} ${call.keys !== undefined}`
      const fed = compiled.get(kind) ?? (await prepare(call))
      compiled.set(kind, fed)
      mostSteps = fed.feeder.capacity
      const started = performance.now()
      const outputs = await runInCalls(fed, call)
      return { outputs, stepMs: (performance.now() - started) / call.batches.count }
    },
    dispose() {
      for (const { loop } of compiled.values()) loop.dispose()
      compiled.clear()
    },
  }
}

/** Runs as many steps in each call to TensorFlow as the feeder holds. */
async function runInCalls({ loop, feeder }: FedLoop, call: Call<Numbers>): Promise<Outputs> {
  const parts: Outputs[] = []
  for (let from = 0; from < call.batches.count; from += feeder.capacity) {
    const fed = feeder.feed(call, from)
    parts.push(await (await loop.run(fed)).take(fed.n))
  }
  return concatenate(parts)
}

function traceCall(
  backend: NodeBackend,
  step: Step<Numbers, Inputs>,
  { batches, keys, schedules }: Call<Numbers>,
  { precision, holdsTables = backend.binding.isUsingGpuDevice() }: Requested,
): Compilable {
  const traced = trace(backend, step, {
    batches: twoSteps(batches),
    key: keys?.[0],
    numbers: schedules[0] as Numbers,
  })
  const holds = holdsTables && !reducesOverWorkers(traced.program)
  const compile = (mode: NativeMode) => {
    // TensorFlow has no GPU kernel that gathers rows of uint8, so a graph is fed the rows; and it keeps int32 tensors in the computer's memory.
    const isHeld = ({ data, rows }: Input) =>
      holds && mode === 'xla' && rows !== undefined && !(data instanceof Int32Array) && data.byteLength <= LARGEST_TABLE
    const feeder = newFeeder(batches, traced.scheduled, isHeld, outputBytes(traced.program))
    const inputs = batches.inputs.map(input => ({ ...input, ...(isHeld(input) && { table: tableShape(input) }) }))
    const loop = compileLoop(backend, traced, { capacity: feeder.capacity, inputs }, { mode, precision })
    return { loop, feeder }
  }
  const slow = backend.binding.isUsingGpuDevice() ? undefined : slowInLoops(traced.program)
  return { compile, siteOf: traced.siteOf, precision, slow }
}

/** Bytes of the outputs of one step, which are stored as float32. */
function outputBytes(program: Program): number {
  return [...outputTypes(program).values()].reduce((sum, type) => sum + 4 * sizeOf(type), 0)
}

/** Bytes; a larger table stays in the computer's memory. */
const LARGEST_TABLE = 2 ** 30

function tableShape({ data, shape: [, ...row] }: Input): readonly number[] {
  return [data.length / valuesIn(row), ...row]
}

/** Two steps whose inputs should differ: the first two, or the first one forwards and backwards. */
function twoSteps(batches: Call<Numbers>['batches']): Call<Numbers>['batches'] {
  const two = (input: Input): Input => {
    const { rows: _, ...copied } = input
    const size = valuesIn(input.shape)
    const data = emptyLike(input.data, 2 * size)
    copyStep(input, 0, data, 0)
    if (batches.count > 1) copyStep(input, 1, data, size)
    else data.set(data.slice(0, size).reverse(), size)
    return { ...copied, data }
  }
  return { ...batches, count: 2, inputs: batches.inputs.map(two) }
}
