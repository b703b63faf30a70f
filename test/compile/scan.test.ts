// What a caller of `scan` sees: state, chunks, memory, time.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { scan } from '../../src/compile/scan.js'
import type { Step } from '../../src/compile/step.js'
import type { NodeBackend } from '../../src/libtensorflow/node-backend.js'
import { normal, split, uniform } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { byteBatches, floatBatches, keys, training, weights } from '../support/steps.js'

const none = (count: number) => Array.from({ length: count }, () => ({}))

/** A linear model, and a counter of how often JavaScript runs it. */
function linear() {
  const w = weights([4, 2])
  const calls = { count: 0 }
  const learn = training(x => tf.square(tf.sub(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), 1)))
  const step: Step<object> = (...args) => {
    calls.count++
    return learn(...args)
  }
  return { w, calls, step }
}

describe.skipIf(skipped !== '')(`scan, compiled${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => {
    vi.restoreAllMocks()
    tf.disposeVariables()
  })

  describe.each(['xla', 'graph'] as const)('%s', mode => {
    test('gives the same noise as eager TF.js: uniform to the last bit, normal to 1e-6', async () => {
      const step: Step<object> = (_, key) => {
        const [a, b] = split(key, 2) as [typeof key, typeof key]
        return { uniform: uniform(a, [3, 7]), normal: normal(b, [3, 7]), own: uniform(key, [9]) }
      }
      const run = (mode: 'off' | 'xla' | 'graph') =>
        scan(step, { mode }).run(floatBatches(30, [1]), { keys: keys(30), schedules: none(30) })
      const [expected, actual] = [await run('off'), await run(mode)]
      expect(actual.uniform).toEqual(expected.uniform)
      expect(actual.own).toEqual(expected.own)
      actual.normal?.forEach((value, i) => {
        expect(Math.abs(value - (expected.normal?.[i] ?? Number.NaN))).toBeLessThan(1e-6)
      })
    })

    test('takes bytes and gives them to the step as float32', async () => {
      const batches = byteBatches(3, [2, 2])
      const { y } = await scan<object>(x => ({ y: tf.add(x, 0.5) }), { mode }).run(batches, {
        keys: keys(3),
        schedules: none(3),
      })
      expect([...(y ?? [])]).toEqual([...batches.data].map(value => value + 0.5))
    })

    test('gives the same to the last bit however the steps are cut into calls', async () => {
      const run = async (cuts: number[]) => {
        const { w, step } = linear()
        const first = w.clone()
        const runner = scan(step, { mode })
        const { data } = floatBatches(12, [3, 4])
        let from = 0
        const losses: number[] = []
        w.assign(tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]))
        for (const count of cuts) {
          const part = { data: data.subarray(12 * from, 12 * (from + count)), shape: [count, 3, 4] }
          const outputs = await runner.run(part, { keys: keys(12).slice(from, from + count), schedules: none(count) })
          losses.push(...(outputs.loss ?? []))
          from += count
        }
        first.dispose()
        return { losses, w: [...w.dataSync()] }
      }
      expect(await run([1, 4, 7])).toEqual(await run([12]))
    })

    test('runs more steps in one call than fit into one chunk', async () => {
      const count = 450 // a chunk has at most 200
      const { y } = await scan(x => ({ y: tf.sum(x) }), { mode }).run({
        data: Float32Array.from({ length: count }, (_, i) => i),
        shape: [count, 1],
      })
      expect([...(y ?? [])]).toEqual(Array.from({ length: count }, (_, i) => i))
    })

    test('is recorded and defined once per shape, however often it runs', async () => {
      const { calls, step } = linear()
      const add = vi.spyOn((tf.backend() as NodeBackend).binding.api, 'TFE_ContextAddFunction')
      const runner = scan(step, { mode })
      for (const count of [5, 1, 3, 5])
        await runner.run(floatBatches(count, [3, 4]), { keys: keys(count), schedules: none(count) })
      expect(calls.count).toBe(2) // two recordings
      const defined = add.mock.calls.length
      await runner.run(floatBatches(2, [6, 4]), { keys: keys(2), schedules: none(2) })
      expect(calls.count).toBe(4)
      expect(add.mock.calls.length).toBe(2 * defined)
    })

    test('leaves as many tensors after each call as before, in TF.js and in TensorFlow', async () => {
      const { step } = linear()
      const runner = scan(step, { mode })
      const { binding } = tf.backend() as NodeBackend
      const run = async () => {
        await runner.run(floatBatches(5, [3, 4]), { keys: keys(5), schedules: none(5) })
        return [tf.memory().numTensors, binding.getNumOfTensors()]
      }
      const first = await run()
      for (let i = 0; i < 5; i++) expect(await run()).toEqual(first)
    })

    test('leaves the event loop free while it runs', async () => {
      const w = weights([300, 300])
      const step: Step<object> = () => {
        w.assign(tf.tanh(tf.matMul(w as unknown as tf.Tensor2D, w as unknown as tf.Tensor2D)))
        return { y: tf.sum(w) }
      }
      const runner = scan(step, { mode })
      await runner.run(floatBatches(1, [1]), { keys: keys(1), schedules: none(1) })
      let ticks = 0
      const timer = setInterval(() => ticks++, 1)
      await runner.run(floatBatches(200, [1]), { keys: keys(200), schedules: none(200) })
      clearInterval(timer)
      expect(ticks).toBeGreaterThan(3)
    })
  })

  test('a step of 600 operations, each on the result of the last, is compiled: XLA recurses over them', async () => {
    const w = weights([8])
    const chain = (x: tf.Tensor) => {
      let y: tf.Tensor = tf.add(w, x)
      for (let i = 0; i < 300; i++) y = tf.add(tf.tanh(y), x)
      return { y: tf.sum(y) }
    }
    const x = floatBatches(1, [8])
    const { y } = await scan<object>(chain, { mode: 'xla' }).run(x, { keys: keys(1), schedules: none(1) })
    const expected = tf.tidy(() => chain(tf.tensor1d(x.data)).y.dataSync()[0] as number)
    expect(y?.[0]).toBeCloseTo(expected, 4)
  })

  test('two variables that share one tensor stay two', async () => {
    const shared = tf.scalar(1)
    const [a, b] = [tf.variable(shared), tf.variable(shared)]
    const step: Step<object> = () => {
      a.assign(tf.add(a, 1))
      b.assign(tf.mul(b, 3))
      return {}
    }
    await scan(step, { mode: 'graph' }).run(floatBatches(2, [1]), { keys: keys(2), schedules: none(2) })
    expect([a.dataSync()[0], b.dataSync()[0]]).toEqual([3, 9])
  })

  test('a variable can be assigned the value that another one had before the step', async () => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(1))]
    const step: Step<object> = () => {
      const sum = tf.add(a, b)
      a.assign(b as tf.Scalar)
      b.assign(sum as tf.Scalar)
      return { a: tf.add(a, 0) }
    }
    const { a: values } = await scan(step, { mode: 'graph' }).run(floatBatches(6, [1]), {
      keys: keys(6),
      schedules: none(6),
    })
    expect([...(values ?? [])]).toEqual([1, 2, 3, 5, 8, 13]) // Fibonacci's numbers
  })

  test('a variable can be assigned another one in every step', async () => {
    const [model, target] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(0))]
    const step: Step<object> = () => {
      const before = tf.add(target, 0)
      target.assign(model as tf.Scalar)
      model.assign(tf.mul(model, 2))
      return { before }
    }
    const { before } = await scan(step, { mode: 'graph' }).run(floatBatches(4, [1]), {
      keys: keys(4),
      schedules: none(4),
    })
    expect([...(before ?? [])]).toEqual([0, 1, 2, 4])
  })

  test('two variables can be assigned the same third one', async () => {
    const [a, b, c] = [tf.variable(tf.scalar(5)), tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))]
    const step: Step<object> = () => {
      const sum = tf.add(b, tf.mul(c, 10))
      b.assign(a as tf.Scalar)
      c.assign(a as tf.Scalar)
      return { sum }
    }
    const { sum } = await scan(step, { mode: 'graph' }).run(floatBatches(3, [1]), { keys: keys(3), schedules: none(3) })
    expect([...(sum ?? [])]).toEqual([21, 55, 55])
  })

  test('a second call before the first is over is an error', async () => {
    const runner = scan(x => ({ y: tf.sum(x) }), { mode: 'graph' })
    const first = runner.run(floatBatches(1, [1]), { keys: keys(1), schedules: none(1) })
    await expect(runner.run(floatBatches(1, [1]), { keys: keys(1), schedules: none(1) })).rejects.toThrow(
      'while another call was in flight',
    )
    await first
  })
})
