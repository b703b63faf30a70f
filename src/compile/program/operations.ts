/** Operations that passes and loops add to a program. */
import { ATTRIBUTE_TYPES, type Attribute } from '../../libtensorflow/attributes.js'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import type { Builder } from './builder.js'
import type { Value } from './program.js'

const INT32 = DTYPES.TF_INT32

/** An attribute that is an element type. */
export const typeAttribute = (name: string, value: number): Attribute => ({
  name,
  type: ATTRIBUTE_TYPES.TF_ATTR_TYPE,
  value,
})

/** An attribute that is an integer. */
export const intAttribute = (name: string, value: number): Attribute => ({
  name,
  type: ATTRIBUTE_TYPES.TF_ATTR_INT,
  value,
})

/** A constant int32 scalar. */
export function int(builder: Builder, value: number): Value {
  return builder.constant(Int32Array.of(value), { dtype: INT32, shape: [] })
}

/** A constant int32 vector, such as a shape. */
export function ints(builder: Builder, values: readonly number[]): Value {
  return builder.constant(Int32Array.from(values), { dtype: INT32, shape: [values.length] })
}

/** The same elements in another shape. */
export function reshape(builder: Builder, value: Value, shape: readonly number[]): Value {
  const { dtype } = builder.typeOf(value)
  const attributes = [typeAttribute('T', dtype), typeAttribute('Tshape', INT32)]
  return builder.single('Reshape', attributes, [value, ints(builder, shape)], { dtype, shape })
}

/** A tensor of this shape, filled with `scalar`. */
export function fill(builder: Builder, scalar: Value, shape: readonly number[]): Value {
  const { dtype } = builder.typeOf(scalar)
  const attributes = [typeAttribute('T', dtype), typeAttribute('index_type', INT32)]
  return builder.single('Fill', attributes, [ints(builder, shape), scalar], { dtype, shape })
}

/** The elements cast to another type. */
export function cast(builder: Builder, value: Value, to: number): Value {
  const { dtype, shape } = builder.typeOf(value)
  if (dtype === to) return value
  return builder.single('Cast', [typeAttribute('SrcT', dtype), typeAttribute('DstT', to)], [value], {
    dtype: to,
    shape,
  })
}

/** The part of `value` that begins at `begin`, an int32 vector, and has the shape `size`. */
export function slice(builder: Builder, value: Value, begin: Value, size: readonly number[]): Value {
  const { dtype } = builder.typeOf(value)
  const attributes = [typeAttribute('T', dtype), typeAttribute('Index', INT32)]
  return builder.single('Slice', attributes, [value, begin, ints(builder, size)], { dtype, shape: size })
}

/** The rows of `table` at the indices `rows`, an int32 vector. */
export function gatherRows(builder: Builder, table: Value, rows: Value): Value {
  const { dtype, shape } = builder.typeOf(table)
  const [count = 0] = builder.typeOf(rows).shape
  const attributes = [
    typeAttribute('Tparams', dtype),
    typeAttribute('Tindices', INT32),
    typeAttribute('Taxis', INT32),
    intAttribute('batch_dims', 0),
  ]
  const type = { dtype, shape: [count, ...shape.slice(1)] }
  return builder.single('GatherV2', attributes, [table, rows, int(builder, 0)], type)
}

/**
 * Row `i` of `value`, a scalar int32, as [1, ...]. The same as `slice` along the first axis; XLA needs a `slice` where the row is not constant,
 * and a graph on a GPU needs this, because TensorFlow has no GPU kernel of `Slice` for uint8.
 */
export function stridedRow(builder: Builder, value: Value, i: Value): Value {
  const { dtype, shape } = builder.typeOf(value)
  const rest = shape.slice(1)
  const next = builder.single('AddV2', [typeAttribute('T', INT32)], [i, int(builder, 1)], { dtype: INT32, shape: [] })
  const begin = pack(builder, [i, ...rest.map(() => int(builder, 0))], 0)
  const end = pack(builder, [next, ...rest.map(size => int(builder, size))], 0)
  const attributes = [typeAttribute('T', dtype), typeAttribute('Index', INT32)]
  const strides = ints(
    builder,
    shape.map(() => 1),
  )
  return builder.single('StridedSlice', attributes, [value, begin, end, strides], { dtype, shape: [1, ...rest] })
}

/** Stacks values of one type along a new axis. */
export function pack(builder: Builder, values: readonly Value[], axis: number): Value {
  const [first] = values
  if (first === undefined) throw new Error('program: nothing to pack')
  const { dtype, shape } = builder.typeOf(first)
  const attributes = [typeAttribute('T', dtype), intAttribute('N', values.length), intAttribute('axis', axis)]
  return builder.single('Pack', attributes, values, { dtype, shape: shape.toSpliced(axis, 0, values.length) })
}

/** Vectors of one type, end to end. */
export function concatenation(builder: Builder, vectors: readonly Value[]): Value {
  const types = vectors.map(builder.typeOf)
  const [{ dtype } = { dtype: DTYPES.TF_FLOAT }] = types
  const shape = [types.reduce((sum, { shape: [size = 0] }) => sum + size, 0)]
  const attributes = [typeAttribute('T', dtype), typeAttribute('Tidx', INT32), intAttribute('N', vectors.length)]
  return builder.single('ConcatV2', attributes, [...vectors, int(builder, 0)], { dtype, shape })
}

/** The axes in another order: axis i of the result is axis `order[i]`. */
export function transpose(builder: Builder, value: Value, order: readonly number[]): Value {
  const { dtype, shape } = builder.typeOf(value)
  const attributes = [typeAttribute('T', dtype), typeAttribute('Tperm', INT32)]
  const type = { dtype, shape: order.map(axis => shape[axis] as number) }
  return builder.single('Transpose', attributes, [value, ints(builder, order)], type)
}

/** The elements in reverse order along `axes`. */
export function reverse(builder: Builder, value: Value, axes: readonly number[]): Value {
  const type = builder.typeOf(value)
  const attributes = [typeAttribute('T', type.dtype), typeAttribute('Tidx', INT32)]
  return builder.single('ReverseV2', attributes, [value, ints(builder, axes)], type)
}

/** `value` with `counts[axis]` zeros after its elements along each axis. */
export function zerosAfter(builder: Builder, value: Value, counts: readonly number[]): Value {
  if (counts.every(count => count === 0)) return value
  const { dtype, shape } = builder.typeOf(value)
  const attributes = [typeAttribute('T', dtype), typeAttribute('Tpaddings', INT32)]
  const paddings = Int32Array.from(counts.flatMap(count => [0, count]))
  const type = { dtype, shape: shape.map((size, axis) => size + (counts[axis] as number)) }
  const amounts = builder.constant(paddings, { dtype: INT32, shape: [shape.length, 2] })
  return builder.single('Pad', attributes, [value, amounts], type)
}
