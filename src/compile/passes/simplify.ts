/** Passes that simplify a program: each takes a program and returns one with the same results. */
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { type Builder, rewrite } from '../program/builder.js'
import { fill, reshape, typeAttribute } from '../program/operations.js'
import { type Constant, type Operation, type Program, sizeOf, type TensorType, type Value } from '../program/program.js'

/** Applies all passes, in an order in which earlier ones help later ones. */
export function optimize(program: Program): Program {
  return [matrixProducts, shortReshapes, withoutNoOps, repeatedValues, withoutRepeats, withoutDeadCode].reduce(
    (current, pass) => pass(current),
    program,
  )
}

/** Removes nodes that no result depends on, except arguments. */
export function withoutDeadCode(program: Program): Program {
  const live = new Set([...program.results.values()].map(({ node }) => node))
  for (let i = program.nodes.length - 1; i >= 0; i--) {
    const node = program.nodes[i]
    if (live.has(i) && node?.kind === 'operation') for (const input of node.inputs) live.add(input.node)
  }
  const keep = (index: number) => live.has(index) || program.nodes[index]?.kind === 'argument'
  return rewrite(program, () => undefined, keep)
}

/** Merges equal constants, and equal operations on equal inputs. */
function withoutRepeats(program: Program): Program {
  const known = new Map<string, readonly Value[]>()
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind === 'argument') return undefined
    const key = node.kind === 'constant' ? constantKey(node) : JSON.stringify([node.op, node.attributes, inputs])
    const values = known.get(key) ?? addAgain(builder, node, inputs)
    known.set(key, values)
    return values
  })
}

function addAgain(builder: Builder, node: Constant | Operation, inputs: readonly Value[]): readonly Value[] {
  if (node.kind === 'constant') return [builder.constant(node.elements, node.types[0])]
  return builder.operation(node.op, node.attributes, inputs, node.types)
}

function constantKey({ elements, types: [type] }: Constant): string {
  const bytes = Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength)
  return `${type.dtype} ${type.shape} ${bytes.toString('base64')}`
}

/** Replaces `BatchMatMulV2` of matrices [m, n] or [1, m, n] by `MatMul`, which XLA and oneDNN run faster. */
export function matrixProducts(program: Program): Program {
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation' || node.op !== 'BatchMatMulV2') return undefined
    if (node.types[0]?.dtype === DTYPES.TF_COMPLEX64) return undefined // its adj_x conjugates, MatMul's transpose_a does not
    const shapes = inputs.map(input => builder.typeOf(input).shape)
    if (shapes.every(shape => shape.length === 2)) return [matMul(builder, node, inputs, node.types[0] as TensorType)]
    if (!shapes.every(shape => shape.length === 3 && shape[0] === 1)) return undefined
    const type = node.types[0] as TensorType
    const product = matMul(
      builder,
      node,
      inputs.map(input => withoutLeadingOne(builder, input)),
      dropLeadingOne(type),
    )
    return [reshape(builder, product, type.shape)]
  })
}

function matMul(builder: Builder, node: Operation, inputs: readonly Value[], type: TensorType): Value {
  const flag = (name: string, from: string) => ({
    name,
    type: ATTRIBUTE_TYPES.TF_ATTR_BOOL,
    value: node.attributes.find(attribute => attribute.name === from)?.value === true,
  })
  const attributes = [typeAttribute('T', type.dtype), flag('transpose_a', 'adj_x'), flag('transpose_b', 'adj_y')]
  return builder.single('MatMul', attributes, inputs, type)
}

const dropLeadingOne = ({ dtype, shape }: TensorType): TensorType => ({ dtype, shape: shape.slice(1) })

const withoutLeadingOne = (builder: Builder, value: Value): Value =>
  reshape(builder, value, builder.typeOf(value).shape.slice(1))

/** Makes a `Reshape` of a `Reshape` take the input of the first one. */
export function shortReshapes(program: Program): Program {
  const sources = new Map<string, Value>()
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation' || node.op !== 'Reshape') return undefined
    const [from, shape] = inputs as readonly [Value, Value]
    const source = sources.get(JSON.stringify(from)) ?? from
    const results = builder.operation(node.op, node.attributes, [source, shape], node.types)
    sources.set(JSON.stringify(results[0]), source)
    return results
  })
}

/** Removes each `Reshape`, `Cast` and `Identity` whose result has the type of its input. */
export function withoutNoOps(program: Program): Program {
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation' || !['Reshape', 'Cast', 'Identity'].includes(node.op)) return undefined
    const [input] = inputs
    return input && sameType(builder.typeOf(input), node.types[0] as TensorType) ? [input] : undefined
  })
}

const sameType = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && String(a.shape) === String(b.shape)

const SMALLEST_FILL = 16

/** Replaces constants whose elements are all equal, such as those of `tf.ones`, by `Fill`. */
function repeatedValues(program: Program): Program {
  return rewrite(program, (node, _, builder) => {
    if (node.kind !== 'constant' || !isRepeated(node)) return undefined
    const { dtype, shape } = node.types[0]
    return [fill(builder, builder.constant(node.elements.slice(0, 1), { dtype, shape: [] }), shape)]
  })
}

function isRepeated({ elements, types: [type] }: Constant): boolean {
  if (elements.length < SMALLEST_FILL || elements.length !== sizeOf(type)) return false
  const [first] = elements
  return elements.every(element => Object.is(element, first))
}
