/** Runs steps as compiled functions: compiles once for each shape of data, then runs chunks of a fixed capacity. */
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import { signature } from '../inputs.js'
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
import { type Compilable, chooseMode, warmUp } from './choose.js'
import { type CompiledLoop, compileLoop } from './compiled-loop.js'
import { type Feeder, newFeeder } from './feed.js'
import { slowInLoops } from './slow-operations.js'

/** The compiled step for one shape of data. */
interface Compiled {
  readonly loop: CompiledLoop
  readonly feeder: Feeder
}

/** How steps are to be compiled. */
export interface Requested {
  readonly precision: Precision
  /** Left out, `chooseMode` chooses by the first batches. */
  readonly choice?: Choice<NativeMode>
}

/** Runs `step` as requested. Whether the processor is fast at the precision is the caller's question. */
export function compileSteps<S>(backend: NodeBackend, step: Step<S, Inputs>, requested: Requested): StepRunner<S> {
  const { precision } = requested
  const compiled = new Map<string, Compiled>()
  let { choice } = requested
  let mostSteps = 1

  async function prepare(call: Call<Numbers>): Promise<Compiled> {
    const { compilable, feeder } = traceCall(backend, step as unknown as Step<Numbers, Inputs>, call, precision)
    const first = feeder.feed(call, 0)
    if (choice) return { loop: await warmUp(compilable, choice.mode, first), feeder }
    const chosen = await chooseMode(compilable, first)
    choice = chosen.choice
    return { loop: chosen.loop, feeder }
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
      const { loop, feeder } = compiled.get(kind) ?? (await prepare(call))
      compiled.set(kind, { loop, feeder })
      mostSteps = feeder.capacity
      const started = performance.now()
      const outputs = await runInCalls(loop, feeder, call)
      return { outputs, stepMs: (performance.now() - started) / call.batches.count }
    },
    dispose() {
      for (const { loop } of compiled.values()) loop.dispose()
      compiled.clear()
    },
  }
}

/** Runs as many steps in each call to TensorFlow as the feeder holds. */
async function runInCalls(loop: CompiledLoop, feeder: Feeder, call: Call<Numbers>): Promise<Outputs> {
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
  precision: Precision,
): { compilable: Compilable; feeder: Feeder } {
  const traced = trace(backend, step, {
    batches: twoSteps(batches),
    key: keys?.[0],
    numbers: schedules[0] as Numbers,
  })
  const feeder = newFeeder(batches, traced.scheduled)
  const loopShape = { capacity: feeder.capacity, inputs: batches.inputs }
  const compile = (mode: NativeMode) => compileLoop(backend, traced, loopShape, { mode, precision })
  const slow = backend.binding.isUsingGpuDevice() ? undefined : slowInLoops(traced.program)
  return { compilable: { compile, siteOf: traced.siteOf, precision, slow }, feeder }
}

/** Two steps whose inputs should differ: the first two, or the first one forwards and backwards. */
function twoSteps(batches: Call<Numbers>['batches']): Call<Numbers>['batches'] {
  const two = (data: Input['data']): Input['data'] => {
    const size = data.length / batches.count
    const taken = data.slice(0, 2 * size) as Input['data']
    if (batches.count > 1) return taken
    const both = new (data.constructor as new (length: number) => Input['data'])(2 * size)
    both.set(taken)
    both.set(taken.reverse(), size)
    return both
  }
  return { ...batches, count: 2, inputs: batches.inputs.map(input => ({ ...input, data: two(input.data) })) }
}
