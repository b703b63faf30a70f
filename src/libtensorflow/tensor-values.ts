// Converts JavaScript arrays to TF_Tensors and back. Bytes are copied both ways.
import { type CApi, type Data, required, type Status, type Tensor } from './c-api.js'
import { DTYPES, dtypeName } from './dtypes.js'
import { bytesField, intField } from './protobuf.js'
import { elementCount } from './shapes.js'
import { check } from './status.js'

/** Numbers, booleans or strings, flat or nested; only their order matters. */
export type NestedArray = readonly (number | bigint | boolean | string | Uint8Array | NestedArray)[]
type TypedArray = Float32Array | Int32Array | Uint8Array | BigInt64Array
/** Values that a tensor can be created from. */
export type TensorValues = TypedArray | NestedArray
/** Values read from a tensor: strings and resources as their bytes, complex64 as interleaved real and imaginary parts. */
export type ReadValues = TypedArray | Uint8Array[]

const TSTRING_BYTES = 24

interface Layout {
  /** JavaScript numbers per element. */
  readonly width: number
  readonly bytesPerNumber: number
  allocate(length: number): TypedArray
  from(values: readonly unknown[]): TypedArray
  accepts(values: TypedArray): boolean
}

const float32: Layout = {
  width: 1,
  bytesPerNumber: 4,
  allocate: length => new Float32Array(length),
  from: values => Float32Array.from(values, Number),
  accepts: values => values instanceof Float32Array,
}
const int32: Layout = {
  width: 1,
  bytesPerNumber: 4,
  allocate: length => new Int32Array(length),
  from: values => Int32Array.from(values, Number),
  accepts: values => values instanceof Int32Array,
}
const uint8: Layout = {
  width: 1,
  bytesPerNumber: 1,
  allocate: length => new Uint8Array(length),
  from: values => Uint8Array.from(values, Number),
  accepts: values => values instanceof Uint8Array,
}
const int64: Layout = {
  width: 1,
  bytesPerNumber: 8,
  allocate: length => new BigInt64Array(length),
  from: values => BigInt64Array.from(values, toBigInt),
  accepts: values => values instanceof BigInt64Array,
}
/** tfjs-node's int64: pairs (low half, high half). */
const int64Halves: Layout = { ...int32, width: 2 }

const LAYOUTS: Readonly<Record<number, Layout>> = {
  [DTYPES.TF_FLOAT]: float32,
  [DTYPES.TF_COMPLEX64]: { ...float32, width: 2 },
  [DTYPES.TF_UINT8]: uint8,
  [DTYPES.TF_BOOL]: uint8,
  [DTYPES.TF_INT32]: int32,
  [DTYPES.TF_INT64]: int64,
}

/**
 * A new TF_Tensor, which the caller deletes. int64 values are a BigInt64Array, numbers or, as in tfjs-node, an Int32Array of pairs
 * (low, high). Throws an Error if the values do not fit shape and dtype.
 */
export function newTensor(
  api: CApi,
  status: Status,
  shape: readonly number[],
  dtype: number,
  values: TensorValues,
): Tensor {
  const count = elementCount(shape)
  if (dtype === DTYPES.TF_STRING) return newStringTensor(api, status, shape, count, values)
  const array = toTypedArray(shape, count, dtype, values)
  const tensor = allocate(api, shape, dtype, array.byteLength)
  if (array.byteLength > 0) api.memcpy(dataOf(api, tensor), array, array.byteLength)
  return tensor
}

/** Reads a TF_Tensor, which the caller still owns. Throws an Error if its dtype has no counterpart in TF.js. */
export function readTensor(api: CApi, tensor: Tensor): ReadValues {
  const dtype = api.TF_TensorType(tensor)
  const byteLength = Number(api.TF_TensorByteSize(tensor))
  if (dtype === DTYPES.TF_STRING) return readStrings(api, tensor, byteLength / TSTRING_BYTES)
  if (dtype === DTYPES.TF_RESOURCE) return [readBytes(api, dataOf(api, tensor), byteLength)]
  const layout = LAYOUTS[dtype]
  if (layout === undefined) throw new Error(`a tensor of ${dtypeName(dtype)} cannot be read: cast it first`)
  const array = layout.allocate(byteLength / layout.bytesPerNumber)
  if (byteLength > 0) api.memcpy(array, dataOf(api, tensor), byteLength)
  return array
}

function allocate(api: CApi, shape: readonly number[], dtype: number, bytes: number): Tensor {
  const what = `a ${dtypeName(dtype)} tensor of shape [${shape}], ${bytes} bytes`
  return required(api.TF_AllocateTensor(dtype, shape, shape.length, bytes), what)
}

/** The memory of a tensor that is not empty. */
const dataOf = (api: CApi, tensor: Tensor): Data => required(api.TF_TensorData(tensor), 'TF_TensorData')

function toTypedArray(shape: readonly number[], count: number, dtype: number, values: TensorValues): TypedArray {
  const layout = dtype === DTYPES.TF_INT64 && values instanceof Int32Array ? int64Halves : LAYOUTS[dtype]
  if (layout === undefined) throw new Error(`a tensor of ${dtypeName(dtype)} cannot be made from values`)
  const array = isNested(values) ? layout.from(flatten(values)) : values
  if (!layout.accepts(array)) {
    throw new Error(`a ${dtypeName(dtype)} tensor cannot be made from a ${array.constructor.name}`)
  }
  const expected = count * layout.width
  if (array.length !== expected) throw mismatch(shape, dtype, expected, array.length)
  return array
}

/** Uses a TensorProto, because TensorFlow frees long strings only in a tensor that it has filled itself. */
function newStringTensor(
  api: CApi,
  status: Status,
  shape: readonly number[],
  count: number,
  values: TensorValues,
): Tensor {
  const strings = isNested(values) ? flatten(values) : []
  if (strings.length !== count) throw mismatch(shape, DTYPES.TF_STRING, count, strings.length)
  const proto = stringTensorProto(shape, strings)
  const tensor = allocate(api, [0], DTYPES.TF_STRING, 0)
  const buffer = required(api.TF_NewBufferFromString(proto, proto.length), 'TF_NewBufferFromString')
  try {
    api.TF_TensorFromProto(buffer, tensor, status)
    check(api, status, 'string tensor')
    return tensor
  } catch (error) {
    api.TF_DeleteTensor(tensor)
    throw error
  } finally {
    api.TF_DeleteBuffer(buffer)
  }
}

/** TensorProto: dtype = 1, tensor_shape = 2 { dim = 2 { size = 1 } }, string_val = 8. */
function stringTensorProto(shape: readonly number[], strings: readonly unknown[]): Uint8Array {
  const dims = shape.map(n => bytesField(2, intField(1, n)))
  const values = strings.map(value => bytesField(8, stringBytes(value)))
  return Buffer.concat([intField(1, DTYPES.TF_STRING), bytesField(2, ...dims), ...values])
}

function stringBytes(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return value
  throw new Error(`a string tensor takes strings or Uint8Arrays, got ${typeof value}`)
}

function readStrings(api: CApi, tensor: Tensor, count: number): Uint8Array[] {
  if (count === 0) return []
  const data = dataOf(api, tensor)
  return Array.from({ length: count }, (_, i) => {
    const string = (data + BigInt(i * TSTRING_BYTES)) as Data
    const text = required(api.TF_StringGetDataPointer(string), 'TF_StringGetDataPointer')
    return readBytes(api, text, Number(api.TF_StringGetSize(string)))
  })
}

function readBytes(api: CApi, data: Data, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  if (length > 0) api.memcpy(bytes, data, length)
  return bytes
}

function mismatch(shape: readonly number[], dtype: number, expected: number, found: number): Error {
  return new Error(`a ${dtypeName(dtype)} tensor of shape [${shape}] takes ${expected} values, got ${found}`)
}

function isNested(values: TensorValues): values is NestedArray {
  return Array.isArray(values)
}

function flatten(values: readonly unknown[]): unknown[] {
  return values.flat(Number.POSITIVE_INFINITY)
}

function toBigInt(value: unknown): bigint {
  return typeof value === 'bigint' ? value : BigInt(Number(value))
}
