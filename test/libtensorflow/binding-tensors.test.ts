// Tensors of the binding: values of every type in and out, and refusals.
import { describe, expect, test } from 'vitest'
import type { TensorValues } from '../../src/libtensorflow/tensor-values.js'
import { skipped } from '../support/native.js'
import { binding, bytes, floats } from './binding.js'

describe.skipIf(skipped !== '')(`tensors${skipped}`, () => {
  const cases: readonly [string, number[], string, TensorValues, unknown][] = [
    ['float32', [2, 2], 'float32', new Float32Array([1, -2.5, 3e38, 0]), new Float32Array([1, -2.5, 3e38, 0])],
    ['a float32 scalar', [], 'float32', new Float32Array([7]), new Float32Array([7])],
    ['an empty float32', [0, 3], 'float32', new Float32Array(0), new Float32Array(0)],
    [
      'float32 from a nested array',
      [2, 2],
      'float32',
      [
        [1, 2],
        [3, 4],
      ],
      new Float32Array([1, 2, 3, 4]),
    ],
    ['int32', [2], 'int32', new Int32Array([-(2 ** 31), 2 ** 31 - 1]), new Int32Array([-(2 ** 31), 2 ** 31 - 1])],
    ['uint8', [3], 'uint8', new Uint8Array([0, 128, 255]), new Uint8Array([0, 128, 255])],
    ['uint8 from a Buffer', [2], 'uint8', Buffer.from([9, 8]), new Uint8Array([9, 8])],
    ['bool from booleans', [2], 'bool', [true, false], new Uint8Array([1, 0])],
    ['complex64', [1], 'complex64', new Float32Array([1.5, -2]), new Float32Array([1.5, -2])],
    ['int64', [2], 'int64', new BigInt64Array([-1n, 2n ** 62n]), new BigInt64Array([-1n, 2n ** 62n])],
    ['int64 from low and high halves', [2], 'int64', new Int32Array([5, 0, -3, -1]), new BigInt64Array([5n, -3n])],
    ['int64 from numbers', [2], 'int64', [5, -3], new BigInt64Array([5n, -3n])],
    ['string', [2], 'string', ['hällo', new Uint8Array([0, 255])], [bytes('hällo'), new Uint8Array([0, 255])]],
    ['a long string', [1], 'string', ['x'.repeat(3_000)], [bytes('x'.repeat(3_000))]],
    ['an empty string', [], 'string', [''], [new Uint8Array(0)]],
  ]
  for (const [name, shape, dtype, values, expected] of cases) {
    test(`${name} comes back as it went in, synchronously and asynchronously`, async () => {
      const id = binding.createTensor(shape, dtype, values)
      expect(binding.tensorDataSync(id)).toEqual(expected)
      expect(await binding.tensorData(id)).toEqual(expected)
      binding.deleteTensor(id)
    })
  }

  test('a resource is read as the bytes of its handle, the same each time', () => {
    const [resource] = binding.executeOp('SummaryWriter', [], [], 1)
    const read = () => binding.tensorDataSync(resource?.id ?? -1)
    expect(read()).toEqual([expect.any(Uint8Array)])
    expect(read()[0]).not.toHaveLength(0)
    expect(read()).toEqual(read())
  })

  test('a number of values that does not fill the shape is refused with both numbers', () => {
    expect(() => binding.createTensor([2, 3], 'float32', new Float32Array(5))).toThrow(
      'a float32 tensor of shape [2,3] takes 6 values, got 5',
    )
    expect(() => binding.createTensor([2], 'string', ['a'])).toThrow('takes 2 values, got 1')
    expect(() => binding.createTensor([1], 'complex64', new Float32Array(1))).toThrow('takes 2 values, got 1')
  })

  test.each<[what: string, shape: number[], message: string]>([
    ['254 dimensions', Array(254).fill(1), 'a tensor of 254 dimensions: TensorFlow takes at most 253'],
    ['300 dimensions', Array(300).fill(1), 'a tensor of 300 dimensions'],
    ['negative sizes', [-1, -1], 'a tensor of shape [-1,-1]: -1 is not a whole number of elements'],
    ['a size that is NaN', [Number.NaN], 'NaN is not a whole number'],
    ['fractions', [0.5, 2], '0.5 is not a whole number'],
    ['an endless size', [Number.POSITIVE_INFINITY], 'Infinity is not a whole number'],
    ['sizes whose product overflows', [2 ** 40, 2 ** 40, 0], 'more elements than TensorFlow can count'],
  ])('a shape that TensorFlow would abort on is refused: %s', (_, shape, message) => {
    expect(() => binding.createTensor(shape, 'float32', Float32Array.of(1))).toThrow(message)
    expect(() => binding.createTensor(shape, 'string', ['a'])).toThrow(message)
  })

  test('an array of another type is refused instead of being converted', () => {
    expect(() => binding.createTensor([1], 'int32', new Float32Array(1))).toThrow(
      'a int32 tensor cannot be made from a Float32Array',
    )
  })

  test('an unknown dtype is refused with the known ones', () => {
    expect(() => binding.createTensor([1], 'float64', [1])).toThrow(/unknown dtype "float64": one of float32, int32/)
    expect(() => binding.createTensor([1], 1000, [1])).toThrow('TF_DataType 1000')
  })

  test('a deleted tensor is no longer counted, and refused by number', () => {
    const before = binding.getNumOfTensors()
    const id = floats(1)
    expect(binding.getNumOfTensors()).toBe(before + 1)
    binding.deleteTensor(id)
    expect(binding.getNumOfTensors()).toBe(before)
    expect(() => binding.tensorDataSync(id)).toThrow(`there is no tensor ${id}`)
    expect(() => binding.deleteTensor(id)).toThrow(`there is no tensor ${id}`)
  })
})
