// What can be given to a compiled step: several inputs, their types, and data that come one after the other.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { batched } from '../../src/compile/batched.js'
import { scan } from '../../src/compile/scan.js'
import { dropout, keyAt, normal, streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { root, weights } from '../support/steps.js'

const modes = skipped === '' ? (['off', 'xla', 'graph'] as const) : (['off'] as const)
const x = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] }
const y = { data: Uint8Array.of(0, 2, 1), shape: [3] }

/** Six classes of three pixels: softmax regression. */
function classifier() {
  const w = weights([2, 3])
  const optimizer = tf.train.adam(0.1)
  const step = ({ images, labels }: { images: tf.Tensor; labels: tf.Tensor }) => {
    const loss = () => {
      const logits = tf.matMul(images as tf.Tensor2D, w as unknown as tf.Tensor2D)
      return tf.losses.softmaxCrossEntropy(tf.oneHot(labels as tf.Tensor1D, 3), logits) as tf.Scalar
    }
    return { loss: optimizer.minimize(loss, true) as tf.Tensor }
  }
  return step
}

describe.each(modes)('%s', mode => {
  beforeAll(() => useBackend(skipped === '' ? 'tensorflow' : 'cpu'))
  afterEach(() => tf.disposeVariables())

  test('a step gets each of its inputs with its own shape and type', async () => {
    const types: Record<string, string> = {}
    const steps = scan(
      (inputs: Record<'f' | 'i' | 'b' | 'bytes' | 'grey', tf.Tensor>) => {
        for (const [name, { dtype, shape }] of Object.entries(inputs)) types[name] = `${dtype}[${shape}]`
        return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tf.add(input, 1)]))
      },
      { mode },
    )
    const outputs = await steps.run({
      f: x,
      i: { data: Int32Array.of(7, -8, 9), shape: [3] },
      b: { data: Uint8Array.of(0, 1, 1), shape: [3, 1], dtype: 'bool' },
      bytes: { data: new Uint8ClampedArray([1, 2, 255]), shape: [3, 1, 1] },
      grey: { data: Uint8Array.of(5, 6, 7), shape: [3], dtype: 'float32' },
    })
    expect(types).toEqual({ f: 'float32[2]', i: 'int32[]', b: 'bool[1]', bytes: 'int32[1,1]', grey: 'float32[]' })
    expect(Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, [...values]]))).toEqual({
      f: [2, 3, 4, 5, 6, 7],
      i: [8, -7, 10],
      b: [1, 2, 2],
      bytes: [2, 3, 256],
      grey: [6, 7, 8],
    })
  })

  test('arrays, tensors, lists, generators and tf.data give the same losses', async () => {
    const images = { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [2, 2, 2] }
    const labels = { data: Int32Array.of(0, 1, 2, 0), shape: [2, 2] }
    const one = (i: number) => ({
      images: { data: images.data.subarray(4 * i, 4 * i + 4), shape: [2, 2] },
      labels: { data: labels.data.subarray(2 * i, 2 * i + 2), shape: [2] },
    })
    const tensors = (i: number) => ({
      images: tf.tensor2d(one(i).images.data, [2, 2]),
      labels: tf.tensor1d(one(i).labels.data, 'int32'),
    })
    const start = weights([2, 3])
    const lossesOf = async (data: Parameters<ReturnType<typeof newSteps>['run']>[0]) => {
      const steps = newSteps()
      const { loss } = await steps.run(data)
      steps.dispose()
      return [...(loss ?? [])]
    }
    function newSteps() {
      const w = tf.variable(start)
      const optimizer = tf.train.sgd(0.1)
      return scan(
        (inputs: { images: tf.Tensor; labels: tf.Tensor }) => {
          const logits = () => tf.matMul(inputs.images as tf.Tensor2D, w as unknown as tf.Tensor2D)
          const target = tf.oneHot(inputs.labels as tf.Tensor1D, 3)
          const loss = () => tf.losses.softmaxCrossEntropy(target, logits()) as tf.Scalar
          return { loss: optimizer.minimize(loss, true) as tf.Tensor }
        },
        { mode },
      )
    }
    const expected = await lossesOf({ images, labels })
    expect(expected).toHaveLength(2)
    expect(expected[1]).not.toBe(expected[0])
    expect(await lossesOf([one(0), one(1)])).toEqual(expected)
    expect(
      await lossesOf({ images: tf.tensor(images.data, [2, 2, 2]), labels: tf.tensor(labels.data, [2, 2], 'int32') }),
    ).toEqual(expected)
    const asynchronous = async function* () {
      yield one(0)
      yield tensors(1)
    }
    expect(await lossesOf(asynchronous())).toEqual(expected)
    const rows = { images: { ...images, shape: [4, 2] }, labels: { ...labels, shape: [4] } }
    expect(await lossesOf(batched(rows, { size: 2 }))).toEqual(expected)
    const before = tf.memory().numTensors
    const dataset = tf.data.zip({
      images: tf.data.array([
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
      ]),
      labels: tf.data.array([0, 1, 2, 0]).map(label => tf.cast(label as unknown as number, 'int32')),
    })
    expect(await lossesOf(dataset.batch(2))).toEqual(expected)
    expect(tf.memory().numTensors).toBe(before + 2) // the weights and the optimizer's rate
  })

  test('a smaller last batch is a step like the others', async () => {
    const steps = scan((batch: tf.Tensor) => ({ sum: tf.sum(batch) }), { mode })
    const data = { data: Float32Array.of(1, 2, 3, 4, 5), shape: [5] }
    expect([...((await steps.run(batched(data, { size: 2, last: 'keep' }))).sum ?? [])]).toEqual([3, 7, 5])
    expect([...((await steps.run(batched(data, { size: 2 }))).sum ?? [])]).toEqual([3, 7])
  })

  test('a stream gives the outputs as they come, and ends the generator when it is left', async () => {
    const steps = scan((batch: tf.Tensor) => ({ twice: tf.mul(batch, 2) }), { mode })
    let [made, ended] = [0, false]
    function* endless() {
      try {
        for (;;) yield { data: Float32Array.of(made++), shape: [1] }
      } finally {
        ended = true
      }
    }
    const seen: number[] = []
    for await (const { from, count, outputs } of steps.stream(endless())) {
      expect([from, count]).toEqual([seen.length, outputs.twice?.length])
      seen.push(...(outputs.twice ?? []))
      if (seen.length >= 3) break
    }
    expect(seen).toEqual(seen.map((_, i) => 2 * i))
    expect(made).toBe(seen.length)
    expect(ended).toBe(true)
  })

  test('step i gets number i of the keys and the schedules, in a stream too', async () => {
    const step = (batch: tf.Tensor, key: Parameters<typeof normal>[0], { rate }: { rate: number }) => ({
      noise: normal(key, [2]),
      rate: tf.mul(batch, rate),
    })
    const data = { data: Float32Array.of(1, 1, 1), shape: [3] }
    const outputs = await scan(step, { mode }).run(data, { key: 5, schedules: i => ({ rate: i + 0.5 }) })
    const again = await scan(step, { mode }).run(
      [0, 1, 2].map(() => ({ data: Float32Array.of(1), shape: [] })),
      {
        keys: [0, 1, 2].map(i => keyAt(streamKey(5, 'scan'), i)),
        schedules: [{ rate: 0.5 }, { rate: 1.5 }, { rate: 2.5 }],
      },
    )
    expect([...(outputs.rate ?? [])]).toEqual([0.5, 1.5, 2.5])
    expect(again).toEqual(outputs)
    expect(new Set(outputs.noise).size).toBe(6)
  })

  test('a step without inputs runs a number of times', async () => {
    const total = tf.variable(tf.scalar(0))
    const steps = scan(
      () => {
        total.assign(tf.add(total, 2))
        return { total }
      },
      { mode },
    )
    expect([...((await steps.run(3)).total ?? [])]).toEqual([2, 4, 6])
  })

  test('noise without a key is an error that says what to write', async () => {
    const steps = scan((batch: tf.Tensor, key) => ({ y: tf.add(batch, normal(key, [2])) }), { mode })
    await expect(steps.run(x)).rejects.toThrow(
      'the step uses its key, but the call has none: write run(data, { key: 1 })',
    )
    expect((await steps.run(x, { key: 1 })).y).toHaveLength(6)
    await expect(steps.run(x)).rejects.toThrow('the call has none')
  })

  test('keyed dropout keeps the mean, drops the share, and is the same for the same key', async () => {
    const steps = scan((batch: tf.Tensor, key) => ({ y: dropout(batch, 0.25, key) }), { mode })
    const ones = { data: new Float32Array(20_000).fill(1), shape: [2, 10_000] }
    const { y = new Float32Array() } = await steps.run(ones, { key: root })
    const kept = y.filter(value => value > 0)
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.75)]))
    expect(Math.abs(kept.length / y.length - 0.75)).toBeLessThan(0.015) // five standard errors
    expect([...y.slice(0, 10_000)]).not.toEqual([...y.slice(10_000)])
    expect((await steps.run(ones, { key: root })).y).toEqual(y)
  })

  test('a classifier learns labels', async () => {
    const steps = scan(classifier(), { mode })
    const data = { images: { data: Float32Array.of(1, 0, 0, 1, -1, -1), shape: [3, 2] }, labels: y }
    const pass = function* () {
      for (let epoch = 0; epoch < 60; epoch++) yield* batched(data, { size: 3, shuffle: keyAt(root, epoch) })
    }
    const { loss = [] } = await steps.run(pass())
    expect(loss[59]).toBeLessThan(0.2 * (loss[0] as number))
  })
})

test('wrong sequences are errors of one line', async () => {
  await useBackend('cpu')
  const steps = scan((batch: tf.Tensor) => ({ y: batch }), { mode: 'off' })
  const one = { data: Float32Array.of(1), shape: [1] }
  await expect(steps.run([one, { ...one, data: [1] }] as never)).rejects.toThrow('got Array: use Float32Array.from(…)')
  await expect(steps.run([one, { data: one.data }] as never)).rejects.toThrow('shape of one batch, got undefined')
  await expect(steps.run([one, 3] as never)).rejects.toThrow(
    'must be { data, shape }, a tensor, or an object of those by name, got number',
  )
  await expect(steps.run([one, one], { keys: [[1, 2]] })).rejects.toThrow(
    'keys has 1 entries, but there are 2 batches of shape [1]',
  )
  await expect(steps.run([one], { key: root, keys: [root] })).rejects.toThrow('key or keys, not both')
  await expect(steps.run([one], { key: -1 })).rejects.toThrow('key must be a whole number or two of them, got -1')
  expect(() => batched({ a: one, b: { data: Float32Array.of(1, 2), shape: [2] } }, { size: 1 })).toThrow(
    'the first axis is the example: "a" has 1, "b" has 2',
  )
  expect(() => batched(one, { size: 2 })).toThrow('size must be a whole number from 1 to the 1 examples, got 2')
  expect(() => batched(new Float32Array(3) as never, { size: 2 })).toThrow('batched takes { data, shape }')
})
