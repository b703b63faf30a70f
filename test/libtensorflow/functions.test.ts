// Functions: programs that TensorFlow runs by name like operations.
import { describe, expect, test } from 'vitest'
import { newBuilder } from '../../src/compile/program/builder.js'
import { toGraph } from '../../src/compile/program/graphdef.js'

import { DTYPES } from '../../src/libtensorflow/dtypes.js'
import { defineFunction } from '../../src/libtensorflow/functions.js'
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
    const defined = defineFunction(binding, 'affine', affine(3, [2]))
    const inputs = [vector(1, 2), vector(10, 20)]
    const results = binding.executeOp('affine', [], inputs, 2)
    expect(results.map(({ id }) => binding.tensorDataSync(id))).toEqual([
      Float32Array.of(13, 26),
      Float32Array.of(1, 2),
    ])
    const [later] = await binding.executeOpAsync('affine', [], inputs, 2)
    expect(binding.tensorDataSync(later?.id ?? -1)).toEqual(Float32Array.of(13, 26))
    defined.dispose()
    expect(() => binding.executeOp('affine', [], inputs, 2)).toThrow('affine')
  })

  test('can be defined again under the same name once disposed', () => {
    defineFunction(binding, 'again', affine(1, [2])).dispose()
    const defined = defineFunction(binding, 'again', affine(5, [2]))
    const [sum] = binding.executeOp('again', [], [vector(1, 1), vector(0, 0)], 2)
    expect(binding.tensorDataSync(sum?.id ?? -1)).toEqual(Float32Array.of(5, 5))
    defined.dispose()
  })

  test('that have shapes which do not fit are refused by name when they are defined', () => {
    expect(() => defineFunction(binding, 'misfit', affine(1, [3]))).toThrow(
      /^function misfit: .*must be (equal|compatible)/,
    )
  })

  test('with an operation that TensorFlow lacks are refused when they are defined', () => {
    const builder = newBuilder()
    const y = builder.single('NoSuchOperation', [], [], float32())
    expect(() => defineFunction(binding, 'unknown', toGraph(builder.build(new Map([['y', y]]))))).toThrow(
      /^function unknown: .*NoSuchOperation/,
    )
  })
})
