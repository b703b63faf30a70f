/**
 * Matrix products of operands rounded to bfloat16, with float32 sums: what PyTorch calls autocast. Everything else stays float32: weights,
 * the optimizer's moments, losses.
 */
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { type Builder, newBuilder, rewrite } from '../program/builder.js'
import { conditional } from '../program/conditional.js'
import { cast, int, ints, reshape, slice, transpose, typeAttribute } from '../program/operations.js'
import type { Operation, Program, ProgramWithFunctions, TensorType, Value } from '../program/program.js'

/** TensorFlow's number for bfloat16, which TF.js lacks. */
const BFLOAT16 = 14

/** The type of a step's key, which every compiled step gets, whether it uses it or not. */
const KEY: TensorType = { dtype: DTYPES.TF_INT32, shape: [2] }

/**
 * Replaces each `MatMul` of float32 in the program of a step. A value is rounded once, however many products use it. Names of functions
 * begin with `prefix`. `onGpu`: a GPU multiplies transposed matrices as fast as others, and would wait for a conditional.
 */
export function bfloat16Products(program: Program, prefix: string, onGpu: boolean): ProgramWithFunctions {
  const functions = new Map<string, Program>()
  const once = onlyOnce()
  const replaced = rewrite(program, (node, inputs, builder) => {
    const key = () => once('key', () => builder.argument('key', KEY))
    if (node.kind === 'argument' && node.name === 'key') return [key()]
    if (!isFloatProduct(node)) return undefined
    const [a, b] = inputs as readonly [Value, Value]
    const rounded = (value: Value) => once(`${nameOf(value)} rounded`, () => cast(builder, value, BFLOAT16))
    const isTransposed = flag(node, 'transpose_a')
    if (onGpu || !isTransposed) return [product(builder, node, [rounded(a), rounded(b)], isTransposed)]
    const predicate = once('predicate', () => unforeseeable(builder, key()))
    const left = once(`${nameOf(a)} transposed`, () => transposed({ builder, functions, prefix }, a, predicate))
    return [product(builder, node, [left, rounded(b)], false)]
  })
  return { program: replaced, functions }
}

/** Makes the value of each name once. */
function onlyOnce(): (name: string, make: () => Value) => Value {
  const made = new Map<string, Value>()
  return (name, make) => {
    const value = made.get(name) ?? make()
    made.set(name, value)
    return value
  }
}

const nameOf = ({ node, index }: Value): string => `${node}:${index}`

const isFloatProduct = (node: Program['nodes'][number]): node is Operation =>
  node.kind === 'operation' && node.op === 'MatMul' && node.types[0]?.dtype === DTYPES.TF_FLOAT

function product(builder: Builder, node: Operation, factors: readonly Value[], adjX: boolean): Value {
  const attributes = [
    typeAttribute('Ta', BFLOAT16),
    typeAttribute('Tb', BFLOAT16),
    typeAttribute('Tout', DTYPES.TF_FLOAT),
    { name: 'adj_x', type: ATTRIBUTE_TYPES.TF_ATTR_BOOL, value: adjX },
    { name: 'adj_y', type: ATTRIBUTE_TYPES.TF_ATTR_BOOL, value: flag(node, 'transpose_b') },
  ]
  return builder.single('BatchMatMulV3', attributes, factors, node.types[0] as TensorType)
}

const flag = ({ attributes }: Operation, name: string): boolean =>
  attributes.find(attribute => attribute.name === name)?.value === true

interface Target {
  readonly builder: Builder
  readonly functions: Map<string, Program>
  readonly prefix: string
}

/**
 * The rounded transpose of a matrix, as a value of its own. XLA sinks a transposition into the product that uses it; its fast kernels for
 * CPUs do not take a transposed left factor, so such a product runs in float32, by a slow one. XLA does not look into a conditional whose
 * predicate is known only at run time. Both branches compute the same, in another order.
 */
function transposed({ builder, functions, prefix }: Target, matrix: Value, predicate: Value): Value {
  const type = builder.typeOf(matrix)
  const size = type.shape.join('x')
  const branches = [`${prefix}_round_transpose_${size}`, `${prefix}_transpose_round_${size}`] as const
  functions.set(
    branches[0],
    branch(type, (to, x) => transpose(to, cast(to, x, BFLOAT16), [1, 0])),
  )
  functions.set(
    branches[1],
    branch(type, (to, x) => cast(to, transpose(to, x, [1, 0]), BFLOAT16)),
  )
  const result = { dtype: BFLOAT16, shape: type.shape.toReversed() }
  return conditional(builder, predicate, branches, [matrix], [result])[0] as Value
}

function branch(type: TensorType, make: (builder: Builder, x: Value) => Value): Program {
  const builder = newBuilder()
  return builder.build(new Map([['result', make(builder, builder.argument('x', type))]]))
}

/** Whether the first word of the key is not negative, as a scalar: XLA cannot know it. */
function unforeseeable(builder: Builder, key: Value): Value {
  const first = reshape(builder, slice(builder, key, ints(builder, [0]), [1]), [])
  const type = { dtype: DTYPES.TF_BOOL, shape: [] }
  return builder.single('GreaterEqual', [typeAttribute('T', DTYPES.TF_INT32)], [first, int(builder, 0)], type)
}
