/**
 * Programs as ONNX models (onnx.proto3, operator set 13), for onnxruntime and others. Integers are int32, as in the program, and become int64
 * where ONNX wants shapes; convolutions are transposed to channels first, which runtimes undo.
 */
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { bytesField, intField, textField } from '../../libtensorflow/protobuf.js'
import { attributeField, intAttribute, intsAttribute, tensorProto, textAttribute, valueInfo } from './onnx-messages.js'
import type { Constant, Operation, Program, TensorType, Value } from './program.js'
import { nodeOf, typeOf } from './program.js'

/** The operator set, and the version of the format that came with it. */
const [OPERATORS, IR_VERSION] = [13, 8]

/** The bytes of an ONNX model of a program; inputs and outputs have the names of its arguments and results. Throws an Error that names an operation it does not know. */
export function onnxBytes(program: Program, name: string): Uint8Array {
  const graph = newGraph(program)
  for (const [i, node] of program.nodes.entries()) if (node.kind === 'operation') convert(graph, node, i)
  const inputs = program.nodes.flatMap(node =>
    node.kind === 'argument' ? [bytesField(11, valueInfo(node.name, node.types[0]))] : [],
  )
  const outputs = [...program.results].map(([key, value]) => {
    graph.add('Identity', [graph.nameOf(value)], [key])
    return bytesField(12, valueInfo(key, typeOf(program, value)))
  })
  // GraphProto: node = 1, name = 2, initializer = 5, input = 11, output = 12
  const body = Buffer.concat([...graph.parts(), textField(2, name), ...inputs, ...outputs])
  // ModelProto: ir_version = 1, producer_name = 2, graph = 7, opset_import = 8 { version = 2 }
  return Buffer.concat([
    intField(1, IR_VERSION),
    textField(2, 'elbo'),
    bytesField(7, body),
    bytesField(8, intField(2, OPERATORS)),
  ])
}

type Attributes = readonly Uint8Array[]

/** A graph under construction; tensors have names. */
interface Graph {
  /** The name of a value of the program. */
  nameOf(value: Value): string
  /** The names of the results of a node of the program. */
  resultsOf(node: number, operation: Operation): string[]
  /** Adds a node with these outputs, or with one that gets a name; returns that of the first. */
  add(op: string, inputs: readonly string[], outputs?: readonly string[], attributes?: Attributes): string
  /** Adds constant integers as int64. */
  longs(values: readonly number[], isScalar?: boolean): string
  /** Adds a constant of other elements. */
  floats(values: Float32Array, shape: readonly number[]): string
  constantOf(value: Value, what: string): Constant
  typeOf(value: Value): TensorType
  parts(): readonly Uint8Array[]
}

function newGraph(program: Program): Graph {
  const nodes: Uint8Array[] = []
  const initializers: Uint8Array[] = []
  const written = new Set<number>()
  let count = 0
  const fresh = () => `t${count++}`
  const initialize = (...tensor: Parameters<typeof tensorProto>) => {
    initializers.push(bytesField(5, tensorProto(...tensor)))
    return tensor[0]
  }
  const nameOf = (value: Value): string => {
    const node = nodeOf(program, value)
    if (node.kind === 'argument') return node.name
    const name = `n${value.node}${value.index > 0 ? `_${value.index}` : ''}`
    if (node.kind === 'constant' && !written.has(value.node)) {
      written.add(value.node)
      initialize(name, node.types[0], node.elements)
    }
    return name
  }
  return {
    nameOf,
    resultsOf: (node, { types }) => types.map((_, index) => nameOf({ node, index })),
    add(op, inputs, outputs = [fresh()], attributes = []) {
      // NodeProto: input = 1, output = 2, op_type = 4, attribute = 5
      const fields = [...inputs.map(input => textField(1, input)), ...outputs.map(output => textField(2, output))]
      nodes.push(bytesField(1, ...fields, textField(4, op), ...attributes.map(attributeField)))
      return outputs[0] as string
    },
    longs: (values, isScalar = false) =>
      initialize(
        fresh(),
        { dtype: DTYPES.TF_INT64, shape: isScalar ? [] : [values.length] },
        BigInt64Array.from(values, BigInt),
      ),
    floats: (values, shape) => initialize(fresh(), { dtype: DTYPES.TF_FLOAT, shape }, values),
    constantOf(value, what) {
      const node = nodeOf(program, value)
      if (node.kind === 'constant') return node
      throw new Error(`ONNX: ${what} is computed in the model; a constant was expected`)
    },
    typeOf: value => typeOf(program, value),
    parts: () => [...nodes, ...initializers],
  }
}

/** Adds the nodes for an operation, whose results have the names `outputs`. */
type Converter = (graph: Graph, operation: Operation, outputs: string[]) => void

function convert(graph: Graph, operation: Operation, node: number): void {
  const converter = CONVERTERS[operation.op]
  if (converter === undefined) throw new Error(`ONNX: the operation ${operation.op} of this model cannot be exported`)
  converter(graph, operation, graph.resultsOf(node, operation))
}

const attributeOf = ({ attributes }: Operation, name: string): unknown =>
  attributes.find(attribute => attribute.name === name)?.value

/** An operation of ONNX with the same inputs. */
const same =
  (op: string): Converter =>
  (graph, { inputs }, outputs) =>
    void graph.add(op, inputs.map(graph.nameOf), outputs)

/** An int32 vector of the program as int64. */
function asLongs(graph: Graph, value: Value): string {
  return graph.add('Cast', [graph.nameOf(value)], undefined, [intAttribute('to', 7)]) // TensorProto.INT64
}

const elementsOf = (graph: Graph, value: Value | undefined, what: string): number[] =>
  Array.from(graph.constantOf(value as Value, what).elements)

/** A reduction over constant axes, which are an input or an attribute. */
const reduction =
  (op: string, axesAreInput: boolean): Converter =>
  (graph, operation, outputs) => {
    const [of, over] = operation.inputs as [Value, Value]
    const axes = elementsOf(graph, over, `the axes of ${op}`)
    const keep = intAttribute('keepdims', Number(attributeOf(operation, 'keep_dims')))
    if (axesAreInput) graph.add(op, [graph.nameOf(of), graph.longs(axes)], outputs, [keep])
    else graph.add(op, [graph.nameOf(of)], outputs, [intsAttribute('axes', axes), keep])
  }

const CONVERTERS: Readonly<Record<string, Converter>> = {
  Add: same('Add'),
  AddV2: same('Add'),
  BiasAdd: same('Add'),
  Sub: same('Sub'),
  Mul: same('Mul'),
  RealDiv: same('Div'),
  Minimum: same('Min'),
  Maximum: same('Max'),
  Less: same('Less'),
  Select: same('Where'),
  SelectV2: same('Where'),
  Relu: same('Relu'),
  Elu: same('Elu'),
  Tanh: same('Tanh'),
  Sigmoid: same('Sigmoid'),
  Softplus: same('Softplus'),
  Exp: same('Exp'),
  Log: same('Log'),
  Abs: same('Abs'),
  Neg: same('Neg'),
  Square: (graph, { inputs: [x] }, outputs) => {
    const name = graph.nameOf(x as Value)
    graph.add('Mul', [name, name], outputs)
  },
  OnesLike(graph, { inputs: [x] }, outputs) {
    const shape = graph.add('Shape', [graph.nameOf(x as Value)])
    graph.add('Expand', [graph.floats(Float32Array.of(1), [1]), shape], outputs)
  },
  MatMul(graph, operation, outputs) {
    const turned = (value: Value, flag: string) => {
      const name = graph.nameOf(value)
      return attributeOf(operation, flag)
        ? graph.add('Transpose', [name], undefined, [intsAttribute('perm', [1, 0])])
        : name
    }
    const [a, b] = operation.inputs as [Value, Value]
    graph.add('MatMul', [turned(a, 'transpose_a'), turned(b, 'transpose_b')], outputs)
  },
  Reshape(graph, { inputs }, outputs) {
    const [x, shape] = inputs as [Value, Value]
    graph.add('Reshape', [graph.nameOf(x), asLongs(graph, shape)], outputs)
  },
  Fill(graph, { inputs }, outputs) {
    const [shape, value] = inputs as [Value, Value]
    graph.add('Expand', [graph.nameOf(value), asLongs(graph, shape)], outputs)
  },
  Tile(graph, { inputs }, outputs) {
    const [x, times] = inputs as [Value, Value]
    graph.add('Tile', [graph.nameOf(x), asLongs(graph, times)], outputs)
  },
  Shape(graph, { inputs: [x] }, outputs) {
    const shape = graph.add('Shape', [graph.nameOf(x as Value)])
    graph.add('Cast', [shape], outputs, [intAttribute('to', 6)]) // TensorProto.INT32
  },
  Slice(graph, { inputs }, outputs) {
    const [x, begin, size] = inputs as [Value, Value, Value]
    const ends = graph.add('Add', [graph.nameOf(begin), graph.nameOf(size)])
    graph.add('Slice', [graph.nameOf(x), graph.nameOf(begin), ends], outputs)
  },
  SplitV(graph, { inputs }, outputs) {
    const [x, sizes, axis] = inputs as [Value, Value, Value]
    const [along = 0] = elementsOf(graph, axis, 'the axis of SplitV')
    graph.add('Split', [graph.nameOf(x), asLongs(graph, sizes)], outputs, [intAttribute('axis', along)])
  },
  GatherV2(graph, { inputs }, outputs) {
    const [x, indices, axis] = inputs as [Value, Value, Value]
    const [along = 0] = elementsOf(graph, axis, 'the axis of GatherV2')
    graph.add('Gather', [graph.nameOf(x), graph.nameOf(indices)], outputs, [intAttribute('axis', along)])
  },
  Pack(graph, operation, outputs) {
    const axis = Number(attributeOf(operation, 'axis'))
    const apart = operation.inputs.map(value => graph.add('Unsqueeze', [graph.nameOf(value), graph.longs([axis])]))
    graph.add('Concat', apart, outputs, [intAttribute('axis', axis)])
  },
  ConcatV2(graph, { inputs }, outputs) {
    const [along = 0] = elementsOf(graph, inputs.at(-1), 'the axis of ConcatV2')
    graph.add('Concat', inputs.slice(0, -1).map(graph.nameOf), outputs, [intAttribute('axis', along)])
  },
  Max: reduction('ReduceMax', false),
  Mean: reduction('ReduceMean', false),
  Sum: reduction('ReduceSum', true),
  Conv2D(graph, operation, outputs) {
    const [x, kernel] = operation.inputs as [Value, Value]
    const weights = turnedKernel(graph, kernel, [3, 2, 0, 1])
    convolve(graph, x, outputs, first =>
      graph.add('Conv', [first, weights], undefined, [...stridesOf(operation), ...samePadding(operation)]),
    )
  },
  Conv2DBackpropInput(graph, operation, outputs) {
    const [, kernel, x] = operation.inputs as [Value, Value, Value]
    const weights = turnedKernel(graph, kernel, [3, 2, 0, 1])
    const pads = transposedPads(graph, operation, kernel, x)
    convolve(graph, x, outputs, first =>
      graph.add('ConvTranspose', [first, weights], undefined, [...stridesOf(operation), intsAttribute('pads', pads)]),
    )
  },
}

const [TO_CHANNELS_FIRST, TO_CHANNELS_LAST] = [
  [0, 3, 1, 2],
  [0, 2, 3, 1],
]

/** Runs `inner` on x with its channels first. */
function convolve(graph: Graph, x: Value, outputs: readonly string[], inner: (first: string) => string): void {
  const turn = (name: string, order: readonly number[] | undefined, to?: readonly string[]) =>
    graph.add('Transpose', [name], to, [intsAttribute('perm', order ?? [])])
  turn(inner(turn(graph.nameOf(x), TO_CHANNELS_FIRST)), TO_CHANNELS_LAST, outputs)
}

const stridesOf = (operation: Operation): Attributes => [
  intsAttribute('strides', (attributeOf(operation, 'strides') as number[]).slice(1, 3)),
]

/** TensorFlow's padding SAME, which puts the odd row at the end. */
function samePadding(operation: Operation): Attributes {
  const padding = attributeOf(operation, 'padding')
  if (padding !== 'SAME') throw new Error(`ONNX: ${operation.op} with padding ${padding}; SAME was expected`)
  return [textAttribute('auto_pad', 'SAME_UPPER')]
}

/** What a transposed convolution cuts off [top, left, bottom, right], so that its result has the size that the program says. */
function transposedPads(graph: Graph, operation: Operation, kernel: Value, x: Value): number[] {
  const strides = attributeOf(operation, 'strides') as number[]
  const [from, to] = [graph.typeOf(x).shape, operation.types[0]?.shape ?? []]
  const cut = [1, 2].map(axis => {
    const size = graph.typeOf(kernel).shape[axis - 1] as number
    return Math.max(0, ((from[axis] as number) - 1) * (strides[axis] as number) + size - (to[axis] as number))
  })
  return [...cut.map(all => Math.floor(all / 2)), ...cut.map(all => Math.ceil(all / 2))]
}

/** A constant kernel [rows, columns, a, b] with its axes in another order. */
function turnedKernel(graph: Graph, kernel: Value, order: readonly number[]): string {
  const { elements, types } = graph.constantOf(kernel, 'the kernel of a convolution')
  const { shape } = types[0]
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  const turned = order.map(axis => shape[axis] as number)
  const values = new Float32Array(elements.length)
  const at = turned.map(() => 0)
  for (let i = 0; i < values.length; i++) {
    values[i] = elements[
      order.reduce((sum, axis, j) => sum + (at[j] as number) * (strides[axis] as number), 0)
    ] as number
    for (let j = at.length - 1; j >= 0 && ++(at[j] as number) === turned[j]; j--) at[j] = 0
  }
  return graph.floats(values, turned)
}
