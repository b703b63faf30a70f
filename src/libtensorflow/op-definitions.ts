// TensorFlow's definitions of its operations: OpList and OpDef (tensorflow/core/framework/op_def.proto), read once from the library.
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { type CApi, type Data, required } from './c-api.js'

/** The part of an operation's definition that this project uses. */
export interface OpDefinition {
  readonly inputs: readonly InputDefinition[]
  /** It is not a pure function of its inputs: it draws noise, prints, reads files or holds a resource. */
  readonly stateful: boolean
}

interface InputDefinition {
  /** The attribute that holds the input's element type; empty if the type is fixed. */
  readonly typeAttribute: string
  /** It stands for several tensors. */
  readonly isList: boolean
}

/** The OpDefs of a library by name, each parsed when it is first asked for: most of 1,500 never are. */
interface Definitions {
  readonly bytes: ReadonlyMap<string, Uint8Array>
  readonly parsed: Map<string, OpDefinition>
}

const known = new WeakMap<CApi, Definitions>()

/** The definition of the operation `op`; undefined if this TensorFlow does not have it. */
export function opDefinition(api: CApi, op: string): OpDefinition | undefined {
  const { bytes, parsed } = definitionsOf(api)
  const own = bytes.get(op)
  const definition = parsed.get(op) ?? (own && parseOpDef(own))
  if (definition) parsed.set(op, definition)
  return definition
}

function definitionsOf(api: CApi): Definitions {
  const definitions = known.get(api) ?? { bytes: splitOpList(opListBytes(api)), parsed: new Map() }
  known.set(api, definitions)
  return definitions
}

const ADDRESS_BYTES = 8

/** A copy of TensorFlow's OpList. TF_Buffer is { data, length, … }. */
function opListBytes(api: CApi): Uint8Array {
  const buffer = required(api.TF_GetAllOpList(), 'TF_GetAllOpList')
  const head = new BigUint64Array(2)
  api.memcpy(head, buffer as bigint as Data, 2 * ADDRESS_BYTES)
  const bytes = new Uint8Array(Number(head[1]))
  api.memcpy(bytes, head[0] as Data, bytes.length)
  api.TF_DeleteBuffer(buffer)
  return bytes
}

/** OpList: op = 1. */
function splitOpList(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const definitions = new Map<string, Uint8Array>()
  readFields(bytes, (field, reader) => {
    if (field !== 1) return false
    const own = reader.bytes()
    definitions.set(nameOf(own), own)
    return true
  })
  return definitions
}

/** OpDef: name = 1, which comes first. */
function nameOf(bytes: Uint8Array): string {
  const reader = new BinaryReader(bytes)
  reader.tag()
  return reader.string()
}

/** OpDef: input_arg = 2, is_stateful = 17. */
function parseOpDef(bytes: Uint8Array): OpDefinition {
  const inputs: InputDefinition[] = []
  let stateful = false
  readFields(bytes, (field, reader) => {
    if (field === 2) inputs.push(parseArgDef(reader.bytes()))
    else if (field === 17) stateful = reader.bool()
    else return false
    return true
  })
  return { inputs, stateful }
}

/** ArgDef: type_attr = 4, number_attr = 5, type_list_attr = 6. */
function parseArgDef(bytes: Uint8Array): InputDefinition {
  const attributes = { 4: '', 5: '', 6: '' }
  readFields(bytes, (field, reader) => {
    if (!(field in attributes)) return false
    attributes[field as keyof typeof attributes] = reader.string()
    return true
  })
  return { typeAttribute: attributes[4], isList: attributes[5] !== '' || attributes[6] !== '' }
}

/** Visits the fields of a message; `read` returns whether it has read the field. */
function readFields(bytes: Uint8Array, read: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (!read(field, reader)) reader.skip(wireType)
  }
}
