// Programs: what a recording looks like, what is checked, what the passes do.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { canonicalConvolutions } from '../../src/compile/passes/convolutions.js'
import { fused } from '../../src/compile/passes/fusions.js'
import {
  matrixProducts,
  optimize,
  shortReshapes,
  withoutDeadCode,
  withoutNoOps,
} from '../../src/compile/passes/simplify.js'
import { newBuilder } from '../../src/compile/program/builder.js'
import { checkProgram, type Program, printProgram, type Value } from '../../src/compile/program/program.js'
import { trace } from '../../src/compile/record/trace.js'
import { DTYPES } from '../../src/libtensorflow/dtypes.js'
import type { NodeBackend } from '../../src/libtensorflow/node-backend.js'
import { uniform } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'

const float = (...shape: number[]) => ({ dtype: DTYPES.TF_FLOAT, shape })
const int = (...shape: number[]) => ({ dtype: DTYPES.TF_INT32, shape })

function product(a: number[], b: number[], shape: number[]): Program {
  const builder = newBuilder()
  const inputs = [builder.argument('a', float(...a)), builder.argument('b', float(...b))]
  const adjoint = { name: 'adj_y', type: 3, value: true }
  return builder.build(new Map([['y', builder.single('BatchMatMulV2', [adjoint], inputs, float(...shape))]]))
}

describe.skipIf(skipped !== '')(`a traced step${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))

  test('is printed as a readable program', () => {
    const w = tf.variable(tf.ones([3, 2]), true, 'w')
    const optimizer = tf.train.sgd(0)
    const { program, scheduled } = trace(
      tf.backend() as NodeBackend,
      (batch, key, { rate }) => {
        optimizer.setLearningRate(rate as number)
        const x = tf.add(batch as tf.Tensor, uniform(key, [4, 3])) as tf.Tensor2D
        const loss = () => tf.mean(tf.square(tf.matMul(x, w as unknown as tf.Tensor2D))) as tf.Scalar
        return { loss: optimizer.minimize(loss, true) as tf.Tensor }
      },
      {
        batches: {
          count: 2,
          inputs: [{ name: 'batch', data: new Float32Array(24).fill(1, 0, 12), shape: [4, 3], dtype: 'float32' }],
          single: true,
        },
        key: [1, 2],
        numbers: { rate: 0.1 },
      },
    )
    tf.disposeVariables()
    expect(scheduled).toEqual([{ name: 'rate', ratio: -1 }])
    expect(`\n${printProgram(program)}\n`).toMatchInlineSnapshot(`
      "
      %0 = argument "input:batch" : float32[4,3]
      %1 = argument "key" : int32[2]
      %2 = constant [4, 3] : int32[2]
      %3 = StatelessRandomUniformFullInt(%2, %1) {dtype: 3, T: 3, Tseed: 3} : int32[4,3]
      %4 = constant [9] : int32[]
      %5 = RightShift(%3, %4) {T: 3} : int32[4,3]
      %6 = Cast(%5) {SrcT: 3, DstT: 1, Truncate: false} : float32[4,3]
      %7 = constant [4194305] : float32[]
      %8 = Add(%6, %7) {T: 1} : float32[4,3]
      %9 = constant [1.192093e-7] : float32[]
      %10 = Mul(%8, %9) {T: 1} : float32[4,3]
      %11 = Add(%0, %10) {T: 1} : float32[4,3]
      %12 = argument "state:w" : float32[3,2]
      %13 = MatMul(%11, %12) {T: 1, transpose_a: false, transpose_b: false} : float32[4,2]
      %14 = Square(%13) {T: 1} : float32[4,2]
      %15 = constant [0, 1] : int32[2]
      %16 = Mean(%14, %15) {keep_dims: false, T: 1, Tidx: 3} : float32[]
      %17 = constant [1] : float32[]
      %18 = constant [1, 1] : int32[2]
      %19 = Reshape(%17, %18) {T: 1, Tshape: 3} : float32[1,1]
      %20 = constant [1, 1, 1, 1, 1, 1, …] : float32[4,2]
      %21 = Mul(%19, %20) {T: 1} : float32[4,2]
      %22 = constant [8] : float32[]
      %23 = RealDiv(%21, %22) {T: 1} : float32[4,2]
      %24 = constant [2] : float32[]
      %25 = Mul(%13, %24) {T: 1} : float32[4,2]
      %26 = Mul(%23, %25) {T: 1} : float32[4,2]
      %27 = MatMul(%11, %26) {T: 1, transpose_a: true, transpose_b: false} : float32[3,2]
      %28 = argument "schedule:0" : float32[]
      %29 = Mul(%28, %27) {T: 1} : float32[3,2]
      %30 = Add(%29, %12) {T: 1} : float32[3,2]
      return output:loss: %16, state:w: %30
      "
    `)
  })
})

describe('a bad program is refused when it is built:', () => {
  const nodes = (inputs: Value[]): Program['nodes'] => [
    { kind: 'argument', name: 'x', types: [float(2)] },
    { kind: 'operation', op: 'Neg', attributes: [], inputs, types: [float(2)] },
  ]
  test.each<[what: string, program: Program, message: string]>([
    [
      'a node that takes a later one',
      { nodes: nodes([{ node: 1, index: 0 }]), results: new Map() },
      'program: %1 Neg takes %1, which comes later',
    ],
    [
      'a result that the node does not have',
      { nodes: nodes([{ node: 0, index: 1 }]), results: new Map() },
      'program: node %0 has no result 1',
    ],
    [
      'an output that names no node',
      { nodes: nodes([{ node: 0, index: 0 }]), results: new Map([['y', { node: 2, index: 0 }]]) },
      'program: there is no node %2',
    ],
    [
      'two arguments of one name',
      { nodes: [...nodes([]), ...nodes([])], results: new Map() },
      'program: %2: the argument "x" is defined twice',
    ],
    [
      'a constant that does not fill its shape',
      { nodes: [{ kind: 'constant', elements: Float32Array.of(1), types: [float(3)] }], results: new Map() },
      'program: %0: 1 elements for a constant of type float32[3]',
    ],
  ])('%s', (_, program, message) => {
    expect(() => checkProgram(program)).toThrow(message)
  })
})

describe('passes', () => {
  test('a product of two matrices becomes a MatMul with the same transpositions', () => {
    expect(printProgram(matrixProducts(product([2, 3], [4, 3], [2, 4])))).toContain(
      'MatMul(%0, %1) {T: 1, transpose_a: false, transpose_b: true} : float32[2,4]',
    )
  })

  test('a product of two matrices with a leading axis of 1 becomes a MatMul and keeps its shape', () => {
    const program = withoutDeadCode(matrixProducts(product([1, 2, 3], [1, 4, 3], [1, 2, 4])))
    expect(printProgram(program).split('\n').slice(6)).toEqual([
      '%6 = MatMul(%3, %5) {T: 1, transpose_a: false, transpose_b: true} : float32[2,4]',
      '%7 = constant [1, 2, 4] : int32[3]',
      '%8 = Reshape(%6, %7) {T: 1, Tshape: 3} : float32[1,2,4]',
      'return y: %8',
    ])
  })

  test('a product of two batches of matrices stays', () => {
    expect(printProgram(matrixProducts(product([5, 2, 3], [5, 4, 3], [5, 2, 4])))).toContain('BatchMatMulV2(%0, %1)')
  })

  test('a reshape there and back is removed', () => {
    const builder = newBuilder()
    const x = builder.argument('x', float(2, 3))
    const there = builder.single('Reshape', [], [x, builder.constant(Int32Array.of(6), int(1))], float(6))
    const back = builder.single('Reshape', [], [there, builder.constant(Int32Array.of(2, 3), int(2))], float(2, 3))
    const program = builder.build(new Map([['y', back]]))
    expect(printProgram(withoutDeadCode(withoutNoOps(shortReshapes(program))))).toBe(
      '%0 = argument "x" : float32[2,3]\nreturn y: %0',
    )
  })

  test('equal constants and operations are merged, constants of one value are filled, dead code is removed', () => {
    const builder = newBuilder()
    const x = builder.argument('x', float(4, 5))
    const ones = () => builder.constant(new Float32Array(20).fill(1), float(4, 5))
    const add = () => builder.single('AddV2', [], [x, ones()], float(4, 5))
    builder.single('Neg', [], [x], float(4, 5))
    const y = builder.single('Mul', [], [add(), add()], float(4, 5))
    expect(printProgram(optimize(builder.build(new Map([['y', y]]))))).toBe(
      [
        '%0 = argument "x" : float32[4,5]',
        '%1 = constant [1] : float32[]',
        '%2 = constant [4, 5] : int32[2]',
        '%3 = Fill(%2, %1) {T: 1, index_type: 3} : float32[4,5]',
        '%4 = AddV2(%0, %3) {} : float32[4,5]',
        '%5 = Mul(%4, %4) {} : float32[4,5]',
        'return y: %5',
      ].join('\n'),
    )
  })

  describe('a gradient of a convolution', () => {
    const plain = { strides: [1, 2, 2, 1], dilations: [1, 1, 1, 1], padding: 'SAME', data_format: 'NHWC' }
    const gradient = (changed: object, filter = [3, 3, 4, 5]) => {
      const builder = newBuilder()
      const attributes = Object.entries({ ...plain, ...changed }).map(([name, value]) => ({
        name,
        type: typeof value === 'string' ? 0 : 1,
        value,
      }))
      const inputs = [
        builder.constant(Int32Array.of(2, 8, 6, 4), int(4)),
        builder.argument('filter', float(...filter)),
        builder.argument('dy', float(2, 4, 3, 5)),
      ]
      const dx = builder.single('Conv2DBackpropInput', attributes, inputs, float(2, 8, 6, 4))
      return printProgram(canonicalConvolutions(builder.build(new Map([['dx', dx]]))))
    }

    test('becomes a convolution in the form that XLA has a kernel for', () => {
      const printed = gradient({})
      expect(printed).toContain('XlaConvV2')
      expect(printed).not.toContain('Backprop')
    })

    test.each([
      ['dilated', { dilations: [1, 2, 2, 1] }, undefined],
      ['channels first', { data_format: 'NCHW' }, undefined],
      ['padded in another way', { padding: 'EXPLICIT' }, undefined],
      ['in groups', {}, [3, 3, 2, 5]],
    ])('stays as it is: %s', (_, changed, filter) => {
      expect(gradient(changed, filter)).toContain('Conv2DBackpropInput')
    })
  })

  describe('of operations that TF.js sends in pieces', () => {
    const attributes = [{ name: 'T', type: 6, value: DTYPES.TF_FLOAT }]

    /** dy * step(x) as TF.js writes it, with other numbers in the place of 1 and 0. */
    function reluGradient([high, low]: [number, number], grown: number[]): Program {
      const builder = newBuilder()
      const [x, dy] = [builder.argument('x', float(2, 3)), builder.argument('dy', float(...grown))]
      const y = builder.single('Relu', attributes, [x], float(2, 3))
      const sizes = builder.constant(Int32Array.of(2, 3), int(2))
      const number = (value: number) => builder.constant(Float32Array.of(value), float())
      const filled = (value: number) => builder.single('Fill', [], [sizes, number(value)], float(2, 3))
      const bool = { dtype: DTYPES.TF_BOOL, shape: [2, 3] }
      const positive = builder.single('Greater', [], [x, number(0)], bool)
      const rectified = builder.single('Select', [], [positive, filled(high), filled(low)], float(2, 3))
      const unordered = builder.single('IsNan', [], [x], bool)
      const step = builder.single('Select', [], [unordered, x, rectified], float(2, 3))
      const dx = builder.single('Mul', attributes, [dy, step], float(...grown))
      return builder.build(new Map(Object.entries({ y, dx })))
    }

    test('a gradient times the step function becomes a ReluGrad of relu(x)', () => {
      expect(printProgram(fused(reluGradient([1, 0], [2, 3])))).toBe(
        [
          '%0 = argument "x" : float32[2,3]',
          '%1 = argument "dy" : float32[2,3]',
          '%2 = Relu(%0) {T: 1} : float32[2,3]',
          '%3 = ReluGrad(%1, %2) {T: 1} : float32[2,3]',
          'return y: %2, dx: %3',
        ].join('\n'),
      )
    })

    test.each<[string, [number, number], number[]]>([
      ['with a slope below zero', [1, 0.1], [2, 3]],
      ['with another slope above', [2, 0], [2, 3]],
      ['of a gradient that has more axes', [1, 0], [4, 2, 3]],
    ])('no ReluGrad is made of one %s', (_, slopes, grown) => {
      expect(printProgram(fused(reluGradient(slopes, grown)))).not.toContain('ReluGrad')
    })

    /** x + bias, the bias reshaped to `as`, and a sum over `axes`. */
    function biased(shape: number[], as: number[], axes: number[]): string {
      const builder = newBuilder()
      const x = builder.argument('x', float(...shape))
      const bias = builder.argument('bias', float(as.at(-1) as number))
      const reshaped = builder.single('Reshape', [], [bias, builder.constant(Int32Array.from(as), int(as.length))], {
        ...float(...as),
      })
      const y = builder.single('Add', attributes, [x, reshaped], float(...shape))
      const rest = shape.filter((_, axis) => !axes.includes(axis))
      const over = builder.constant(Int32Array.from(axes), int(axes.length))
      const sum = builder.single('Sum', attributes, [x, over], float(...rest))
      return printProgram(fused(builder.build(new Map(Object.entries({ y, sum })))))
    }

    test('a vector added to the last axis becomes a BiasAdd, and its gradient a BiasAddGrad', () => {
      const printed = biased([2, 4, 4, 3], [1, 1, 1, 3], [0, 1, 2])
      expect(printed).toContain('= BiasAdd(%0, %1) {T: 1, data_format: "NHWC"} : float32[2,4,4,3]')
      expect(printed).toContain('= BiasAddGrad(%0) {T: 1, data_format: "NHWC"} : float32[3]')
    })

    test('no BiasAdd is made of a value repeated along the last axis, and no BiasAddGrad of a sum that leaves another axis', () => {
      expect(biased([2, 3], [1], [0])).not.toContain('BiasAdd(')
      expect(biased([2, 3], [3], [1])).not.toContain('BiasAddGrad')
    })
  })
})
