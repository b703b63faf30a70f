/**
 * Puts a step's program into a loop that runs it `n` times, for `n` up to a fixed capacity. The loop carries (i, n, inputs,
 * keys, schedules, one buffer per output, the variables).
 */
import { DTYPES, dtypeNumber } from '../../libtensorflow/dtypes.js'
import { type Builder, newBuilder } from '../program/builder.js'
import { cast, fill, gatherRows, int, pack, reshape, slice, stridedRow, typeAttribute } from '../program/operations.js'
import { type Program, sizeOf, type TensorType, typeOf, type Value } from '../program/program.js'
import { whileLoop } from '../program/while.js'
import type { StepProgram } from '../record/trace.js'
import type { Input, NativeMode } from '../step.js'

/** What is the same in every call. */
export interface LoopShape {
  /** Steps that one call can run. */
  readonly capacity: number
  /** The inputs of one step. The loop casts their arrays to the element types that the step gets. */
  readonly inputs: readonly LoopInput[]
}

/** `table`: the shape of the table, where the loop gets it and the row numbers of each step. */
export interface LoopInput extends Input {
  readonly table?: readonly number[]
}

/** Arguments of `loop`, in order: n, the inputs (a table before its row numbers), keys, schedules, then the variables. Results: the outputs, then the assigned variables. */
export interface Loop {
  readonly condition: Program
  readonly body: Program
  /** The program with the `While`, which calls the other two by these names. */
  loop(condition: string, body: string): Program
  /** Type of each output of one step, by name. */
  readonly outputs: ReadonlyMap<string, TensorType>
  /** `state:NAME` of each variable that the step assigns. */
  readonly assigned: readonly string[]
}

const INT32 = DTYPES.TF_INT32
const scalar: TensorType = { dtype: INT32, shape: [] }

interface Carried {
  readonly name: string
  readonly type: TensorType
}

/** `by`: whether XLA compiles the whole loop, or TensorFlow runs it as a graph. */
export function makeLoop(step: StepProgram, shape: LoopShape, by: NativeMode): Loop {
  const outputs = outputTypes(step.program)
  const fed = fedTypes(step, shape)
  const buffers = [...outputs].map(([name, output]) => ({
    name: `output:${name}`,
    type: { dtype: DTYPES.TF_FLOAT, shape: [shape.capacity, ...output.shape] },
  }))
  const state = [...step.variables].map(([name, { dtype, shape }]) => ({
    name,
    type: { dtype: dtypeNumber(dtype), shape },
  }))
  const carried = [{ name: 'i', type: scalar }, ...fed, ...buffers, ...state]
  const assigned = state.map(({ name }) => name).filter(name => step.program.results.has(name))
  return {
    outputs,
    assigned,
    condition: conditionProgram(carried),
    body: bodyProgram(step, shape, carried, by),
    loop: (condition, body) => loopProgram({ fed, buffers, state, carried, assigned }, condition, body),
  }
}

/** Type of each output of one step, by name. */
export function outputTypes(program: Program): Map<string, TensorType> {
  const outputs = [...program.results].filter(([name]) => name.startsWith('output:'))
  return new Map(outputs.map(([name, value]) => [name.slice('output:'.length), typeOf(program, value)]))
}

function fedTypes({ scheduled }: StepProgram, { capacity, inputs }: LoopShape): Carried[] {
  return [
    { name: 'n', type: scalar },
    ...inputs.flatMap(input => fedInput(input, capacity)),
    { name: 'keys', type: { dtype: INT32, shape: [capacity, 2] } },
    { name: 'schedules', type: { dtype: DTYPES.TF_FLOAT, shape: [capacity, scheduled.length] } },
  ]
}

function fedInput(input: LoopInput, capacity: number): Carried[] {
  const { name, shape, table } = input
  const values = (shape: readonly number[]) => ({ dtype: fedType(input), shape })
  if (table === undefined) return [{ name: `fed:${name}`, type: values([capacity, ...shape]) }]
  return [
    { name: `table:${name}`, type: values(table) },
    { name: `fed:${name}`, type: { dtype: INT32, shape: [capacity, shape[0] as number] } },
  ]
}

/** The element type of the array of an input, as TensorFlow numbers it. */
export function fedType({ data }: Input): number {
  if (data instanceof Uint8Array) return DTYPES.TF_UINT8
  return data instanceof Int32Array ? INT32 : DTYPES.TF_FLOAT
}

type Arguments = (name: string) => Value

function addArguments(builder: Builder, carried: readonly Carried[]): Arguments {
  const values = new Map(carried.map(({ name, type }) => [name, builder.argument(name, type)]))
  return name => {
    const value = values.get(name)
    if (value === undefined) throw new Error(`loop: there is no carried value "${name}"`)
    return value
  }
}

function conditionProgram(carried: readonly Carried[]): Program {
  const builder = newBuilder()
  const argument = addArguments(builder, carried)
  const attributes = [typeAttribute('T', INT32)]
  const more = builder.single('Less', attributes, [argument('i'), argument('n')], { dtype: DTYPES.TF_BOOL, shape: [] })
  return builder.build(new Map([['more', more]]))
}

function bodyProgram(
  step: StepProgram,
  { inputs: fed }: LoopShape,
  carried: readonly Carried[],
  by: NativeMode,
): Program {
  const builder = newBuilder()
  const argument = addArguments(builder, carried)
  const i = argument('i')
  const row = (name: string, column: number, shape: readonly number[]) =>
    reshape(builder, rowOf(builder, argument(name), i, column, shape), shape)
  const inputs = new Map([...step.variables.keys()].map(name => [name, argument(name)]))
  for (const { name, shape, dtype, table } of fed) {
    const ofStep = (shape: readonly number[]) =>
      by === 'graph'
        ? reshape(builder, stridedRow(builder, argument(`fed:${name}`), i), shape)
        : row(`fed:${name}`, 0, shape)
    const values = table ? gatherRows(builder, argument(`table:${name}`), ofStep(shape.slice(0, 1))) : ofStep(shape)
    inputs.set(`input:${name}`, cast(builder, values, dtypeNumber(dtype)))
  }
  inputs.set('key', row('keys', 0, [2]))
  step.scheduled.forEach((_, k) => void inputs.set(`schedule:${k}`, element(builder, argument('schedules'), i, k)))
  const results = builder.inline(step.program, inputs)
  const next = new Map(carried.map(({ name }) => [name, results.get(name) ?? argument(name)]))
  next.set('i', builder.single('AddV2', [typeAttribute('T', INT32)], [i, int(builder, 1)], scalar))
  for (const [name, value] of results)
    if (name.startsWith('output:')) next.set(name, store(builder, argument(name), i, value))
  return builder.build(next)
}

/** Row `i` of `from`, from column `column` on, as [1, ...shape]. */
function rowOf(builder: Builder, from: Value, i: Value, column: number, shape: readonly number[]): Value {
  const rest = shape.map((_, axis) => int(builder, axis === 0 ? column : 0))
  return slice(builder, from, pack(builder, [i, ...rest], 0), [1, ...shape])
}

/** The scalar in row `i` and column `column` of a matrix. */
function element(builder: Builder, from: Value, i: Value, column: number): Value {
  return reshape(builder, rowOf(builder, from, i, column, [1]), [])
}

/** `buffer` with row `i` set to `value`, as float32. */
function store(builder: Builder, buffer: Value, i: Value, value: Value): Value {
  const type = builder.typeOf(buffer)
  if (sizeOf(type) === 0) return buffer // TensorScatterUpdate rejects empty tensors
  const update = reshape(builder, cast(builder, value, DTYPES.TF_FLOAT), [1, ...type.shape.slice(1)])
  const attributes = [typeAttribute('T', type.dtype), typeAttribute('Tindices', INT32)]
  return builder.single('TensorScatterUpdate', attributes, [buffer, reshape(builder, i, [1, 1]), update], type)
}

interface LoopValues {
  readonly fed: readonly Carried[]
  readonly buffers: readonly Carried[]
  readonly state: readonly Carried[]
  readonly carried: readonly Carried[]
  readonly assigned: readonly string[]
}

function loopProgram({ fed, buffers, state, carried, assigned }: LoopValues, condition: string, body: string): Program {
  const builder = newBuilder()
  const argument = addArguments(builder, [...fed, ...state])
  const start = [
    int(builder, 0),
    ...fed.map(({ name }) => argument(name)),
    ...buffers.map(({ type }) => zeros(builder, type)),
    ...state.map(({ name }) => argument(name)),
  ]
  const ends = whileLoop(builder, condition, body, start)
  const last = new Map(carried.map(({ name }, k) => [name, ends[k] as Value]))
  const results = [...buffers.map(({ name }) => name), ...assigned]
  return builder.build(new Map(results.map(name => [name, last.get(name) as Value])))
}

function zeros(builder: Builder, { dtype, shape }: TensorType): Value {
  return fill(builder, builder.constant(Float32Array.of(0), { dtype, shape: [] }), shape)
}
