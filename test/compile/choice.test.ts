// What `auto` chooses: a rule on the operations of the step, the same on every run.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Compilable, chooseMode } from '../../src/compile/run/choose.js'
import type { CompiledLoop } from '../../src/compile/run/compiled-loop.js'
import type { Feeder } from '../../src/compile/run/feed.js'
import { scan } from '../../src/compile/scan.js'
import type { Call, Numbers, ScanOptions, Step } from '../../src/compile/step.js'
import { TensorFlowError } from '../../src/libtensorflow/status.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { floatBatches, keys, training, weights } from '../support/steps.js'

/** Runs two steps on batches of this shape; returns what was chosen. */
async function choiceFor(step: Step<object>, shape: readonly number[], mode?: ScanOptions['mode']) {
  const steps = scan(step, { mode })
  try {
    await steps.run(floatBatches(2, shape), { keys: keys(2), schedules: [{}, {}] })
    return steps.choice
  } finally {
    steps.dispose()
  }
}

const XLA = { mode: 'xla', reason: 'it has fast code for every operation of the step' }

describe.skipIf(skipped !== '')(`auto${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  const square = (x: tf.Tensor) => tf.square(x)
  const dense = () => {
    const w = weights([4, 2])
    return training(x => square(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D)))
  }
  const convolution = () => {
    const w = weights([3, 3, 1, 2])
    return training(x => square(tf.conv2d(x as tf.Tensor4D, w as unknown as tf.Tensor4D, 2, 'same')))
  }
  const transposed = () => {
    const w = weights([3, 3, 2, 1])
    return training(x =>
      square(tf.conv2dTranspose(x as tf.Tensor4D, w as unknown as tf.Tensor4D, [2, 12, 12, 2], 2, 'same')),
    )
  }

  test.each<[what: string, shape: number[], step: () => Step<object>]>([
    ['dense layers', [3, 4], dense],
    ['convolutions and their gradients', [2, 6, 6, 1], convolution],
    ['transposed convolutions', [2, 6, 6, 1], transposed],
  ])('is XLA for %s', async (_, shape, step) => {
    expect(await choiceFor(step(), shape, 'auto')).toEqual(XLA)
  })

  test('is what a scan does without a mode', async () => {
    expect(await choiceFor(x => ({ y: tf.sum(x) }), [3])).toEqual(XLA)
  })

  test.each<[op: string, shape: number[], f: (x: tf.Tensor) => tf.Tensor]>([
    [
      'DepthwiseConv2dNative',
      [1, 6, 6, 2],
      x => tf.depthwiseConv2d(x as tf.Tensor4D, tf.ones([3, 3, 2, 1]), 1, 'same'),
    ],
    ['Conv3D', [1, 4, 4, 4, 2], x => tf.conv3d(x as tf.Tensor5D, tf.ones([2, 2, 2, 2, 1]), 1, 'same')],
    ['ResizeBilinear', [1, 4, 4, 2], x => tf.image.resizeBilinear(x as tf.Tensor4D, [8, 8])],
  ])('is a graph for %s', async (op, shape, f) => {
    const step = (x: tf.Tensor) => ({ y: tf.sum(f(x)) })
    expect(await choiceFor(step, shape)).toEqual({ mode: 'graph', reason: `on CPUs, XLA is slow at ${op}` })
  })

  const dilation: Step<object> = x => ({ y: tf.dilation2d(x as tf.Tensor4D, tf.ones([2, 2, 1]), 1, 'same') })

  test('is a graph where XLA lacks an operation; mode xla is refused there', async () => {
    expect(await choiceFor(dilation, [1, 4, 4, 1])).toEqual({ mode: 'graph', reason: 'XLA has no Dilation2D' })
    await expect(choiceFor(dilation, [1, 4, 4, 1], 'xla')).rejects.toThrow(
      /XLA has no Dilation2D \(at .*choice\.test\.ts:\d+:\d+\); compile it as a graph/,
    )
  })

  test('is XLA where a graph would be faster but is rejected', async () => {
    const step: Step<object> = x => {
      const y = tf.conv2d(x as tf.Tensor4D, tf.ones([2, 2, 2, 1]), 1, 'same', 'NCHW')
      const image = tf.reshape(y, [1, 4, 4, 1]) as tf.Tensor4D
      return { y: tf.sum(tf.depthwiseConv2d(image, tf.ones([2, 2, 1, 1]), 1, 'same')) }
    }
    expect(await choiceFor(step, [1, 2, 4, 4])).toEqual({
      mode: 'xla',
      reason: expect.stringContaining('Conv2D op currently only supports'),
    })
  })

  test('leaves the state as the chosen mode alone would', async () => {
    const outcome = async (mode: ScanOptions['mode']) => {
      const w = weights([4, 2])
      w.assign(tf.ones([4, 2]))
      const learn = training(x => square(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D)))
      await choiceFor(learn, [3, 4], mode)
      return [...w.dataSync()]
    }
    expect(await outcome('auto')).toEqual(await outcome('xla'))
  })
})

test.each([
  ['UNAVAILABLE', 'Collective ops is aborted by: failed to connect to all addresses', 'Collective ops is aborted'],
  ['CANCELLED', 'worker 1 is gone', 'worker 1 is gone'],
  ['INTERNAL', 'a bug', 'this step cannot be compiled: TensorFlow rejects it'],
])('a worker that is lost while a step is compiled is no fault of the step: %s', async (code, text, said) => {
  const run = () => Promise.reject(new TensorFlowError('loop', text, code))
  const step: Compilable = {
    compile: () => ({
      loop: { run, dispose() {} } as unknown as CompiledLoop,
      feeder: { feed: () => ({}) } as unknown as Feeder,
    }),
    precision: 'float32',
    siteOf: () => undefined,
    slow: undefined,
  }
  await expect(chooseMode(step, {} as Call<Numbers>)).rejects.toThrow(said)
})
