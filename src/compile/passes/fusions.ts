/**
 * Replaces groups of TF.js operations by single operations of TensorFlow. XLA fuses operations itself; a graph runs each one over all of
 * its elements. For finite numbers the results are the same.
 */
import { ATTRIBUTE_TYPES } from '../../libtensorflow/attributes.js'
import { type Builder, rewrite } from '../program/builder.js'
import { typeAttribute } from '../program/operations.js'
import type { Operation, Program, Value } from '../program/program.js'
import { withoutDeadCode } from './simplify.js'

/** Introduces `BiasAdd`, `BiasAddGrad` and `ReluGrad`. */
export function fused(program: Program): Program {
  return [reluGradients, biases, biasGradients, withoutDeadCode].reduce((current, pass) => pass(current), program)
}

/**
 * Replaces dy * step(x) by `ReluGrad` of dy and relu(x). TF.js writes step(x) as select(isNaN(x), x, select(x > 0, 1, 0)). `ReluGrad`
 * gets relu(x) rather than x, so that only `Relu` uses x and TensorFlow fuses the two.
 */
function reluGradients(program: Program): Program {
  const rectified = new Map<string, Value>()
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation') return undefined
    if (node.op === 'Relu') {
      const results = builder.operation(node.op, node.attributes, inputs, node.types)
      rectified.set(JSON.stringify(inputs[0]), results[0] as Value)
      return results
    }
    if (node.op !== 'Mul') return undefined
    for (const [dy, step] of [inputs, inputs.toReversed()] as (readonly [Value, Value])[]) {
      const y = rectified.get(JSON.stringify(stepOf(builder, step)))
      if (y === undefined || !sameShape(builder, y, dy)) continue
      return [builder.single('ReluGrad', node.attributes, [dy, y], builder.typeOf(y))]
    }
    return undefined
  })
}

/** x, if `value` is the step function of x. */
function stepOf(builder: Builder, value: Value): Value | undefined {
  const [unordered, x, step] = operands(builder, value, 'Select') ?? []
  if (!unordered || !x || !step || !isSame(operands(builder, unordered, 'IsNan')?.[0], x)) return undefined
  const [positive, one, zero] = operands(builder, step, 'Select') ?? []
  if (!positive || repeated(builder, one) !== 1 || repeated(builder, zero) !== 0) return undefined
  const [compared, threshold] = operands(builder, positive, 'Greater') ?? []
  return isSame(compared, x) && repeated(builder, threshold) === 0 ? x : undefined
}

/** The number that all elements of a constant value are equal to, if there is one. */
function repeated(builder: Builder, value: Value | undefined): number | undefined {
  if (value === undefined) return undefined
  const node = builder.nodeOf(value)
  if (node.kind === 'constant') return node.elements.length === 1 ? node.elements[0] : undefined
  return repeated(builder, operands(builder, value, 'Fill')?.[1])
}

/** Replaces x [..., n] + vector [n] by `BiasAdd`, which TensorFlow fuses with the convolution or matrix product before it. */
function biases(program: Program): Program {
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation' || !['Add', 'AddV2'].includes(node.op)) return undefined
    const [x, bias] = inputs as readonly [Value, Value]
    const { shape } = builder.typeOf(x)
    const vector = vectorOf(builder, bias)
    const fits = shape.length > 1 && builder.typeOf(vector).shape.join() === String(shape.at(-1))
    if (!fits || shape.join() !== node.types[0]?.shape.join()) return undefined
    return [builder.single('BiasAdd', channelsLast(node), [x, vector], builder.typeOf(x))]
  })
}

/** The vector [n] before it was reshaped to [1, ..., 1, n]; `value` itself if it was not. */
function vectorOf(builder: Builder, value: Value): Value {
  const [source] = operands(builder, value, 'Reshape') ?? []
  const n = builder.typeOf(value).shape.at(-1)
  return source && builder.typeOf(source).shape.join() === String(n) ? source : value
}

/** Replaces the sum over all axes but the last one by `BiasAddGrad`. */
function biasGradients(program: Program): Program {
  return rewrite(program, (node, inputs, builder) => {
    if (node.kind !== 'operation' || node.op !== 'Sum') return undefined
    const [dy, axes] = inputs as readonly [Value, Value]
    const leading = builder.typeOf(dy).shape.slice(0, -1)
    const summed = builder.nodeOf(axes)
    const isAll = summed.kind === 'constant' && summed.elements.join() === leading.map((_, axis) => axis).join()
    const [type] = node.types
    if (!isAll || leading.length === 0 || type?.shape.length !== 1) return undefined
    return [builder.single('BiasAddGrad', channelsLast(node), [dy], type)]
  })
}

const channelsLast = ({ types: [type] }: Operation) => [
  typeAttribute('T', type?.dtype ?? 0),
  { name: 'data_format', type: ATTRIBUTE_TYPES.TF_ATTR_STRING, value: 'NHWC' },
]

/** The inputs of the operation that `value` is a result of, if that is `op`. */
function operands(builder: Builder, value: Value, op: string): readonly Value[] | undefined {
  const node = builder.nodeOf(value)
  return node.kind === 'operation' && node.op === op ? node.inputs : undefined
}

const isSame = (a: Value | undefined, b: Value): boolean => a?.node === b.node && a.index === b.index

const sameShape = (builder: Builder, a: Value, b: Value): boolean =>
  builder.typeOf(a).shape.join() === builder.typeOf(b).shape.join()
