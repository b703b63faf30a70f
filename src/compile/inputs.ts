/** What a caller gives as the inputs of steps, as arrays of checked sizes. */
import * as tf from '#tfjs'
import { fail, isWhole, kindOf, show } from './complaint.js'
import {
  type ArrayValues,
  type Batches,
  endToEnd,
  type Input,
  type InputArray,
  type Inputs,
  inputTypes,
  type TableRows,
} from './step.js'

/** The name of the only input of a step that gets one tensor. */
const ONLY = 'batch'

/** Inputs whose first axis is the step. Throws an Error of one line if they are not values, or not of the same number of steps. */
export async function stacked(data: unknown): Promise<Batches> {
  if (typeof data === 'number') return noInputs(data)
  const { entries, single } = entriesOf(data)
  const inputs = await Promise.all(entries.map(([name, values]) => inputOf(name, values, single)))
  const [first] = inputs as [CountedInput, ...CountedInput[]]
  for (const { name, count } of inputs)
    if (count !== first.count)
      fail(`the first axis is the step: "${first.name}" has ${first.count} steps and "${name}" has ${count}`)
  return { count: first.count, inputs, single }
}

/** The inputs of one step; the arrays are those given. */
export async function ofOneStep(data: unknown): Promise<Batches> {
  const { entries, single } = entriesOf(data)
  const inputs = await Promise.all(
    entries.map(async ([name, values]) => inputOf(name, await oneStep(name, values), single)),
  )
  return { count: 1, inputs, single }
}

/** What a compiled step depends on: names, shapes and element types. */
export function signature({ inputs, single }: Batches): string {
  const parts = inputs.map(({ name, data, shape, dtype, rows }) => {
    return [name, data.constructor.name, shape, dtype, ...(rows ? [data.length] : [])]
  })
  return JSON.stringify([single, parts])
}

/** Joins the inputs of consecutive steps of one signature. */
export function join(parts: readonly Batches[]): Batches {
  const [first] = parts as [Batches, ...Batches[]]
  if (parts.length === 1) return first
  const inputs = first.inputs.map((input, i) => ({ ...input, data: endToEnd(parts.map(part => dataOf(part, i))) }))
  return { ...first, count: parts.reduce((sum, { count }) => sum + count, 0), inputs }
}

const dataOf = ({ inputs }: Batches, i: number) => (inputs[i] as Input).data

/** Copies the values of step `i` to `into`, from index `to` on. */
export function copyStep({ data, shape, rows }: Input, i: number, into: Input['data'], to: number): void {
  const size = valuesIn(shape)
  if (rows === undefined) {
    into.set(data.subarray(i * size, (i + 1) * size), to)
    return
  }
  const [batch = 0] = shape
  const width = size / batch
  for (let k = 0; k < batch; k++) {
    const row = rows[i * batch + k] as number
    into.set(data.subarray(row * width, (row + 1) * width), to + k * width)
  }
}

/** The values of step `i`: a part of `data`, or a copy of the rows. */
function valuesOfStep(input: Input, i: number): Input['data'] {
  const { data, shape, rows } = input
  const size = valuesIn(shape)
  if (rows === undefined) return data.subarray(i * size, (i + 1) * size)
  const values = emptyLike(data, size)
  copyStep(input, i, values, 0)
  return values
}

/** The inputs of steps `from` to `to`, exclusive; they share memory with the given ones. */
export function sliceSteps({ inputs, ...batches }: Batches, from: number, to: number): Batches {
  const part = <A extends Input['data']>(values: A) => {
    const size = values.length / batches.count
    return values.subarray(from * size, to * size) as A
  }
  const parts = inputs.map(input =>
    input.rows ? { ...input, rows: part(input.rows) } : { ...input, data: part(input.data) },
  )
  return { ...batches, count: to - from, inputs: parts }
}

/** The tensors of step `i` by name. */
export function tensorsOf({ inputs }: Batches, i: number): Record<string, tf.Tensor> {
  const tensors = inputs.map(input => {
    const { name, shape, dtype } = input
    return [name, tensorOf(valuesOfStep(input, i), shape, dtype)]
  })
  return Object.fromEntries(tensors)
}

/** The number of values of a shape. */
export const valuesIn = (shape: readonly number[]): number => tf.util.sizeFromShape([...shape])

/** An array of zeros of the same type. */
export function emptyLike(data: Input['data'], length: number): Input['data'] {
  const Type = data.constructor as new (length: number) => Input['data']
  return new Type(length)
}

/** The tensors as the step gets them. */
export function asGiven({ single }: Batches, tensors: Record<string, tf.Tensor>): Inputs {
  return single ? (tensors[ONLY] as tf.Tensor) : tensors
}

/** A tensor with a copy of the values. */
function tensorOf(data: Input['data'], shape: readonly number[], dtype: Input['dtype']): tf.Tensor {
  if (dtype === 'float32') return tf.tensor(Float32Array.from(data), [...shape])
  return dtype === 'int32'
    ? tf.tensor(Int32Array.from(data), [...shape], 'int32')
    : tf.tensor(Uint8Array.from(data, Number), [...shape], 'bool')
}

function noInputs(count: number): Batches {
  if (!isWhole(count) || count < 1) fail(`the number of steps must be a whole number of at least 1, got ${count}`)
  return { count, inputs: [], single: false }
}

const WANTED = '{ data, shape }, a tensor, or an object of those by name'

function entriesOf(data: unknown): { entries: readonly (readonly [name: string, values: object])[]; single: boolean } {
  if (typeof data !== 'object' || data === null) fail(`the inputs of steps must be ${WANTED}, got ${kindOf(data)}`)
  if (ArrayBuffer.isView(data))
    fail(
      `a ${kindOf(data)} has no shape: write { data, shape: [steps, …] }, or batched({ data, shape: [rows, …] }, { size })`,
    )
  if (isValues(data)) return { entries: [[ONLY, data]], single: true }
  const entries = Object.entries(data)
  if (entries.length === 0) fail('an object without inputs: give the number of steps instead')
  for (const [name, values] of entries)
    if (!isValues(values)) fail(`the input "${name}" must be { data, shape } or a tensor, got ${kindOf(values)}`)
  return { entries, single: false }
}

/** Whether this is meant as one input, right or wrong. */
export function isValues(value: unknown): value is ArrayValues | TableRows | tf.Tensor {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  if (value instanceof tf.Tensor) return true
  if ('table' in value && 'rows' in value) return true
  return 'shape' in value || ('data' in value && !isValues(value.data))
}

interface CountedInput extends Input {
  readonly count: number
}

async function inputOf(name: string, values: object, single: boolean, first = 'steps'): Promise<CountedInput> {
  const label = single ? 'batches' : name
  if ('table' in values) return tableInput(name, label, values as TableRows)
  const { data, shape, dtype } = values instanceof tf.Tensor ? await readTensor(label, values) : (values as ArrayValues)
  checkArray(label, data)
  if (!Array.isArray(shape) || !shape.every(isWhole) || !((shape[0] ?? 0) >= 1))
    fail(`${label}.shape must be a list of whole numbers, the number of ${first} first, got ${show(shape)}`)
  const size = valuesIn(shape)
  if (data.length !== size) fail(`${label}.data has ${data.length} values, but the shape [${shape}] has ${size}`)
  if (dtype !== undefined && !inputTypes.includes(dtype))
    fail(`${label}.dtype must be one of ${inputTypes.join(', ')}, got ${show(dtype)}`)
  const [count = 0, ...rest] = shape
  return { name, data: unclamped(data), shape: rest, dtype: dtype ?? usualType(data), count }
}

/** Rows of a table: checks both, and every row number. */
async function tableInput(name: string, label: string, { table, rows, shape }: TableRows): Promise<CountedInput> {
  if (!isValues(table) || 'table' in table) fail(`${label}.table must be { data, shape }, got ${kindOf(table)}`)
  const { count: height, shape: row, data, dtype } = await inputOf(`${label}.table`, table, false, 'rows')
  if (!(rows instanceof Int32Array)) fail(`${label}.rows must be an Int32Array, got ${kindOf(rows)}`)
  if (!Array.isArray(shape) || shape.length !== 2 || !shape.every(isWhole) || shape.includes(0))
    fail(`${label}.shape must be [steps, batch], the shape of its rows, got ${show(shape)}`)
  const [count, batch] = shape as [number, number]
  if (rows.length !== count * batch)
    fail(`${label}.rows has ${rows.length} numbers, but the shape [${shape}] has ${count * batch}`)
  const wrong = rows.findIndex(number => number < 0 || number >= height)
  if (wrong >= 0) fail(`${label}.rows[${wrong}] is ${rows[wrong]}; the table has rows 0 to ${height - 1}`)
  return { name, data, shape: [batch, ...row], dtype, rows, count }
}

async function oneStep(name: string, values: object): Promise<ArrayValues> {
  if ('table' in values)
    fail(`${name}: rows of a table are given for all steps at once, as { table, rows, shape: [steps, batch] }`)
  const { data, shape, dtype } = values instanceof tf.Tensor ? await readTensor(name, values) : (values as ArrayValues)
  if (!Array.isArray(shape))
    fail(`${name}.shape must be a list of whole numbers, the shape of one batch, got ${show(shape)}`)
  return { data, shape: [1, ...shape], dtype }
}

/** TF.js gives bytes the type int32, as there are no tensors of bytes. */
const usualType = (data: InputArray): Input['dtype'] => (data instanceof Float32Array ? 'float32' : 'int32')

const unclamped = (data: InputArray): Input['data'] =>
  data instanceof Uint8ClampedArray ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data

function checkArray(label: string, data: unknown): asserts data is InputArray {
  const known = [Uint8Array, Uint8ClampedArray, Int32Array, Float32Array]
  if (known.some(type => data instanceof type)) return
  const fix = Array.isArray(data) || ArrayBuffer.isView(data) ? ': use Float32Array.from(…)' : ''
  fail(`${label}.data must be a Uint8Array, an Int32Array or a Float32Array, got ${kindOf(data)}${fix}`)
}

async function readTensor(name: string, tensor: tf.Tensor): Promise<ArrayValues> {
  const dtype = inputTypes.find(type => type === tensor.dtype)
  if (dtype === undefined) fail(`${name} is a tensor of ${tensor.dtype}: use one of ${inputTypes.join(', ')}`)
  return { data: await tensor.data(), shape: tensor.shape, dtype }
}
