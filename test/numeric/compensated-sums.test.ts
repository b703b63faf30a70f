// Compensated sums, eager and compiled.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { scan } from '../../src/compile/scan.js'
import { compensatedSums } from '../../src/numeric/compensated-sums.js'
import { useBackend } from '../support/backend.js'

beforeAll(() => useBackend())

test.each(['auto', 'off'] as const)(
  'a sum of 3,000 numbers is exact to a part in 1e9 (%s), where float32 loses one in 1e5',
  async mode => {
    const count = 3000
    const data = Float32Array.from({ length: count }, (_, i) => 1e4 + 1 / (i + 3))
    const sums = compensatedSums({ total: [1] })
    const steps = scan<object>(
      x => {
        sums.add({ total: x })
        return { x }
      },
      { mode },
    )
    await steps.run({ data, shape: [count, 1] })
    const exact = data.reduce((sum, value) => sum + value, 0)
    expect(Math.abs(((await sums.take()).total[0] as number) / exact - 1)).toBeLessThan(1e-9)
    expect((await sums.take()).total[0]).toBe(0)
    expect([...sums.variables.keys()]).toEqual(['total', 'total_lost'])
    steps.dispose()
    const { numTensors } = tf.memory()
    sums.dispose()
    expect(tf.memory().numTensors).toBe(numTensors - 2)
  },
)
