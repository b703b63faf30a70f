/** A program: a step as a list of operations in the order in which they ran. Read-only, checked when built, printable. */
import type { Attribute } from '../../libtensorflow/attributes.js'
import { dtypeName } from '../../libtensorflow/dtypes.js'

/** Element type, by TensorFlow's number, and shape of a tensor. */
export interface TensorType {
  readonly dtype: number
  readonly shape: readonly number[]
}

/** Result number `index` of node number `node`. */
export interface Value {
  readonly node: number
  readonly index: number
}

/** A constant's elements; booleans as bytes, complex64 as interleaved floats. */
export type Elements = Float32Array | Int32Array | Uint8Array

export interface Argument {
  readonly kind: 'argument'
  readonly name: string
  readonly types: readonly [TensorType]
}

export interface Constant {
  readonly kind: 'constant'
  readonly elements: Elements
  readonly types: readonly [TensorType]
}

/** A TensorFlow operation with its typed attributes; `types` are those of its results. */
export interface Operation {
  readonly kind: 'operation'
  readonly op: string
  readonly attributes: readonly Attribute[]
  readonly inputs: readonly Value[]
  readonly types: readonly TensorType[]
}

export type ProgramNode = Argument | Constant | Operation

/** Nodes refer to earlier ones only. */
export interface Program {
  readonly nodes: readonly ProgramNode[]
  readonly results: ReadonlyMap<string, Value>
}

/** A program, and the functions that it calls by name. */
export interface ProgramWithFunctions {
  readonly program: Program
  readonly functions: ReadonlyMap<string, Program>
}

/** The node of a value; throws an Error if there is no such node. */
export function nodeOf({ nodes }: { readonly nodes: readonly ProgramNode[] }, value: Value): ProgramNode {
  const node = nodes[value.node]
  if (node === undefined) throw new Error(`program: there is no node %${value.node}`)
  return node
}

/** The type of a value; throws an Error if there is no such value. */
export function typeOf(program: { readonly nodes: readonly ProgramNode[] }, value: Value): TensorType {
  const type = nodeOf(program, value).types[value.index]
  if (type === undefined) throw new Error(`program: node %${value.node} has no result ${value.index}`)
  return type
}

/** Returns `program`; throws an Error that names the first node that refers to a later one, repeats a name or does not fit its type. */
export function checkProgram(program: Program): Program {
  const names = new Set<string>()
  program.nodes.forEach((node, i) => {
    if (node.kind === 'argument' && names.size === names.add(node.name).size)
      throw new Error(`program: %${i}: the argument "${node.name}" is defined twice`)
    if (node.kind === 'constant') checkConstant(node, i)
    if (node.kind === 'operation') checkInputs(program, node, i)
  })
  for (const value of program.results.values()) typeOf(program, value)
  return program
}

function checkInputs(program: Program, { op, inputs }: Operation, i: number): void {
  for (const input of inputs) {
    if (input.node >= i) throw new Error(`program: %${i} ${op} takes %${input.node}, which comes later`)
    typeOf(program, input)
  }
}

function checkConstant({ elements, types: [type] }: Constant, i: number): void {
  const expected = sizeOf(type)
  if (elements.length !== expected && elements.length !== 2 * expected)
    throw new Error(`program: %${i}: ${elements.length} elements for a constant of type ${printType(type)}`)
}

/** The number of elements. */
export function sizeOf({ shape }: TensorType): number {
  return shape.reduce((product, n) => product * n, 1)
}

/** One line per node, then one with the results; for people and for snapshot tests. */
export function printProgram(program: Program): string {
  const lines = program.nodes.map((node, i) => `%${i} = ${printNode(node)} : ${node.types.map(printType).join(', ')}`)
  const results = [...program.results].map(([name, value]) => `${name}: ${printValue(value)}`)
  return [...lines, `return ${results.join(', ')}`].join('\n')
}

/** Such as `float32[128,784]`. */
export function printType({ dtype, shape }: TensorType): string {
  return `${dtypeName(dtype)}[${shape}]`
}

const MOST_PRINTED = 6

function printNode(node: ProgramNode): string {
  if (node.kind === 'argument') return `argument "${node.name}"`
  if (node.kind === 'constant') return `constant ${printElements(node.elements)}`
  const attributes = node.attributes.map(({ name, value }) => `${name}: ${JSON.stringify(value)}`)
  return `${node.op}(${node.inputs.map(printValue).join(', ')}) {${attributes.join(', ')}}`
}

function printValue({ node, index }: Value): string {
  return index === 0 ? `%${node}` : `%${node}:${index}`
}

function printElements(elements: Elements): string {
  const shown = Array.from(elements.subarray(0, MOST_PRINTED), value => Number(value.toPrecision(7)))
  return `[${shown.join(', ')}${elements.length > MOST_PRINTED ? ', …' : ''}]`
}
