// Attributes of operations, of every type, as TensorFlow reads them.
import { describe, expect, test } from 'vitest'
import { bytesField } from '../../src/libtensorflow/protobuf.js'
import { skipped } from '../support/native.js'
import { binding, bytes, float, floats, run } from './binding.js'

const { TF_ATTR_STRING, TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_TYPE, TF_ATTR_SHAPE } = binding ?? {}

describe.skipIf(skipped !== '')(`attributes${skipped}`, () => {
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

/** A tf.Example: features = 1 { feature = 1 { key = 1, value = 2 { float_list = 2 { value = 1 } } } }. */
function exampleOf(features: Record<string, number[]>): Uint8Array {
  const entries = Object.entries(features).map(([key, values]) => {
    const list = bytesField(1, new Uint8Array(Float32Array.from(values).buffer))
    return bytesField(1, bytesField(1, bytes(key)), bytesField(2, bytesField(2, list)))
  })
  return bytesField(1, ...entries)
}
