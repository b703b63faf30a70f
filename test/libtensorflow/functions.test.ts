import { beforeAll, describe, expect, test } from 'vitest'
import { newBuilder } from '../../src/compile/program/builder.js'
import { toGraph } from '../../src/compile/program/graphdef.js'
import type { Binding } from '../../src/libtensorflow/binding.js'
import { DTYPES } from '../../src/libtensorflow/dtypes.js'
import { openBinding, skipped } from './native.js'

const floats = (...shape: number[]) => ({ dtype: DTYPES.TF_FLOAT, shape })

/** x * scale + y, and x as it is. */
function affine(scale: number, shape: number[]) {
  const builder = newBuilder()
  const type = [{ name: 'T', type: 4, value: DTYPES.TF_FLOAT }]
  const [x, y] = [builder.argument('x', floats(...shape)), builder.argument('y', floats(2))]
  const scaled = builder.single('Mul', type, [x, builder.constant(Float32Array.of(scale), floats())], floats(...shape))
  const sum = builder.single('AddV2', type, [scaled, y], floats(...shape))
  return toGraph(
    builder.build(
      new Map([
        ['sum', sum],
        ['x', x],
      ]),
    ),
  )
}

describe.skipIf(skipped !== '')(`TensorFlow functions${skipped}`, () => {
  let binding: Binding
  beforeAll(() => {
    binding = openBinding()
  })
  const vector = (...values: number[]) => binding.createTensor([2], DTYPES.TF_FLOAT, Float32Array.from(values))

  test('run by name like operations, on a worker thread', async () => {
    const functions = binding.openFunctions()
    functions.define('affine', affine(3, [2]))
    const inputs = [vector(1, 2), vector(10, 20)]
    const results = await functions.run('affine', [], inputs, 2)
    expect(results.map(({ id }) => binding.tensorDataSync(id))).toEqual([
      Float32Array.of(13, 26),
      Float32Array.of(1, 2),
    ])
    functions.dispose()
    // A result outlives the functions.
    const [sum, x] = results.map(({ id }) => id) as [number, number]
    const [twice] = binding.executeOp('AddV2', [], [sum, x], 1)
    expect(binding.tensorDataSync(twice?.id ?? -1)).toEqual(Float32Array.of(14, 28))
  })

  test('of two sets may have the same name', async () => {
    const sums = [1, 5].map(async scale => {
      const functions = binding.openFunctions()
      functions.define('again', affine(scale, [2]))
      const [sum] = await functions.run('again', [], [vector(1, 1), vector(0, 0)], 2)
      functions.dispose()
      return binding.tensorDataSync(sum?.id ?? -1)
    })
    expect(await Promise.all(sums)).toEqual([Float32Array.of(1, 1), Float32Array.of(5, 5)])
  })

  test('shapes that do not fit are refused when the function is defined, by its name', () => {
    expect(() => binding.openFunctions().define('misfit', affine(1, [3]))).toThrow(
      /^function misfit: .*must be (equal|compatible)/,
    )
  })

  test('an operation that TensorFlow lacks is refused when the function is defined', () => {
    const builder = newBuilder()
    const y = builder.single('NoSuchOperation', [], [], floats())
    const graph = toGraph(builder.build(new Map([['y', y]])))
    expect(() => binding.openFunctions().define('unknown', graph)).toThrow(/^function unknown: .*NoSuchOperation/)
  })
})
