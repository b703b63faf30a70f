/** Encodes programs as GraphDefs (tensorflow/core/framework/graph.proto, node_def.proto, attr_value.proto, tensor.proto). */
import { ATTRIBUTE_TYPES, type Attribute } from '../../libtensorflow/attributes.js'
import { bytesField, floatField, intField, textField } from '../../libtensorflow/protobuf.js'
import { type Elements, type Program, type ProgramNode, type TensorType, typeOf, type Value } from './program.js'

/** TF_ATTR_FUNC: an attribute that names a function, as in `While`. tfjs-node's kernels never send one. */
export const FUNCTION_ATTRIBUTE = 8

/** The version of graphs that TensorFlow 2.21 writes. */
const PRODUCER = 1087

/** A program as a graph; `inputs` and `outputs` are the nodes that stand for its arguments and results, in order. */
export interface ProgramGraph {
  readonly bytes: Uint8Array
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

export function toGraph(program: Program): ProgramGraph {
  const { nodes, results } = program
  const encoded = nodes.map((node, i) => encodeNode(node, nodeName(i)))
  const identities = [...results.values()].map((value, i) =>
    encodeIdentity(value, typeOf(program, value), `result_${i}`),
  )
  const versions = bytesField(4, intField(1, PRODUCER)) // GraphDef.versions = 4, VersionDef.producer = 1
  return {
    bytes: Buffer.concat([...[...encoded, ...identities].map(node => bytesField(1, node)), versions]),
    inputs: nodes.flatMap((node, i) => (node.kind === 'argument' ? [nodeName(i)] : [])),
    outputs: identities.map((_, i) => `result_${i}`),
  }
}

const nodeName = (i: number): string => `n${i}`

function encodeNode(node: ProgramNode, name: string): Uint8Array {
  if (node.kind === 'argument') return encodePlaceholder(name, node.types[0])
  if (node.kind === 'constant') return encodeConstant(name, node.types[0], node.elements)
  return nodeDef(
    name,
    node.op,
    node.inputs.map(({ node, index }) => `${nodeName(node)}:${index}`),
    node.attributes.map(attribute => [attribute.name, encodeAttribute(node.op, attribute)]),
  )
}

function encodePlaceholder(name: string, { dtype, shape }: TensorType): Uint8Array {
  return nodeDef(
    name,
    'Placeholder',
    [],
    [
      ['dtype', intField(6, dtype)],
      ['shape', bytesField(7, shapeProto(shape))],
    ],
  )
}

function encodeConstant(name: string, { dtype, shape }: TensorType, elements: Elements): Uint8Array {
  const content = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength)
  // TensorProto: dtype = 1, tensor_shape = 2, tensor_content = 4
  const tensor = [intField(1, dtype), bytesField(2, shapeProto(shape)), bytesField(4, content)]
  return nodeDef(
    name,
    'Const',
    [],
    [
      ['dtype', intField(6, dtype)],
      ['value', bytesField(8, ...tensor)],
    ],
  )
}

function encodeIdentity({ node, index }: Value, { dtype }: TensorType, name: string): Uint8Array {
  return nodeDef(name, 'Identity', [`${nodeName(node)}:${index}`], [['T', intField(6, dtype)]])
}

/** NodeDef: name = 1, op = 2, input = 3, attr = 5 { key = 1, value = 2 }. */
function nodeDef(
  name: string,
  op: string,
  inputs: readonly string[],
  attributes: readonly (readonly [name: string, value: Uint8Array])[],
): Uint8Array {
  return Buffer.concat([
    textField(1, name),
    textField(2, op),
    ...inputs.map(input => textField(3, input)),
    ...attributes.map(([key, value]) => bytesField(5, textField(1, key), bytesField(2, value))),
  ])
}

/** AttrValue: list = 1, s = 2, i = 3, f = 4, b = 5, type = 6, shape = 7, tensor = 8, func = 10 { name = 1 }; lists have the same numbers. */
function encodeAttribute(op: string, { name, type, value }: Attribute): Uint8Array {
  const isList = type === ATTRIBUTE_TYPES.TF_ATTR_SHAPE ? isArrayOfArrays(value) : Array.isArray(value)
  const encoded = isList ? (value as unknown[]).map(item => encodeSingle(type, item)) : [encodeSingle(type, value)]
  if (encoded.includes(undefined))
    throw new Error(`${op}: attribute ${name} cannot be encoded: type ${type}, value ${JSON.stringify(value)}`)
  return isList ? bytesField(1, ...(encoded as Uint8Array[])) : (encoded[0] as Uint8Array)
}

function encodeSingle(type: number, value: unknown): Uint8Array | undefined {
  switch (type) {
    case ATTRIBUTE_TYPES.TF_ATTR_STRING:
      return bytesField(2, typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array))
    case ATTRIBUTE_TYPES.TF_ATTR_INT:
      return intField(3, Math.trunc(Number(value)))
    case ATTRIBUTE_TYPES.TF_ATTR_FLOAT:
      return floatField(4, Number(value))
    case ATTRIBUTE_TYPES.TF_ATTR_BOOL:
      return intField(5, Number(value))
    case ATTRIBUTE_TYPES.TF_ATTR_TYPE:
      return intField(6, Number(value))
    case ATTRIBUTE_TYPES.TF_ATTR_SHAPE:
      return bytesField(7, shapeProto(value as readonly number[]))
    case FUNCTION_ATTRIBUTE:
      return bytesField(10, textField(1, String(value)))
  }
  return undefined
}

function isArrayOfArrays(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(Array.isArray)
}

/** TensorShapeProto: dim = 2 { size = 1 }; -1 is a size that is not known. */
export function shapeProto(shape: readonly number[]): Uint8Array {
  return Buffer.concat(shape.map(size => bytesField(2, intField(1, size))))
}
