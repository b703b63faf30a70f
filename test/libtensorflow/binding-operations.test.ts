// Operations of the binding: what TensorFlow refuses, those that run asynchronously, and what it says of itself.
import { describe, expect, test } from 'vitest'
import { createBinding } from '../../src/libtensorflow/binding.js'
import { type CApi, required } from '../../src/libtensorflow/c-api.js'
import { TensorFlowError } from '../../src/libtensorflow/status.js'
import { skipped } from '../support/native.js'
import { binding, float, floats, functions, run } from './binding.js'

describe.skipIf(skipped !== '')(`refusals${skipped}`, () => {
  test("carry the operation's name, TensorFlow's own text and its code", () => {
    const a = binding.createTensor([2, 3], 'float32', new Float32Array(6))
    const refusal = catchError(() => binding.executeOp('MatMul', [float('T')], [a, a], 1))
    expect(refusal).toBeInstanceOf(TensorFlowError)
    expect(refusal.message).toMatch(/^MatMul: .*Matrix size-incompatible: In\[0\]: \[2,3\], In\[1\]: \[2,3\]/)
    expect(refusal).toHaveProperty('code', 'INVALID_ARGUMENT')
  })

  test('are the same asynchronously', async () => {
    const refusal = functions.run('MatMul', [float('T')], [floats(1), floats(1)], 1)
    await expect(refusal).rejects.toThrow(/^MatMul: .*ndims must be >= 2.*\(INVALID_ARGUMENT\)$/)
  })

  test('name an operation that TensorFlow does not have', () => {
    expect(() => binding.executeOp('NoSuchOp', [], [], 1)).toThrow(/^NoSuchOp: .*NOT_FOUND/)
  })

  test('name an operation that is given more or fewer inputs than it has', () => {
    const [a, b, c] = [floats(1), floats(2), floats(3)]
    expect(() => binding.executeOp('AddV2', [float('T')], [a, b, c], 1)).toThrow('AddV2: it takes 2 inputs, got 3')
    expect(() => binding.executeOp('AddV2', [], [a], 1)).toThrow('AddV2: it takes 2 inputs, got 1')
    expect(() => binding.executeOp('AddV2', [], [], 1)).toThrow('AddV2: it takes 2 inputs, got 0')
  })

  test('say what is no name, no number of results, and no attribute', () => {
    const nothing = undefined as unknown as string
    expect(() => binding.executeOp(nothing, [], [], 1)).toThrow("an operation's name must be a string, got undefined")
    expect(() => binding.executeOp('Neg', [], [floats(1)], Number.NaN)).toThrow('Neg: it has no NaN results')
    const nameless = { ...float('T'), name: nothing }
    expect(() => binding.executeOp('Neg', [nameless], [floats(1)], 1)).toThrow(
      'Neg: the name of an attribute must be a',
    )
    expect(() => binding.loadSavedModel(nothing, 'serve')).toThrow('SavedModel: its folder must be a string')
  })

  test('name a result of more dimensions than the operations of TensorFlow take', () => {
    const most = binding.createTensor(Array(253).fill(1), 'float32', Float32Array.of(1))
    const before = binding.getNumOfTensors()
    const axis = binding.createTensor([], 'int32', Int32Array.of(0))
    expect(() => binding.executeOp('ExpandDims', [], [most, axis], 1)).toThrow(
      '254 dimensions: TensorFlow takes at most 253',
    )
    binding.deleteTensor(axis)
    expect(binding.getNumOfTensors()).toBe(before)
  })

  test('say which function of TensorFlow returned nothing', () => {
    expect(() => required(null, 'TF_AllocateTensor')).toThrow('TF_AllocateTensor: TensorFlow returned nothing')
    const empty = { ...binding.api, TF_AllocateTensor: () => null } as unknown as CApi
    expect(() => createBinding(empty).createTensor([2], 'float32', new Float32Array(2))).toThrow(
      'a float32 tensor of shape [2], 8 bytes: TensorFlow returned nothing; is there too little memory?',
    )
  })

  test('leave no tensor behind', () => {
    const a = floats(1)
    const before = binding.getNumOfTensors()
    expect(() => binding.executeOp('MatMul', [float('T')], [a, a], 1)).toThrow()
    expect(() => binding.executeOp('AddV2', [float('T')], [a, -1], 1)).toThrow('there is no tensor -1')
    expect(binding.getNumOfTensors()).toBe(before)
  })

  test('settings that are no ConfigProto are refused', () => {
    const options = { config: new Uint8Array([255, 255, 255]) }
    expect(() => createBinding(binding.api, options)).toThrow(/^TensorFlow settings: .*ConfigProto/)
  })
})

describe.skipIf(skipped !== '')(`asynchronous operations${skipped}`, () => {
  const size = 1500
  const big = () => binding.createTensor([size, size], 'float32', new Float32Array(size * size).fill(1))

  test('leave the event loop free', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const a = big()
    const [product] = await functions.run('MatMul', [float('T')], [a, a], 1)
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(0)
    expect(product?.shape).toEqual([size, size])
    for (const id of [a, product?.id ?? -1]) binding.deleteTensor(id)
  })

  test('give the right result although their inputs are deleted and other operations run meanwhile', async () => {
    const a = big()
    const pending = functions.run('MatMul', [float('T')], [a, a], 1)
    binding.deleteTensor(a)
    for (let i = 0; i < 100; i++) expect(run('Neg', [float('T')], floats(i))).toEqual(new Float32Array([-i]))
    const [product] = await pending
    const values = await binding.tensorData(product?.id ?? -1)
    expect(values.length).toBe(size * size)
    expect(new Set<unknown>(values)).toEqual(new Set([size]))
  })

  test('give each its own result when many are in flight', async () => {
    const all = Array.from({ length: 1000 }, (_, i) =>
      functions.run(i % 10 === 9 ? 'NoSuchOp' : 'Neg', [float('T')], [floats(i)], 1),
    )
    const results = await Promise.allSettled(all)
    results.forEach((result, i) => {
      expect(result.status).toBe(i % 10 === 9 ? 'rejected' : 'fulfilled')
      const id = result.status === 'fulfilled' ? result.value[0]?.id : undefined
      if (id !== undefined) expect(binding.tensorDataSync(id)).toEqual(new Float32Array([-i]))
    })
  })

  test('more tensors are read at once than koffi makes calls', async () => {
    const ids = Array.from({ length: 1000 }, (_, i) => floats(i))
    const all = await Promise.all(ids.map(id => binding.tensorData(id)))
    expect(all.map(([value]) => value)).toEqual(ids.map((_, i) => i))
  })

  test('a tensor deleted while it is read is read in full', async () => {
    const id = floats(1, 2, 3)
    const pending = binding.tensorData(id)
    binding.deleteTensor(id)
    expect(await pending).toEqual(new Float32Array([1, 2, 3]))
  })
})

test.skipIf(skipped !== '')(`the version and a CPU are known${skipped}`, () => {
  expect(binding.TF_Version).toMatch(/^2\.\d+\.\d+/)
  expect(binding.devices.map(({ type }) => type)).toContain('CPU')
  expect(binding.isUsingGpuDevice()).toBe(binding.devices.some(({ type }) => type === 'GPU'))
})

function catchError(f: () => unknown): Error {
  try {
    f()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}
