/** A loop of steps as a TensorFlow function, which is defined once and runs by name on the variables' own tensors. */
import type * as tf from '#tfjs'
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import type { Binding } from '../../libtensorflow/binding.js'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import type { Functions } from '../../libtensorflow/functions.js'
import type { NodeBackend } from '../../libtensorflow/node-backend.js'
import type { TensorMetadata } from '../../libtensorflow/tensor-table.js'
import { bfloat16Products } from '../passes/bfloat16.js'
import { canonicalConvolutions } from '../passes/convolutions.js'
import { fused } from '../passes/fusions.js'
import { vectorizedNoise } from '../passes/philox.js'
import { optimize } from '../passes/simplify.js'
import { inStages, reducesOverWorkers, withJoinedReduces } from '../passes/stages.js'
import { toGraph } from '../program/graphdef.js'
import { type Program, type ProgramWithFunctions, sizeOf } from '../program/program.js'
import type { StepProgram } from '../record/trace.js'
import type { Input, NativeMode, Precision } from '../step.js'
import type { Fed } from './feed.js'
import { fedType, type Loop, type LoopInput, type LoopShape, makeLoop } from './loop.js'

/** The results of one run, as tensors of the binding. Call one of the two methods, which frees them. */
export interface LoopResult {
  /** Assigns the variables and reads the outputs of the first `n` steps, end to end. */
  take(n: number): Promise<Record<string, Float32Array>>
  discard(): void
}

export interface CompiledLoop {
  run(fed: Fed): Promise<LoopResult>
  dispose(): void
}

/** Defines the loop; XLA compiles it when it first runs. Throws a TensorFlowError if TensorFlow does not accept the program. */
export function compileLoop(
  backend: NodeBackend,
  step: StepProgram,
  shape: LoopShape,
  { mode, precision }: { mode: NativeMode; precision: Precision },
): CompiledLoop {
  const { binding } = backend
  const name = `scan_${definitions++}`
  const onGpu = binding.isUsingGpuDevice()
  const { program, functions: callees } = forMode(mode, step.program, { name, precision, onGpu })
  const by = reducesOverWorkers(step.program) ? 'graph' : mode
  const loop = makeLoop({ ...step, program }, shape, by)
  const functions = defineLoop(binding, name, loop, callees)
  const variables = [...step.variables.values()]
  const changed = loop.assigned.map(name => step.variables.get(name) as tf.Variable)
  const attributes = MODE_ATTRIBUTES[by]
  const tables = newTables(binding)
  const outputs = [...loop.outputs].map(([name, type]) => [name, sizeOf(type)] as const)
  return {
    async run(fed) {
      for (const { name, isDisposed } of variables)
        if (isDisposed) throw new Error(`scan: the step needs the variable "${name}", which was disposed`)
      const made: number[] = []
      try {
        const inputs = feed(binding, shape, step.scheduled.length, fed, { tables, made })
        const ids = [...inputs, ...backend.getInputTensorIds(variables)]
        const count = outputs.length + changed.length
        const tensors = await functions.run(`${name}_loop`, attributes, ids, count)
        return loopResult(backend, tensors, outputs, changed)
      } finally {
        for (const id of made) binding.deleteTensor(id)
      }
    },
    dispose() {
      functions.dispose()
      tables.dispose()
    },
  }
}

let definitions = 0

interface Target {
  /** Names of functions begin with it. */
  readonly name: string
  readonly precision: Precision
  readonly onGpu: boolean
}

function forMode(mode: NativeMode, program: Program, { name, precision, onGpu }: Target): ProgramWithFunctions {
  if (mode === 'graph') return alone(fused(program))
  const given = precision === 'float32' ? alone(program) : bfloat16Products(program, name, onGpu)
  const compiled = reducesOverWorkers(program) ? inStagesForXla : forXla
  const made = compiled(given.program, name, onGpu)
  return { program: made.program, functions: new Map([...given.functions, ...made.functions]) }
}

const alone = (program: Program): ProgramWithFunctions => ({ program, functions: new Map() })

function inStagesForXla(program: Program, name: string, onGpu: boolean): ProgramWithFunctions {
  const staged = inStages(withJoinedReduces(program), name)
  const stages = [...staged.functions].flatMap(([stage, its]) => {
    const { program, functions } = forXla(its, stage, onGpu)
    return [...functions, [stage, program] as const]
  })
  return { program: staged.program, functions: new Map(stages) }
}

/** On a GPU, XLA's own noise, of the same bits, is one kernel, and the loops of `vectorizedNoise` would be tens of them. */
function forXla(program: Program, name: string, onGpu: boolean): ProgramWithFunctions {
  if (onGpu) return alone(optimize(program))
  const vectorized = vectorizedNoise(program, name)
  return { program: optimize(canonicalConvolutions(vectorized.program)), functions: vectorized.functions }
}

/** The functions of a loop; the one to run is `NAME_loop`. */
function defineLoop(
  binding: Binding,
  name: string,
  { condition, body, loop }: Loop,
  callees: ReadonlyMap<string, Program>,
): Functions {
  const functions = binding.openFunctions()
  const define = (functionName: string, program: Program) => {
    functions.define(functionName, toGraph(program))
    return functionName
  }
  try {
    for (const [callee, program] of callees) define(callee, program)
    const names = [define(`${name}_condition`, condition), define(`${name}_body`, body)] as const
    define(`${name}_loop`, loop(...names))
    return functions
  } catch (error) {
    functions.dispose()
    throw error
  }
}

/** Without a `config_proto`, TensorFlow does not optimize a graph at all. */
const MODE_ATTRIBUTES = {
  xla: [{ name: '_XlaMustCompile', type: ATTRIBUTE_TYPES.TF_ATTR_BOOL, value: true }],
  graph: [{ name: 'config_proto', type: ATTRIBUTE_TYPES.TF_ATTR_STRING, value: '' }],
}

/** The tensors that are fed, in the order of the loop's arguments; those that are to be freed after the call are added to `made`. */
function feed(
  binding: Binding,
  { capacity, inputs }: LoopShape,
  numbers: number,
  fed: Fed,
  { tables, made }: { tables: Tables; made: number[] },
): number[] {
  const make = (shape: readonly number[], dtype: number, values: Input['data']): number => {
    const id = binding.createTensor([...shape], dtype, values)
    made.push(id)
    return id
  }
  return [
    make([], DTYPES.TF_INT32, Int32Array.of(fed.n)),
    ...inputs.flatMap((input, k) => {
      const [values, table] = [fed.inputs[k] as Input['data'], fed.tables[k]]
      if (input.table === undefined || table === undefined)
        return [make([capacity, ...input.shape], fedType(input), values)]
      return [tables.tensor(k, input, table), make([capacity, input.shape[0] as number], DTYPES.TF_INT32, values)]
    }),
    make([capacity, 2], DTYPES.TF_INT32, fed.keys),
    make([capacity, numbers], DTYPES.TF_FLOAT, fed.schedules),
  ]
}

interface Tables {
  /** The tensor of the table of input `k`. */
  tensor(k: number, input: LoopInput, table: Input['data']): number
  dispose(): void
}

/** Keeps the tensor of each table on the device until other values are given: another part of memory. */
function newTables(binding: Binding): Tables {
  const held = new Map<number, { table: Input['data']; id: number }>()
  return {
    tensor(k, input, table) {
      const old = held.get(k)
      if (old && isSameMemory(old.table, table)) return old.id
      if (old) binding.deleteTensor(old.id)
      held.delete(k)
      const id = binding.createTensor([...(input.table as readonly number[])], fedType(input), table)
      held.set(k, { table, id })
      return id
    },
    dispose() {
      for (const { id } of held.values()) binding.deleteTensor(id)
      held.clear()
    },
  }
}

function loopResult(
  backend: NodeBackend,
  tensors: readonly TensorMetadata[],
  outputs: readonly (readonly [name: string, size: number])[],
  changed: readonly tf.Variable[],
): LoopResult {
  const { binding } = backend
  return {
    discard() {
      for (const { id } of tensors) binding.deleteTensor(id)
    },
    async take(n) {
      tensors.slice(outputs.length).forEach((tensor, i) => {
        const value = backend.createOutputTensor(tensor)
        changed[i]?.assign(value)
        value.dispose()
      })
      const values = await Promise.all(outputs.map(([, size], i) => takeRows(binding, tensors[i], n * size)))
      return Object.fromEntries(outputs.map(([name], i) => [name, values[i] as Float32Array]))
    },
  }
}

const isSameMemory = (a: Input['data'], b: Input['data']): boolean =>
  a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.byteLength === b.byteLength

async function takeRows(binding: Binding, tensor: TensorMetadata | undefined, length: number): Promise<Float32Array> {
  if (tensor === undefined) throw new Error('TensorFlow returned fewer results than the loop has')
  try {
    return ((await binding.tensorData(tensor.id)) as Float32Array).slice(0, length)
  } finally {
    binding.deleteTensor(tensor.id)
  }
}
