// Sets the attributes of an operation, in the form in which tfjs-node's kernels pass them, through TFE_OpSetAttr….
import type { CApi, Op, Status } from './c-api.js'
import { check } from './status.js'

/** TF_AttrType (tensorflow/c/c_api.h), under the names that tfjs-node's binding exports. */
export const ATTRIBUTE_TYPES = {
  TF_ATTR_STRING: 0,
  TF_ATTR_INT: 1,
  TF_ATTR_FLOAT: 2,
  TF_ATTR_BOOL: 3,
  TF_ATTR_TYPE: 4,
  TF_ATTR_SHAPE: 5,
} as const

/** One attribute. `type` is one of ATTRIBUTE_TYPES; a list is an array of its values, a list of shapes an array of arrays. */
export interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

/** An op under construction. */
interface Target {
  readonly api: CApi
  readonly op: Op
  readonly status: Status
}

/** Sets an attribute's value; returns false if the value is of the wrong kind. */
type Setter = (target: Target, name: string, value: unknown) => boolean

const SETTERS: Readonly<Record<number, { readonly kind: string; readonly set: Setter }>> = {
  [ATTRIBUTE_TYPES.TF_ATTR_STRING]: { kind: 'a string, bytes or a list of strings', set: setString },
  [ATTRIBUTE_TYPES.TF_ATTR_INT]: { kind: 'an integer or a list of integers', set: setInt },
  [ATTRIBUTE_TYPES.TF_ATTR_FLOAT]: { kind: 'a number or a list of numbers', set: setFloat },
  [ATTRIBUTE_TYPES.TF_ATTR_BOOL]: { kind: 'a boolean or a list of booleans', set: setBool },
  [ATTRIBUTE_TYPES.TF_ATTR_TYPE]: { kind: "TensorFlow's number of a dtype or a list of such numbers", set: setType },
  [ATTRIBUTE_TYPES.TF_ATTR_SHAPE]: { kind: 'a shape or a list of shapes', set: setShape },
}

/** Sets one attribute of `op`, an operation named `opName`; throws an Error if its value is not of its type. */
export function setAttribute(api: CApi, status: Status, op: Op, opName: string, attribute: Attribute): void {
  const { name, type, value } = attribute
  if (typeof name !== 'string')
    throw new Error(`${opName}: the name of an attribute must be a string, got ${typeof name}`)
  const setter = SETTERS[type]
  if (setter === undefined) throw new Error(`${opName}: attribute ${name} has the unknown type ${type}`)
  if (!setter.set({ api, op, status }, name, value)) {
    throw new Error(`${opName}: attribute ${name} must be ${setter.kind}, got ${JSON.stringify(value) ?? typeof value}`)
  }
}

function setString({ api, op }: Target, name: string, value: unknown): boolean {
  if (isListOf(value, isString)) return setStringList(api, op, name, value)
  if (!isString(value) && !(value instanceof Uint8Array)) return false
  const bytes = isString(value) ? Buffer.from(value) : value
  api.TFE_OpSetAttrString(op, name, bytes, bytes.length)
  return true
}

function setStringList(api: CApi, op: Op, name: string, strings: readonly string[]): boolean {
  const contents = strings.map(string => Buffer.from(string))
  const lengths = BigUint64Array.from(contents, content => BigInt(content.length))
  api.TFE_OpSetAttrStringList(op, name, contents, lengths, contents.length)
  return true
}

/** Truncates fractions, as tfjs-node's addon does: TF.js passes seeds from Math.random(). */
function setInt({ api, op }: Target, name: string, value: unknown): boolean {
  const truncated = isNumber(value) ? Math.trunc(value) : Number.NaN
  if (Number.isSafeInteger(truncated)) api.TFE_OpSetAttrInt(op, name, truncated)
  else if (isListOf(value, isInteger)) api.TFE_OpSetAttrIntList(op, name, value, value.length)
  else return false
  return true
}

function setFloat({ api, op }: Target, name: string, value: unknown): boolean {
  if (isNumber(value)) api.TFE_OpSetAttrFloat(op, name, value)
  else if (isListOf(value, isNumber)) api.TFE_OpSetAttrFloatList(op, name, Float32Array.from(value), value.length)
  else return false
  return true
}

function setBool({ api, op }: Target, name: string, value: unknown): boolean {
  if (isBoolean(value)) api.TFE_OpSetAttrBool(op, name, Number(value))
  else if (isListOf(value, isBoolean)) api.TFE_OpSetAttrBoolList(op, name, Uint8Array.from(value, Number), value.length)
  else return false
  return true
}

function setType({ api, op }: Target, name: string, value: unknown): boolean {
  if (isInteger(value)) api.TFE_OpSetAttrType(op, name, value)
  else if (isListOf(value, isInteger)) api.TFE_OpSetAttrTypeList(op, name, Int32Array.from(value), value.length)
  else return false
  return true
}

function setShape({ api, op, status }: Target, name: string, value: unknown): boolean {
  if (isListOf(value, isInteger)) api.TFE_OpSetAttrShape(op, name, value, value.length, status)
  else if (isListOf(value, isShape)) setShapeList(api, op, name, value, status)
  else return false
  check(api, status, `attribute ${name}`)
  return true
}

function setShapeList(api: CApi, op: Op, name: string, shapes: readonly (readonly number[])[], status: Status): void {
  const dims = shapes.map(shape => BigInt64Array.from(shape, BigInt))
  const ranks = Int32Array.from(shapes, shape => shape.length)
  api.TFE_OpSetAttrShapeList(op, name, dims, ranks, shapes.length, status)
}

function isListOf<T>(value: unknown, is: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isShape(value: unknown): value is readonly number[] {
  return isListOf(value, isInteger)
}
