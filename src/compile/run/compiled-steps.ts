/** Runs steps as compiled functions: compiles once for each shape of data, then runs chunks of a fixed capacity. */
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import type { HostKey } from '../../random.js'
import { type TracedStep, trace } from '../record/trace.js'
import {
  type Batches,
  type Choice,
  concatenate,
  type NativeMode,
  type Numbers,
  type Outputs,
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

/** Runs `step` in the requested mode, or else in the one that `chooseMode` takes for the first batches. */
export function compileSteps<S>(
  backend: NodeBackend,
  step: Step<S>,
  requested: Choice<NativeMode> | undefined,
): StepRunner<S> {
  const compiled = new Map<string, Compiled>()
  let choice = requested
  let mostSteps = 1

  async function prepare(batches: Batches, keys: readonly HostKey[], schedules: readonly Numbers[]): Promise<Compiled> {
    const { compilable, feeder } = traceBatches(backend, step as unknown as TracedStep, batches, keys, schedules)
    const first = feeder.feed(batches, keys, schedules, 0)
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
    async run(batches, keys, schedules) {
      const numbers = schedules as readonly Numbers[]
      const shape = `${batches.data.constructor.name} ${batches.shape}`
      const { loop, feeder } = compiled.get(shape) ?? (await prepare(batches, keys, numbers))
      compiled.set(shape, { loop, feeder })
      mostSteps = feeder.capacity
      const started = performance.now()
      const outputs = await runInCalls(loop, feeder, batches, keys, numbers)
      return { outputs, stepMs: (performance.now() - started) / batches.count }
    },
    dispose() {
      for (const { loop } of compiled.values()) loop.dispose()
      compiled.clear()
    },
  }
}

/** Runs as many steps in each call to TensorFlow as the feeder holds. */
async function runInCalls(
  loop: CompiledLoop,
  feeder: Feeder,
  batches: Batches,
  keys: readonly HostKey[],
  schedules: readonly Numbers[],
): Promise<Outputs> {
  const parts: Outputs[] = []
  for (let from = 0; from < batches.count; from += feeder.capacity) {
    const fed = feeder.feed(batches, keys, schedules, from)
    parts.push(await (await loop.run(fed)).take(fed.n))
  }
  return concatenate(parts)
}

function traceBatches(
  backend: NodeBackend,
  step: TracedStep,
  { data, count, shape }: Batches,
  keys: readonly HostKey[],
  schedules: readonly Numbers[],
): { compilable: Compilable; feeder: Feeder } {
  const size = data.length / count
  const first = data.slice(0, size)
  const second = count > 1 ? data.slice(size, 2 * size) : data.slice(0, size).reverse()
  const [key, numbers] = [keys[0] as HostKey, schedules[0] as Numbers]
  const traced = trace(backend, step, { data: [first, second], shape, key, numbers })
  const feeder = newFeeder(data, shape, traced.scheduled)
  const dtype = data instanceof Uint8Array ? 'uint8' : 'float32'
  const loopShape = { capacity: feeder.capacity, dtype, batch: shape } as const
  const compile = (mode: NativeMode) => compileLoop(backend, traced, loopShape, mode)
  const slow = backend.binding.isUsingGpuDevice() ? undefined : slowInLoops(traced.program)
  return { compilable: { compile, siteOf: traced.siteOf, slow }, feeder }
}
