// Functions: programs that TensorFlow runs by name like operations.
import { describe, expect, test } from 'vitest'
import { newBuilder } from '../../src/compile/program/builder.js'
import { toGraph } from '../../src/compile/program/graphdef.js'
import { DTYPES } from '../../src/libtensorflow/dtypes.js'
import { skipped } from '../support/native.js'
import { binding, floats as vector } from './binding.js'

const float32 = (...shape: number[]) => ({ dtype: DTYPES.TF_FLOAT, shape })

/** x * scale + y, and x as it is. */
function affine(scale: number, shape: number[]) {
  const builder = newBuilder()
  const type = [{ name: 'T', type: 4, value: DTYPES.TF_FLOAT }]
  const [x, y] = [builder.argument('x', float32(...shape)), builder.argument('y', float32(2))]
  const factor = builder.constant(Float32Array.of(scale), float32())
  const scaled = builder.single('Mul', type, [x, factor], float32(...shape))
  const sum = builder.single('AddV2', type, [scaled, y], float32(...shape))
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
  test('run by name like operations, at once and on a worker thread', async () => {
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

  test.each([undefined, null, 7])('are not defined under the name %s', name => {
    expect(() => binding.openFunctions().define(name as never, affine(1, [2]))).toThrow(
      /^the name of a function must be a string, got /,
    )
  })

  test('that have shapes which do not fit are refused by name when they are defined', () => {
    expect(() => binding.openFunctions().define('misfit', affine(1, [3]))).toThrow(
      /^function misfit: .*must be (equal|compatible)/,
    )
  })

  test('with an operation that TensorFlow lacks are refused when they are defined', () => {
    const builder = newBuilder()
    const y = builder.single('NoSuchOperation', [], [], float32())
    const graph = toGraph(builder.build(new Map([['y', y]])))
    expect(() => binding.openFunctions().define('unknown', graph)).toThrow(/^function unknown: .*NoSuchOperation/)
  })
})
