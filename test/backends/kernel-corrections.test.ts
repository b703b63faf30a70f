// Kernels and gradients that TF.js computes wrongly and that are corrected here: against TF.js's plain JavaScript, or by their definition.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { uniform } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { expectSameAsEager, floatBatches, weights } from '../support/steps.js'

const noise = (...shape: number[]) => uniform([1, 2], shape)
const signed = (...shape: number[]) => tf.sub(noise(...shape), 0.5)
const integers = (...shape: number[]) => tf.cast(tf.mul(noise(...shape), 100), 'int32')
const booleans = (...shape: number[]) => tf.greater(noise(...shape), 0.5)
const indices = (shape: number[], size: number) => tf.cast(tf.mul(noise(...shape), size), 'int32')
const ids = () => tf.tensor1d([0, 2, -1, 2], 'int32')
const gradient = (f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor) => tf.grad(x => tf.sum(tf.square(f(x))))(x)

/** Each gives the same on every backend. */
const programs: Record<string, () => tf.Tensor> = {
  'gather, last axis': () => tf.gather(noise(2, 3, 4), indices([5], 4), -1),
  'gather, one batch dimension': () => tf.gather(noise(2, 3, 4), indices([2, 5], 3), 1, 1),
  'gather, one batch dimension, last axis': () => tf.gather(noise(2, 3, 4), indices([2, 5, 2], 4), -1, 1),
  'gather, all batch dimensions but one': () => tf.gather(noise(2, 3, 4), indices([2, 3, 5], 4), 2, -1),
  'gather of integers, two batch dimensions': () => tf.gather(integers(2, 3, 4), indices([2, 3, 5], 4), 2, 2),
  'gather of booleans, one batch dimension': () => tf.gather(booleans(2, 3, 4), indices([2, 5], 4), 2, 1),
  'gather of nothing': () => tf.gather(tf.zeros([3, 0]), tf.tensor1d([2, 0], 'int32')),
  'gradient of gather': () => gradient(x => tf.gather(x, indices([2, 5], 3), -2), noise(2, 3, 4)),
  'gradient of gather, one batch dimension': () =>
    gradient(x => tf.gather(x, indices([2, 5], 3), 1, 1), noise(2, 3, 4)),
  'gradient of gather, two batch dimensions': () =>
    gradient(x => tf.gather(x, indices([2, 3, 5], 4), -1, 2), noise(2, 3, 4)),
  unsortedSegmentSum: () => tf.unsortedSegmentSum(noise(4, 3), ids(), 3),
  'gradient of unsortedSegmentSum': () => gradient(x => tf.unsortedSegmentSum(x, ids(), 3), noise(4, 3)),
  'reverse of booleans': () => tf.reverse(booleans(2, 3, 4), [1, -1]),
  'where of booleans': () => tf.where(booleans(3, 4), tf.onesLike(booleans(3, 4)), booleans(3, 4)),
  'stridedSlice of integers': () => tf.stridedSlice(integers(4, 6), [0, -1], [4, -6], [2, -2]),
  'stridedSlice of booleans, with a mask': () =>
    tf.stridedSlice(booleans(2, 2, 6), [0, 1], [2, 2], [1, 1], 0, 0, 1, 0, 2),
  'oneHot of numbers': () => tf.oneHot(indices([2, 3], 4), 4, 0.25, -1, 'float32'),
  'oneHot of booleans': () => tf.oneHot(indices([2, 3], 4), 4, 1, 0, 'bool'),
  'clipByValue of integers': () => tf.clipByValue(integers(3, 4), 20, 70),
}

async function on<T extends tf.TensorContainer>(backend: string, compute: () => T): Promise<T> {
  await useBackend(backend)
  return tf.tidy(compute)
}

function expectSame(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length)
  expected.forEach((value, i) => {
    expect(Math.abs((actual[i] as number) - value)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(value)))
  })
}

const described = (tensor: tf.Tensor) => {
  const { shape, dtype } = tensor
  return { type: { shape, dtype }, values: [...tensor.dataSync()] }
}

const backends = ['wasm', ...(skipped === '' ? ['tensorflow'] : [])]

describe.each(backends)('%s', backend => {
  test.each(Object.entries(programs))('%s is the same as in plain JavaScript', async (_, program) => {
    const expected = await on('cpu', () => described(program()))
    const actual = await on(backend, () => described(program()))
    expect(actual.type).toEqual(expected.type)
    expectSame(actual.values, expected.values)
  })

  test('corrected kernels leave no tensors behind', async () => {
    const all = () => void Object.values(programs).map(program => program())
    await on(backend, all)
    const before = tf.memory().numTensors
    await on(backend, all)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe.each(['cpu', ...backends])('axes on %s', backend => {
  const orders = [false, true].flatMap(exclusive => [false, true].map(reverse => [exclusive, reverse] as const))
  const axes = [0, 1, 2].flatMap(axis => orders.map(order => [axis, ...order] as const))

  test.each(axes)(
    'cumsum and cumprod of axis %s and its negative, exclusive %s, reverse %s',
    async (axis, ...order) => {
      await on(backend, () => {
        for (const cumulate of [tf.cumsum, tf.cumprod])
          expect(described(cumulate(noise(2, 3, 4), axis - 3, ...order))).toEqual(
            described(cumulate(noise(2, 3, 4), axis, ...order)),
          )
      })
    },
  )

  test.each(axes)('the gradient of cumsum of axis %s, exclusive %s, reverse %s', async (axis, exclusive, reverse) => {
    const [actual, negative, expected] = await on(backend, () => {
      const [x, dy] = [noise(3, 3, 3), signed(3, 3, 3)]
      const gradientOf = (along: number) => tf.grad(x => tf.sum(tf.mul(dy, tf.cumsum(x, along, exclusive, reverse))))(x)
      const transposed = tf.cumsum(dy, axis, exclusive, !reverse)
      return [gradientOf(axis), gradientOf(axis - 3), transposed].map(tensor => [...tensor.dataSync()])
    })
    expectSame(actual as number[], expected as number[])
    expectSame(negative as number[], expected as number[])
  })

  test('the gradient of a product of the last axis', async () => {
    const [actual, expected] = await on(backend, () => {
      const x = tf.add(noise(2, 3), 1)
      const others = tf.div(tf.prod(x, 1, true), x)
      return [tf.grad(x => tf.sum(tf.prod(x, -1)))(x), others].map(tensor => [...tensor.dataSync()])
    })
    expectSame(actual as number[], expected as number[])
  })

  test('the gradient of gather with batch dimensions counts how often an element was gathered', async () => {
    const counts = await on(backend, () => {
      const chosen = tf.tensor3d([0, 0, 1, 2, 2, 2], [1, 2, 3], 'int32')
      return [
        ...tf
          .grad(x => tf.sum(tf.gather(x, chosen, 2, 2)))(noise(1, 2, 3))
          .dataSync(),
      ]
    })
    expect(counts).toEqual([2, 1, 0, 0, 0, 3])
  })
})

describe('refusals', () => {
  test.each(backends)('%s names an index out of range, with batch dimensions too', async backend => {
    await useBackend(backend)
    const gather = () => tf.tidy(() => tf.gather(noise(2, 3), tf.tensor2d([0, 1, 3, 0], [2, 2], 'int32'), 1, 1))
    expect(gather).toThrow('GatherV2: the index value 3 is not in [0, 2]')
  })

  test('wasm refuses segment ids of another shape, and the gradient of dilation2d', async () => {
    await useBackend('wasm')
    const twoDimensions = tf.tensor2d([0, 1], [1, 2], 'int32') as tf.Tensor as tf.Tensor1D
    expect(() => tf.tidy(() => tf.unsortedSegmentSum(noise(1, 2), twoDimensions, 2))).toThrow('[1] was expected')
    const dilation = (x: tf.Tensor) => tf.dilation2d(x as tf.Tensor4D, noise(2, 2, 1) as tf.Tensor3D, 1, 'same')
    expect(() => tf.tidy(() => gradient(dilation, noise(1, 4, 4, 1)))).toThrow('use another backend')
  })
})

describe.skipIf(skipped !== '')(`in a compiled step${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  test.each(['graph', 'xla'] as const)('gather, cumsum and their gradients are the same by %s as eager', async mode => {
    const table = weights([4, 6])
    const step = (x: tf.Tensor) => {
      const chosen = tf.tensor2d([0, 5, 5, 1, 2, 2, 3, 3], [4, 2], 'int32')
      const gathered = () => tf.gather(tf.add(x, table), chosen, -1, 1)
      const loss = () => tf.add(tf.sum(tf.square(gathered())), tf.sum(tf.square(tf.cumsum(table, -2)))) as tf.Scalar
      const { grads } = tf.variableGrads(loss, [table])
      return { gathered: gathered(), sums: tf.cumsum(x, -1), gradient: grads[table.name] as tf.Tensor }
    }
    await expectSameAsEager(step, floatBatches(2, [4, 6]), [{}, {}], mode)
  })
})
