/**
 * Writes the gradients of convolutions as convolutions of images [n, h, w, c] by a filter [h, w, in, out], for which XLA has a fast
 * kernel on CPUs. XLA does so itself only outside of loops: in the body of a `While`, other convolutions become loops over scalars.
 */
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { bytesField, intField } from '../../libtensorflow/protobuf.js'
import { type Builder, rewrite } from '../program/builder.js'
import {
  int,
  intAttribute,
  ints,
  reshape,
  reverse,
  slice,
  transpose,
  typeAttribute,
  zerosAfter,
} from '../program/operations.js'
import type { Operation, Program, TensorType, Value } from '../program/program.js'

/** Replaces `Conv2DBackpropInput` and `Conv2DBackpropFilter` by `XlaConvV2`, except if dilated, grouped or channels-first. */
export function canonicalConvolutions(program: Program): Program {
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation') return undefined
    const [first, second, dy] = inputs as readonly [Value, Value, Value]
    if (node.op === 'Conv2DBackpropInput') return inputGradient(builder, node, second, dy)
    if (node.op === 'Conv2DBackpropFilter') return filterGradient(builder, node, first, dy)
    return undefined
  })
}

/**
 * With i + before = stride q + p, dx[i] is the sum over m of dy[q - m] w[p + stride m]. So dx is a convolution of dy with one filter per
 * phase p (of both axes) and channel of dx, whose results are interleaved (Shi et al. 2016). XLA's own rule instead puts zeros between
 * dy's elements and multiplies them too.
 */
function inputGradient(builder: Builder, node: Operation, filter: Value, dy: Value): Value[] | undefined {
  const type = node.types[0] as TensorType
  const axes = axesOf(node, type.shape, builder.typeOf(filter).shape, builder.typeOf(dy).shape)
  if (axes === undefined) return undefined
  const [images, , , channels] = type.shape as Four
  const steps = perAxis(axes, ({ stride }) => stride)
  const taps = perAxis(axes, tapsOf)
  const ends = perAxis(axes, axis => axis.output + tapsOf(axis) - 1)
  const convolved = convolution(
    builder,
    [dy, turnedFilter(builder, filter, taps, steps)],
    { padding: taps.map(count => [count - 1, count - 1]), dilation: [1, 1] },
    { ...type, shape: [images, ...ends, steps[0] * steps[1] * channels] },
  )
  const phases = reshape(builder, convolved, [images, ...ends, ...steps, channels])
  const rows = [ends[0] * steps[0], ends[1] * steps[1]] as const
  const interleaved = reshape(builder, transpose(builder, phases, [0, 1, 3, 2, 4, 5]), [images, ...rows, channels])
  const beyond = axes.map(({ before, size }, axis) => Math.max(before + size - (rows[axis] as number), 0))
  const begin = ints(builder, [0, ...perAxis(axes, ({ before }) => before), 0])
  return [slice(builder, zerosAfter(builder, interleaved, [0, ...beyond, 0]), begin, type.shape)]
}

/** Filter elements per phase p. */
const tapsOf = ({ kernel, stride }: Axis): number => Math.ceil(kernel / stride)

/** w [h, w, in, out] as [taps, taps, out, step * step * in], with the taps reversed. */
function turnedFilter(builder: Builder, filter: Value, taps: Two, steps: Two): Value {
  const [height, width, into, out] = builder.typeOf(filter).shape as Four
  const whole = zerosAfter(builder, filter, [taps[0] * steps[0] - height, taps[1] * steps[1] - width, 0, 0])
  const split = reshape(builder, whole, [taps[0], steps[0], taps[1], steps[1], into, out])
  const turned = reverse(builder, transpose(builder, split, [0, 2, 5, 1, 3, 4]), [0, 1])
  return reshape(builder, turned, [...taps, out, steps[0] * steps[1] * into])
}

/** dw is x by dy dilated by the stride, with images and channels swapped: [c, h, w, n] by [h, w, n, c] is [in, h, w, out]. */
function filterGradient(builder: Builder, node: Operation, x: Value, dy: Value): Value[] | undefined {
  const type = node.types[0] as TensorType
  const [images, , , channels] = builder.typeOf(x).shape as Four
  const axes = axesOf(node, builder.typeOf(x).shape, type.shape, builder.typeOf(dy).shape)
  if (axes === undefined) return undefined
  const reach = ({ output, stride, kernel, before }: Axis) => (output - 1) * stride + kernel - before
  const reached = [images, ...perAxis(axes, axis => Math.min(axis.size, reach(axis))), channels]
  const [height, width, into, out] = type.shape as Four
  const dw = convolution(
    builder,
    [
      transpose(builder, slice(builder, x, ints(builder, [0, 0, 0, 0]), reached), [3, 1, 2, 0]),
      transpose(builder, dy, [1, 2, 0, 3]),
    ],
    {
      padding: axes.map(axis => [axis.before, Math.max(reach(axis) - axis.size, 0)]),
      dilation: axes.map(({ stride }) => stride),
    },
    { ...type, shape: [into, height, width, out] },
  )
  return [transpose(builder, dw, [1, 2, 0, 3])]
}

/** One spatial axis of the convolution whose gradient is taken. */
interface Axis {
  /** Of the image. */
  readonly size: number
  readonly kernel: number
  readonly stride: number
  /** Zeros before the image. */
  readonly before: number
  /** Of dy. */
  readonly output: number
}

type Axes = readonly [Axis, Axis]

const perAxis = ([vertical, horizontal]: Axes, f: (axis: Axis) => number): Two => [f(vertical), f(horizontal)]

type Shape = readonly number[]
type Two = readonly [number, number]
type Four = readonly [number, number, number, number]

function axesOf({ attributes, types }: Operation, image: Shape, filter: Shape, dy: Shape): Axes | undefined {
  const attribute = (name: string) => attributes.find(attribute => attribute.name === name)?.value
  const padded = ['VALID', 'SAME'].indexOf(String(attribute('padding')))
  const isPlain =
    types[0]?.dtype === DTYPES.TF_FLOAT &&
    attribute('data_format') === 'NHWC' &&
    (attribute('dilations') as Shape).every(dilation => dilation === 1) &&
    filter[2] === image[3] &&
    padded >= 0
  if (!isPlain) return undefined
  const along = (axis: 1 | 2): Axis => {
    const sizes = [image[axis], filter[axis - 1], dy[axis], (attribute('strides') as Shape)[axis]]
    const [size, kernel, output, stride] = sizes as unknown as Four
    const zeros = padded * Math.max((output - 1) * stride + kernel - size, 0)
    return { size, kernel, stride, output, before: Math.floor(zeros / 2) }
  }
  return [along(1), along(2)]
}

interface Window {
  /** Zeros before and after the images, per axis. */
  readonly padding: readonly Shape[]
  /** Distance between neighbouring filter elements, per axis. */
  readonly dilation: Shape
}

/** Convolves [n, h, w, in] with [h, w, in, out]: [n, h, w, out]. */
function convolution(
  builder: Builder,
  [left, right]: readonly [Value, Value],
  { padding, dilation }: Window,
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
  const ones = ints(builder, [1, 1])
  const window = [ones, pads, ones, ints(builder, dilation)]
  return builder.single('XlaConvV2', attributes, [left, right, ...window, int(builder, 1)], type)
}

/** xla.ConvolutionDimensionNumbers (xla/xla_data.proto): what each axis of the images, the filter and the result means. */
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
