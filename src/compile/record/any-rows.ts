/**
 * The program of a function of tensors whose first axis, the rows, may have any size: what programs of other runtimes are made from. The
 * function is recorded with two numbers of rows; sizes that differ between the recordings are computed from the input in the program.
 */
import * as tf from '#tfjs'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { isNodeBackend, type NodeBackend } from '../../libtensorflow/node-backend.js'
import { optimize } from '../passes/simplify.js'
import { type Builder, rewrite } from '../program/builder.js'
import { ints, reshape, slice, typeAttribute } from '../program/operations.js'
import type {
  Argument,
  Constant,
  Elements,
  Operation,
  Program,
  ProgramNode,
  TensorType,
  Value,
} from '../program/program.js'
import { type Recording, record } from './record.js'
import { separateVariables } from './state.js'

/** Stands for the number of rows in the shapes of such a program, as in TensorFlow's. */
export const ANY = -1

/** The numbers of rows of the recordings. One row may be treated in a way of its own. */
const ROWS = [2, 3] as const

type Tensors = Readonly<Record<string, tf.Tensor>>

/**
 * Records `f`, whose inputs have the shapes [rows, ...`shapes`]. Arguments and results have its names; variables become constants. Throws an
 * Error if `f` does something that has no program for any number of rows, or if the backend is not native TensorFlow.
 */
export function programOfRows(
  shapes: Readonly<Record<string, readonly number[]>>,
  f: (inputs: Tensors) => Tensors,
): Program {
  const backend = tf.backend()
  if (!isNodeBackend(backend))
    throw new Error('programs are recorded by the backend tensorflow, which does not run here')
  const [first, second] = ROWS.map(rows => recordWith(backend, rows, shapes, f)) as [Recording, Recording]
  return optimize(merge(first, second))
}

function recordWith(
  backend: NodeBackend,
  rows: number,
  shapes: Readonly<Record<string, readonly number[]>>,
  f: (inputs: Tensors) => Tensors,
): Recording {
  const engine = tf.engine()
  engine.startScope()
  try {
    separateVariables(backend)
    const inputs = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, tf.zeros([rows, ...shape])]))
    return record(backend, inputs, () => f(inputs))
  } finally {
    engine.endScope()
  }
}

/** The program of both recordings. */
function merge({ program, variables }: Recording, { program: other }: Recording): Program {
  if (program.nodes.length !== other.nodes.length) throw refusal('it runs other operations')
  const types = new Map(program.nodes.map((node, i) => [node, mergeTypes(node, other.nodes[i])]))
  const sizes = new Map(
    program.nodes.flatMap((node, i) => {
      const size = node.kind === 'constant' ? mergeSizes(node, other.nodes[i] as Constant) : undefined
      return size ? [[i, size] as const] : []
    }),
  )
  let rows: Value | undefined
  const merged = rewrite(program, (node, inputs, builder) => {
    const of = types.get(node) as readonly TensorType[]
    if (node.kind === 'argument') {
      const value = argumentOf(node, of, variables, builder)
      if (!variables.has(node.name)) rows ??= rowsOf(builder, value)
      return [value]
    }
    if (node.kind === 'constant') {
      const size = sizes.get(program.nodes.indexOf(node))
      return size && [sizeValue(builder, size, rows as Value)]
    }
    return operationOf(node, of, inputs, sizes, builder)
  })
  return {
    ...merged,
    results: new Map([...merged.results].map(([name, value]) => [name.replace('output:', ''), value])),
  }
}

const refusal = (what: string): Error =>
  new Error(`this function has no program for any number of rows: ${what} for 3 rows than for 2`)

function argumentOf(
  { name }: Argument,
  [type]: readonly TensorType[],
  variables: Recording['variables'],
  builder: Builder,
): Value {
  const variable = variables.get(name)
  return variable
    ? builder.constant(variable.dataSync() as Elements, type as TensorType)
    : builder.argument(name, type as TensorType)
}

/** The number of rows as an int32 vector of one element. */
function rowsOf(builder: Builder, input: Value): Value {
  const { dtype, shape } = builder.typeOf(input)
  const attributes = [typeAttribute('T', dtype), typeAttribute('out_type', DTYPES.TF_INT32)]
  const all = builder.single('Shape', attributes, [input], { dtype: DTYPES.TF_INT32, shape: [shape.length] })
  return slice(builder, all, ints(builder, [0]), [1])
}

/** An operation; a shape to which a tensor is brought needs no computation if it depends on the rows in one place. */
function operationOf(
  { op, attributes, inputs: before }: Operation,
  types: readonly TensorType[],
  inputs: readonly Value[],
  sizes: ReadonlyMap<number, Size>,
  builder: Builder,
): readonly Value[] {
  const shape = op === 'Reshape' ? sizes.get(before[1]?.node as number) : undefined
  if (shape === undefined || shape.elements.includes(ANY) || shape.isRows.filter(Boolean).length > 1)
    return builder.operation(op, attributes, inputs, types)
  const known = shape.elements.map((element, i) => (shape.isRows[i] ? ANY : element))
  return builder.operation(op, attributes, [inputs[0] as Value, ints(builder, [...known])], types)
}

function mergeTypes(node: ProgramNode, other: ProgramNode | undefined): readonly TensorType[] {
  const same = ({ kind, ...rest }: ProgramNode) =>
    kind === 'operation' ? [(rest as Operation).op, (rest as Operation).attributes, (rest as Operation).inputs] : kind
  if (other === undefined || JSON.stringify(same(node)) !== JSON.stringify(same(other)))
    throw refusal('it runs other operations')
  return node.types.map(({ dtype, shape }, i) => {
    const otherShape = other.types[i]?.shape
    if (shape.length !== otherShape?.length) throw refusal('a tensor has other axes')
    return { dtype, shape: shape.map((size, axis) => mergeSize(size, otherShape[axis] as number)) }
  })
}

function mergeSize(size: number, other: number): number {
  if (size === other) return size
  if (size === ROWS[0] && other === ROWS[1]) return ANY
  throw refusal('an axis that is not that of the rows has another size')
}

/** An int32 constant, of which some elements are the number of rows. */
interface Size {
  elements: readonly number[]
  isRows: readonly boolean[]
  isScalar: boolean
}

/** Undefined if the constant does not depend on the number of rows. */
function mergeSizes({ elements, types: [{ dtype, shape }] }: Constant, other: Constant): Size | undefined {
  const [one, two] = [Array.from(elements), Array.from(other.elements)]
  if (one.length === two.length && one.every((element, i) => Object.is(element, two[i]))) return undefined
  if (dtype !== DTYPES.TF_INT32 || one.length !== two.length || shape.length > 1)
    throw refusal('a tensor of constants has other values')
  const isRows = one.map((element, i) => mergeSize(element, two[i] as number) === ANY && element !== ANY)
  return { elements: one, isRows, isScalar: shape.length === 0 }
}

/** The sizes in the program: those that are known, plus the number of rows where it belongs. */
function sizeValue(builder: Builder, { elements, isRows, isScalar }: Size, rows: Value): Value {
  if (isScalar) return reshape(builder, rows, [])
  if (elements.length === 1) return rows
  const type = { dtype: DTYPES.TF_INT32, shape: [elements.length] }
  const attributes = [typeAttribute('T', DTYPES.TF_INT32)]
  const places = ints(builder, isRows.map(Number))
  const known = ints(
    builder,
    elements.map((element, i) => (isRows[i] ? 0 : element)),
  )
  return builder.single('Add', attributes, [known, builder.single('Mul', attributes, [places, rows], type)], type)
}
