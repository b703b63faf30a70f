import { describe, expect, test } from 'vitest'
import { type Binding, createBinding } from '../../src/libtensorflow/binding.js'
import { bytesField, intField } from '../../src/libtensorflow/protobuf.js'
import { TensorFlowError } from '../../src/libtensorflow/status.js'
import type { TensorValues } from '../../src/libtensorflow/tensor-values.js'
import { openBinding, skipped } from './native.js'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))

describe.skipIf(skipped !== '')(`the binding${skipped}`, () => {
  const binding: Binding = skipped === '' ? openBinding() : (undefined as never)
  const { TF_ATTR_STRING, TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_TYPE, TF_ATTR_SHAPE } = binding ?? {}

  function floats(...values: number[]): number {
    return binding.createTensor([values.length], 'float32', Float32Array.from(values))
  }

  const float = (name: string) => ({ name, type: TF_ATTR_TYPE, value: binding.TF_FLOAT })

  /** The values of an operation's first result. */
  function run(name: string, attributes: Parameters<Binding['executeOp']>[1], ...inputs: number[]) {
    const [result] = binding.executeOp(name, attributes, inputs, 1)
    if (result === undefined) throw new Error(`${name} gave no result`)
    return binding.tensorDataSync(result.id)
  }

  describe('tensors', () => {
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

  describe('attributes', () => {
    test('a string, and an integer', () => {
      const a = binding.createTensor([], 'string', ['a'])
      const attributes = [
        { name: 'N', type: TF_ATTR_INT, value: 2 },
        { name: 'separator', type: TF_ATTR_STRING, value: '—' },
      ]
      expect(run('StringJoin', attributes, a, a)).toEqual([bytes('a—a')])
    })

    test('a string given as bytes', () => {
      const a = binding.createTensor([], 'string', ['a'])
      const separator = { name: 'separator', type: TF_ATTR_STRING, value: new Uint8Array([0, 200]) }
      expect(run('StringJoin', [{ name: 'N', type: TF_ATTR_INT, value: 2 }, separator], a, a)).toEqual([
        new Uint8Array([97, 0, 200, 97]),
      ])
    })

    test('a list of integers', () => {
      const image = binding.createTensor([1, 2, 2, 1], 'float32', [1, 2, 3, 4])
      const attributes = [
        { name: 'ksize', type: TF_ATTR_INT, value: [1, 2, 2, 1] },
        { name: 'strides', type: TF_ATTR_INT, value: [1, 2, 2, 1] },
        { name: 'padding', type: TF_ATTR_STRING, value: 'VALID' },
        float('T'),
      ]
      expect(run('MaxPool', attributes, image)).toEqual(new Float32Array([4]))
    })

    test('a float', () => {
      const attributes = [{ name: 'alpha', type: TF_ATTR_FLOAT, value: 0.25 }, float('T')]
      expect(run('LeakyRelu', attributes, floats(-4, 4))).toEqual(new Float32Array([-1, 4]))
    })

    test('a list of floats', () => {
      const attributes = [{ name: 'boundaries', type: TF_ATTR_FLOAT, value: [0.5, 1.5] }, float('T')]
      expect(run('Bucketize', attributes, floats(0, 1, 2))).toEqual(new Int32Array([0, 1, 2]))
    })

    test('a boolean', () => {
      const row = binding.createTensor([1, 2], 'float32', [3, 4])
      const attributes = [
        { name: 'transpose_a', type: TF_ATTR_BOOL, value: false },
        { name: 'transpose_b', type: TF_ATTR_BOOL, value: true },
        float('T'),
      ]
      expect(run('MatMul', attributes, row, row)).toEqual(new Float32Array([25]))
    })

    test('a list of booleans, which is carried along where no operation wants it', () => {
      const attributes = [{ name: '_flags', type: TF_ATTR_BOOL, value: [true, false] }, float('T')]
      expect(run('Identity', attributes, floats(1))).toEqual(new Float32Array([1]))
    })

    test('a type', () => {
      const attributes = [float('SrcT'), { name: 'DstT', type: TF_ATTR_TYPE, value: binding.TF_INT32 }]
      expect(run('Cast', attributes, floats(2.75))).toEqual(new Int32Array([2]))
    })

    test('a shape', () => {
      const shaped = (value: number[]) => [{ name: 'shape', type: TF_ATTR_SHAPE, value }, float('T')]
      expect(run('EnsureShape', shaped([2]), floats(1, 2))).toEqual(new Float32Array([1, 2]))
      expect(run('EnsureShape', shaped([-1]), floats(1, 2))).toEqual(new Float32Array([1, 2]))
      expect(() => run('EnsureShape', shaped([3]), floats(1, 2))).toThrow(/not compatible/)
    })

    test('lists of strings, types and shapes', () => {
      const example = binding.createTensor([], 'string', [exampleOf({ one: [5], three: [1, 2, 3] })])
      const none = binding.createTensor([0], 'float32', [])
      const attributes = [
        { name: 'num_sparse', type: TF_ATTR_INT, value: 0 },
        { name: 'sparse_keys', type: TF_ATTR_STRING, value: [] },
        { name: 'sparse_types', type: TF_ATTR_TYPE, value: [] },
        { name: 'dense_keys', type: TF_ATTR_STRING, value: ['three', 'one'] },
        { name: 'Tdense', type: TF_ATTR_TYPE, value: [binding.TF_FLOAT, binding.TF_FLOAT] },
        { name: 'dense_shapes', type: TF_ATTR_SHAPE, value: [[3, 1], []] },
      ]
      const results = binding.executeOp('ParseSingleExample', attributes, [example, none, none], 2)
      expect(results.map(({ shape }) => shape)).toEqual([[3, 1], []])
      expect(results.map(({ id }) => binding.tensorDataSync(id))).toEqual([
        new Float32Array([1, 2, 3]),
        new Float32Array([5]),
      ])
    })

    const wrong: readonly [string, unknown][] = [
      ['TF_ATTR_STRING', 1],
      ['TF_ATTR_INT', 'one'],
      ['TF_ATTR_INT', undefined],
      ['TF_ATTR_FLOAT', [1, null]],
      ['TF_ATTR_BOOL', 1],
      ['TF_ATTR_TYPE', 'float32'],
      ['TF_ATTR_SHAPE', 3],
    ]
    for (const [type, value] of wrong) {
      test(`${JSON.stringify(value)} as a ${type} is refused, naming operation and attribute`, () => {
        const attribute = { name: 'T', type: binding[type as 'TF_ATTR_INT'], value }
        expect(() => binding.executeOp('Identity', [attribute], [floats(1)], 1)).toThrow(
          /^Identity: attribute T must be .*, got /,
        )
      })
    }

    test('an unknown type of attribute is refused', () => {
      const attribute = { name: 'T', type: 99, value: 1 }
      expect(() => binding.executeOp('Identity', [attribute], [floats(1)], 1)).toThrow('the unknown type 99')
    })
  })

  describe('refusals', () => {
    test("carry the operation's name, TensorFlow's own text and its code", () => {
      const a = binding.createTensor([2, 3], 'float32', new Float32Array(6))
      const refusal = catchError(() => binding.executeOp('MatMul', [float('T')], [a, a], 1))
      expect(refusal).toBeInstanceOf(TensorFlowError)
      expect(refusal.message).toMatch(/^MatMul: .*Matrix size-incompatible: In\[0\]: \[2,3\], In\[1\]: \[2,3\]/)
      expect(refusal).toHaveProperty('code', 'INVALID_ARGUMENT')
    })

    test('are the same asynchronously', async () => {
      const refusal = binding.executeOpAsync('MatMul', [float('T')], [floats(1), floats(1)], 1)
      await expect(refusal).rejects.toThrow(/^MatMul: .*ndims must be >= 2.*\(INVALID_ARGUMENT\)$/)
    })

    test('name an operation that TensorFlow does not have', () => {
      expect(() => binding.executeOp('NoSuchOp', [], [], 1)).toThrow(/^NoSuchOp: .*NOT_FOUND/)
    })

    test('leave no tensor behind', () => {
      const a = floats(1)
      const before = binding.getNumOfTensors()
      expect(() => binding.executeOp('MatMul', [float('T')], [a, a], 1)).toThrow()
      expect(() => binding.executeOp('Identity', [float('T')], [a, -1], 1)).toThrow('there is no tensor -1')
      expect(binding.getNumOfTensors()).toBe(before)
    })

    test('settings that are no ConfigProto are refused', () => {
      const options = { config: new Uint8Array([255, 255, 255]) }
      expect(() => createBinding(binding.api, options)).toThrow(/^TensorFlow settings: .*ConfigProto/)
    })
  })

  describe('asynchronous operations', () => {
    const size = 1500
    const big = () => binding.createTensor([size, size], 'float32', new Float32Array(size * size).fill(1))

    test('leave the event loop free', async () => {
      let ticks = 0
      const timer = setInterval(() => ticks++, 1)
      const a = big()
      const [product] = await binding.executeOpAsync('MatMul', [float('T')], [a, a], 1)
      clearInterval(timer)
      expect(ticks).toBeGreaterThan(0)
      expect(product?.shape).toEqual([size, size])
      for (const id of [a, product?.id ?? -1]) binding.deleteTensor(id)
    })

    test('stand their inputs being deleted and other operations being run meanwhile', async () => {
      const a = big()
      const pending = binding.executeOpAsync('MatMul', [float('T')], [a, a], 1)
      binding.deleteTensor(a)
      for (let i = 0; i < 100; i++) expect(run('Neg', [float('T')], floats(i))).toEqual(new Float32Array([-i]))
      const [product] = await pending
      const values = await binding.tensorData(product?.id ?? -1)
      expect(values.length).toBe(size * size)
      expect(new Set<unknown>(values)).toEqual(new Set([size]))
    })

    test('give each its own result when many are in flight', async () => {
      const all = Array.from({ length: 100 }, (_, i) =>
        binding.executeOpAsync(i % 10 === 9 ? 'NoSuchOp' : 'Neg', [float('T')], [floats(i)], 1),
      )
      const results = await Promise.allSettled(all)
      results.forEach((result, i) => {
        expect(result.status).toBe(i % 10 === 9 ? 'rejected' : 'fulfilled')
        const id = result.status === 'fulfilled' ? result.value[0]?.id : undefined
        if (id !== undefined) expect(binding.tensorDataSync(id)).toEqual(new Float32Array([-i]))
      })
    })

    test('a tensor deleted while it is read is read in full', async () => {
      const id = floats(1, 2, 3)
      const pending = binding.tensorData(id)
      binding.deleteTensor(id)
      expect(await pending).toEqual(new Float32Array([1, 2, 3]))
    })
  })

  test('the version and a CPU are known', () => {
    expect(binding.TF_Version).toMatch(/^2\.\d+\.\d+/)
    expect(binding.devices.map(({ type }) => type)).toContain('CPU')
    expect(binding.isUsingGpuDevice()).toBe(binding.devices.some(({ type }) => type === 'GPU'))
  })
})

function catchError(f: () => unknown): Error {
  try {
    f()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}

/** A tf.Example: features = 1 { feature = 1 { key = 1, value = 2 { float_list = 2 { value = 1 } } } }. */
function exampleOf(features: Record<string, number[]>): Uint8Array {
  const entries = Object.entries(features).map(([key, values]) => {
    const list = bytesField(1, new Uint8Array(Float32Array.from(values).buffer))
    return bytesField(1, bytesField(1, bytes(key)), bytesField(2, bytesField(2, list)))
  })
  return bytesField(1, ...entries)
}

test('negative integers take ten bytes in protobuf, as in its documentation', () => {
  expect([...intField(1, -2)]).toEqual([8, 254, 255, 255, 255, 255, 255, 255, 255, 255, 1])
  expect([...intField(1, 150)]).toEqual([8, 150, 1])
  expect([...bytesField(2, bytes('testing'))]).toEqual([0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67])
})
