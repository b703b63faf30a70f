// Compiled training is eager training: the layers, optimizers and operations that TF.js users have, by XLA and as graphs.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, test } from 'vitest'
import type { Step } from '../../src/compile/step.js'
import { normal } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { expectSameAsEager, floatBatches, training, weights } from '../support/steps.js'

const STEPS = 20
const schedules = Array.from({ length: STEPS }, () => ({}))

/** A layers model with one output, trained on the mean square of that. */
function layers(inputShape: number[], ...list: tf.layers.Layer[]): Step<object> {
  const model = tf.sequential()
  list.forEach((layer, i) => {
    if (i === 0) model.add(tf.layers.inputLayer({ inputShape }))
    model.add(layer)
  })
  return training(x => tf.square(tf.sub(model.apply(x, { training: true }) as tf.Tensor, 0.5)))
}

const {
  conv2d,
  conv2dTranspose,
  batchNormalization,
  layerNormalization,
  maxPooling2d,
  averagePooling2d,
  flatten,
  dense,
} = tf.layers

const models: Record<string, { shape: number[]; step: () => Step<object> }> = {
  'conv2d and max pooling': {
    shape: [4, 8, 8, 2],
    step: () =>
      layers(
        [8, 8, 2],
        conv2d({ filters: 3, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' }),
        maxPooling2d({ poolSize: 2 }),
        flatten(),
        dense({ units: 1 }),
      ),
  },
  'conv2dTranspose and average pooling': {
    shape: [4, 4, 4, 2],
    step: () =>
      layers(
        [4, 4, 2],
        conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same', activation: 'elu' }),
        averagePooling2d({ poolSize: 2 }),
        flatten(),
        dense({ units: 1 }),
      ),
  },
  'batch normalization, whose moving averages are state': {
    shape: [16, 5],
    step: () =>
      layers([5], dense({ units: 4, useBias: false }), batchNormalization({ momentum: 0.8 }), dense({ units: 1 })),
  },
  'layer normalization': {
    shape: [8, 5],
    step: () => layers([5], dense({ units: 4, activation: 'tanh' }), layerNormalization(), dense({ units: 1 })),
  },
  'gather with indices that are computed': {
    shape: [6, 3],
    step: () => {
      const table = weights([10, 4])
      return training(x => {
        const rows = tf.cast(tf.floor(tf.mul(tf.slice(x, [0, 0], [6, 1]), 10)), 'int32')
        return tf.square(tf.sub(tf.gather(table, tf.reshape(rows, [6])), 0.2))
      })
    },
  },
  'concat, split, stack and transpose': {
    shape: [6, 4],
    step: () => {
      const w = weights([8, 4])
      return training(x => {
        const both = tf.concat([x, tf.square(x)], 1)
        const [left, right] = tf.split(tf.matMul(both, w), 2, 1) as [tf.Tensor, tf.Tensor]
        return tf.square(tf.sub(tf.stack([left, tf.exp(right)]), tf.transpose(tf.ones([2, 6, 2]), [0, 1, 2])))
      })
    },
  },
  'einsum, which has no gradient in TF.js': {
    shape: [3, 4, 5],
    step: () => {
      const w = weights([5, 2])
      return x => {
        const product = tf.einsum('bij,jk->bik', x as tf.Tensor3D, w as unknown as tf.Tensor2D)
        w.assign(tf.sub(w, tf.mul(tf.mean(product, [0, 1]), 0.01)))
        return { product }
      }
    },
  },
  'noise from the key, and an output for every image': {
    shape: [6, 4],
    step: () => {
      const w = weights([4, 4])
      const optimizer = tf.train.sgd(0.1)
      return (x, key) => {
        const noisy = tf.add(x, normal(key, [6, 4]))
        optimizer.minimize(() =>
          tf.mean(tf.square(tf.sub(tf.matMul(noisy as tf.Tensor2D, w as unknown as tf.Tensor2D), 1))),
        )
        return {
          rows: tf.sum(noisy, 1),
          positive: tf.greater(noisy, 0),
          count: tf.sum(tf.cast(tf.greater(noisy, 0), 'int32')),
        }
      }
    },
  },
  'raw operations of the backend': {
    shape: [4, 4],
    step: () => {
      const average = weights([4])
      return x => {
        average.assign(tf.add(tf.mul(average, 0.9), tf.mul(tf.mean(x, 0), 0.1)))
        return { spread: tf.moments(x).variance, top: tf.topk(x as tf.Tensor2D, 2).values, order: tf.argMax(x, 1) }
      }
    },
  },
  'two optimizers, each on its own variables': {
    shape: [8, 3],
    step: () => {
      const [a, b] = [weights([3, 2]), weights([2])]
      const [first, second] = [tf.train.adam(0.01), tf.train.momentum(0.01, 0.8)]
      return x => {
        const loss = () =>
          tf.mean(tf.square(tf.add(tf.matMul(x as tf.Tensor2D, a as unknown as tf.Tensor2D), b))) as tf.Scalar
        first.minimize(loss, false, [a])
        second.minimize(loss, false, [b])
        return { loss: loss() }
      }
    },
  },
  'gradients clipped by value and by norm': {
    shape: [8, 3],
    step: () => {
      const w = weights([3, 2])
      const optimizer = tf.train.sgd(0.1)
      return x => {
        const { value, grads } = tf.variableGrads(
          () => tf.mean(tf.square(tf.sub(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), 3))) as tf.Scalar,
        )
        const gradient = tf.clipByValue(grads[w.name] as tf.Tensor, -0.5, 0.5)
        const norm = tf.sqrt(tf.sum(tf.square(gradient)))
        optimizer.applyGradients({ [w.name]: tf.div(gradient, tf.maximum(norm, 1)) })
        return { loss: value, norm }
      }
    },
  },
}

const optimizers: Record<string, () => tf.Optimizer> = {
  sgd: () => tf.train.sgd(0.05),
  momentum: () => tf.train.momentum(0.05, 0.9),
  'Nesterov momentum': () => tf.train.momentum(0.05, 0.9, true),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01),
  rmsprop: () => tf.train.rmsprop(0.01),
  'centred rmsprop with momentum': () => tf.train.rmsprop(0.01, 0.9, 0.5, 1e-5, true),
  adagrad: () => tf.train.adagrad(0.05),
  adadelta: () => tf.train.adadelta(0.5),
}

describe.skipIf(skipped !== '').each(['xla', 'graph'] as const)(`%s gives the same as eager TF.js${skipped}`, mode => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  test.each(Object.keys(models))('%s', async name => {
    const { shape, step } = models[name] as (typeof models)[string]
    await expectSameAsEager(step(), floatBatches(STEPS, shape), schedules, mode)
  })

  test.each(Object.keys(optimizers))('%s', async name => {
    const w = weights([5, 3])
    const optimizer = (optimizers[name] as () => tf.Optimizer)()
    const loss = (x: tf.Tensor) => tf.square(tf.sub(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), 1))
    await expectSameAsEager(training(loss, optimizer), floatBatches(STEPS, [6, 5]), schedules, mode)
  })

  test('a learning rate and a weight that change from step to step', async () => {
    const w = weights([5, 3])
    const optimizer = tf.train.adam(0)
    const step: Step<{ rate: number; weight: number }> = (x, _, { rate, weight }) => {
      Object.assign(optimizer, { learningRate: rate })
      const square = () => tf.square(tf.sub(tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D), 1))
      optimizer.minimize(() => tf.mul(tf.mean(square()), 0.5 * weight) as tf.Scalar)
      return { loss: tf.mean(square()) }
    }
    const changing = schedules.map((_, i) => ({ rate: 0.02 * 0.9 ** i, weight: i / STEPS })) // begins with zero
    await expectSameAsEager(step, floatBatches(STEPS, [6, 5]), changing, mode)
  })
})
