/** Messages of ONNX's protocol buffers (onnx.proto3). */
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { bytesField, intField, textField } from '../../libtensorflow/protobuf.js'
import type { TensorType } from './program.js'

/** TensorProto.DataType by TensorFlow's number. */
const DATA_TYPES: Readonly<Record<number, number>> = {
  [DTYPES.TF_FLOAT]: 1,
  [DTYPES.TF_INT32]: 6,
  [DTYPES.TF_INT64]: 7,
  [DTYPES.TF_BOOL]: 9,
}

function dataType(dtype: number): number {
  const type = DATA_TYPES[dtype]
  if (type === undefined) throw new Error(`ONNX: tensors of type ${dtype} cannot be exported`)
  return type
}

/** TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9. */
export function tensorProto(
  name: string,
  { dtype, shape }: TensorType,
  { buffer, byteOffset, byteLength }: Float32Array | Int32Array | Uint8Array | BigInt64Array,
): Uint8Array {
  const raw = new Uint8Array(buffer, byteOffset, byteLength)
  const dims = shape.map(size => intField(1, size))
  return Buffer.concat([...dims, intField(2, dataType(dtype)), textField(8, name), bytesField(9, raw)])
}

/** ValueInfoProto: name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 { dim_value = 1 | dim_param = 2 } } } }; -1 is the batch. */
export function valueInfo(name: string, { dtype, shape }: TensorType): Uint8Array {
  const dims = shape.map(size => bytesField(1, size < 0 ? textField(2, 'batch') : intField(1, size)))
  const tensor = bytesField(1, intField(1, dataType(dtype)), bytesField(2, ...dims))
  return Buffer.concat([textField(1, name), bytesField(2, tensor)])
}

/** An attribute of a node: NodeProto.attribute = 5. */
export const attributeField = (attribute: Uint8Array): Uint8Array => bytesField(5, attribute)

/** AttributeProto: name = 1, i = 3, s = 4, ints = 8, type = 20 (INT 2, STRING 3, INTS 7). */
export const intAttribute = (name: string, value: number): Uint8Array =>
  Buffer.concat([textField(1, name), intField(3, value), intField(20, 2)])

export const textAttribute = (name: string, value: string): Uint8Array =>
  Buffer.concat([textField(1, name), bytesField(4, Buffer.from(value)), intField(20, 3)])

export const intsAttribute = (name: string, values: readonly number[]): Uint8Array =>
  Buffer.concat([textField(1, name), ...values.map(value => intField(8, value)), intField(20, 7)])
