/**
 * Gradients of convolutions in the form for which XLA has a fast kernel on CPUs: images [n, h, w, c] by a filter [h, w, in, out]. It
 * brings others into that form by itself, but only outside of loops: in the body of a `While` they become loops over single numbers.
 */
import { ATTRIBUTE_TYPES } from '../libtensorflow/attributes.js'
import { DTYPES } from '../libtensorflow/dtypes.js'
import { bytesField, intField } from '../libtensorflow/protobuf.js'
import { type Builder, rewrite } from './builder.js'
import { int, intAttribute, ints, typeAttribute } from './operations.js'
import type { Operation, Program, TensorType, Value } from './program.js'

/** `Conv2DBackpropInput` and `Conv2DBackpropFilter` as `XlaConvV2`. Dilated, grouped and channels-first convolutions stay as they are. */
export function canonicalConvolutions(program: Program): Program {
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation') return undefined
    const [first, second, dy] = inputs as readonly [Value, Value, Value]
    if (node.op === 'Conv2DBackpropInput') return inputGradient(builder, node, second, dy)
    if (node.op === 'Conv2DBackpropFilter') return filterGradient(builder, node, first, dy)
    return undefined
  })
}

/** dx is dy, spread out, by the filter turned around, [h, w, out, in]. */
function inputGradient(builder: Builder, node: Operation, filter: Value, dy: Value): Value[] | undefined {
  const type = node.types[0] as TensorType
  const axes = axesOf(node, type.shape, builder.typeOf(filter).shape, builder.typeOf(dy).shape)
  if (axes === undefined) return undefined
  const turned = transpose(builder, reverse(builder, filter, [0, 1]), [0, 1, 3, 2])
  const padding = axes.map(({ size, kernel, before, spread }) => [kernel - 1 - before, size - spread + before])
  const dilations = { left: axes.map(({ stride }) => stride), right: [1, 1] }
  return [convolution(builder, [dy, turned], { padding, dilations }, type)]
}

/** dw is x by dy, spread out, images and channels having changed places: [c, h, w, n] by [h, w, n, c] is [in, h, w, out]. */
function filterGradient(builder: Builder, node: Operation, x: Value, dy: Value): Value[] | undefined {
  const type = node.types[0] as TensorType
  const axes = axesOf(node, builder.typeOf(x).shape, type.shape, builder.typeOf(dy).shape)
  if (axes === undefined) return undefined
  const padding = axes.map(({ size, kernel, before, spread }) => [before, kernel + spread - 1 - size - before])
  if (padding.flat().some(zeros => zeros < 0)) return undefined // the filter never gets to the last rows or columns of x
  const [height, width, into, out] = type.shape as readonly [number, number, number, number]
  const dw = convolution(
    builder,
    [transpose(builder, x, [3, 1, 2, 0]), transpose(builder, dy, [1, 2, 0, 3])],
    { padding, dilations: { left: [1, 1], right: axes.map(({ stride }) => stride) } },
    { ...type, shape: [into, height, width, out] },
  )
  return [transpose(builder, dw, [1, 2, 0, 3])]
}

/** One of the two axes along which the convolution runs whose gradient is taken. */
interface Axis {
  /** Of the image. */
  readonly size: number
  readonly kernel: number
  readonly stride: number
  /** Zeros before the image. */
  readonly before: number
  /** The size of dy with stride - 1 zeros between its elements. */
  readonly spread: number
}

type Shape = readonly number[]

function axesOf({ attributes, types }: Operation, image: Shape, filter: Shape, dy: Shape): Axis[] | undefined {
  const attribute = (name: string) => attributes.find(attribute => attribute.name === name)?.value
  const padded = ['VALID', 'SAME'].indexOf(String(attribute('padding')))
  const isPlain =
    types[0]?.dtype === DTYPES.TF_FLOAT &&
    attribute('data_format') === 'NHWC' &&
    (attribute('dilations') as Shape).every(dilation => dilation === 1) &&
    filter[2] === image[3] &&
    padded >= 0
  if (!isPlain) return undefined
  return [1, 2].map(axis => {
    const along = [image[axis], filter[axis - 1], dy[axis], (attribute('strides') as Shape)[axis]]
    const [size, kernel, output, stride] = along as [number, number, number, number]
    const spread = (output - 1) * stride + 1
    const zeros = padded * Math.max(spread + kernel - 1 - size, 0)
    return { size, kernel, stride, spread, before: Math.floor(zeros / 2) }
  })
}

interface Window {
  /** Zeros before and after the left side, per axis. */
  readonly padding: readonly Shape[]
  /** The distance of neighbouring elements, of which 1 is usual, per axis. */
  readonly dilations: { readonly left: Shape; readonly right: Shape }
}

/** [n, h, w, in] by [h, w, in, out] is [n, h, w, out]. */
function convolution(
  builder: Builder,
  [left, right]: readonly [Value, Value],
  { padding, dilations }: Window,
  type: TensorType,
): Value {
  const bytes = (name: string, value: Uint8Array) => ({ name, type: ATTRIBUTE_TYPES.TF_ATTR_STRING, value })
  const attributes = [
    ...['LhsT', 'RhsT', 'preferred_element_type'].map(name => typeAttribute(name, type.dtype)),
    typeAttribute('Tindices', DTYPES.TF_INT32),
    bytes('dimension_numbers', IMAGES_BY_FILTER),
    bytes('precision_config', new Uint8Array()),
    intAttribute('batch_group_count', 1),
  ]
  const pads = builder.constant(Int32Array.from(padding.flat()), { dtype: DTYPES.TF_INT32, shape: [2, 2] })
  const window = [ints(builder, [1, 1]), pads, ints(builder, dilations.left), ints(builder, dilations.right)]
  return builder.single('XlaConvV2', attributes, [left, right, ...window, int(builder, 1)], type)
}

/** xla.ConvolutionDimensionNumbers (xla/xla_data.proto): which axis is which of three tensors of four. */
const IMAGES_BY_FILTER = Buffer.concat([
  intField(3, 2), // kernel_input_feature_dimension
  intField(4, 3), // kernel_output_feature_dimension
  bytesField(6, Uint8Array.of(0, 1)), // kernel_spatial_dimensions
  intField(7, 0), // input_batch_dimension
  intField(8, 3), // input_feature_dimension
  intField(9, 0), // output_batch_dimension
  intField(10, 3), // output_feature_dimension
  bytesField(11, Uint8Array.of(1, 2)), // input_spatial_dimensions
  bytesField(12, Uint8Array.of(1, 2)), // output_spatial_dimensions
])

function transpose(builder: Builder, value: Value, order: Shape): Value {
  const { dtype, shape } = builder.typeOf(value)
  const attributes = [typeAttribute('T', dtype), typeAttribute('Tperm', DTYPES.TF_INT32)]
  const type = { dtype, shape: order.map(axis => shape[axis] as number) }
  return builder.single('Transpose', attributes, [value, ints(builder, order)], type)
}

function reverse(builder: Builder, value: Value, axes: Shape): Value {
  const type = builder.typeOf(value)
  const attributes = [typeAttribute('T', type.dtype), typeAttribute('Tidx', DTYPES.TF_INT32)]
  return builder.single('ReverseV2', attributes, [value, ints(builder, axes)], type)
}
