// Convolutional networks: sizes, initial weights, gradients, and that other programs can load them.
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { registerFileHandlers } from '../../src/libtensorflow/node-backend.js'
import type { VaeShape } from '../../src/models/networks.js'
import { createVae, decode, encode, initialize, namedWeights, type Vae } from '../../src/models/vae.js'
import { elbo } from '../../src/objectives/elbo.js'
import { streamKey, uniform } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const shape: VaeShape = { rows: 12, columns: 8, filters: [3, 5], hidden: [7], latentDim: 2, activation: 'elu' }
const made: Vae[] = []

beforeAll(() => useBackend())
afterEach(() => {
  for (const vae of made.splice(0)) vae.dispose()
})

function make(changes: Partial<VaeShape> = {}, meanImage?: Float32Array): Vae {
  const vae = createVae({ ...shape, ...changes })
  made.push(vae)
  initialize(vae, streamKey(3, 'weights'), meanImage)
  return vae
}

const namedWeightsOf = (vae: Vae) => [...namedWeights(vae.encoder), ...namedWeights(vae.decoder)]
const images = () => tf.round(uniform([1, 2], [4, 96]))

test('convolutions halve the image, the hidden layers follow, and the decoder mirrors them', () => {
  const sizes = (model: tf.LayersModel) => namedWeights(model).map(([name, { shape }]) => [name, shape])
  const { encoder, decoder } = make()
  expect(sizes(encoder)).toEqual([
    ['conv_1/kernel', [4, 4, 1, 3]],
    ['conv_1/bias', [3]],
    ['conv_2/kernel', [4, 4, 3, 5]],
    ['conv_2/bias', [5]],
    ['hidden_1/kernel', [3 * 2 * 5, 7]],
    ['hidden_1/bias', [7]],
    ['mu/kernel', [7, 2]],
    ['mu/bias', [2]],
    ['log_var/kernel', [7, 2]],
    ['log_var/bias', [2]],
  ])
  expect(sizes(decoder)).toEqual([
    ['hidden_1/kernel', [2, 7]],
    ['hidden_1/bias', [7]],
    ['features/kernel', [7, 3 * 2 * 5]],
    ['features/bias', [3 * 2 * 5]],
    ['conv_1/kernel', [4, 4, 3, 5]],
    ['conv_1/bias', [3]],
    ['logits/kernel', [4, 4, 1, 3]],
    ['logits/bias', [1]],
  ])
})

test.each([[[4]], [[3, 5]]])('networks take flat images and give flat logits, with filters %j', filters => {
  const vae = make({ filters })
  expect(encode(vae, images()).heads.map(({ shape }) => shape)).toEqual([
    [4, 2],
    [4, 2],
  ])
  expect(decode(vae, tf.zeros([2, 5, 2])).mean.shape).toEqual([2, 5, 96])
})

test('colour images have a channel more in the first and the last convolution, and a last bias each', () => {
  const mean = Float32Array.from({ length: 12 * 8 * 3 }, (_, i) => [0.25, 0.5, 0.75][i % 3] as number)
  const vae = make({ channels: 3 }, mean)
  expect([vae.image, vae.pixels]).toEqual([{ rows: 12, columns: 8, channels: 3 }, 288])
  const [first, last] = [vae.encoder, vae.decoder].map(model => Object.fromEntries(namedWeights(model)))
  expect(first?.['conv_1/kernel']?.shape).toEqual([4, 4, 3, 3])
  expect(last?.['logits/kernel']?.shape).toEqual([4, 4, 3, 3])
  expect([...(last?.['logits/bias']?.dataSync() ?? [])].map(logit => 1 / (1 + Math.exp(-logit)))).toEqual([
    expect.closeTo(0.25, 6),
    expect.closeTo(0.5, 6),
    expect.closeTo(0.75, 6),
  ])
  expect(encode(vae, tf.zeros([4, 288])).mode.shape).toEqual([4, 2])
  expect(decode(vae, tf.zeros([4, 2])).mean.shape).toEqual([4, 288])
})

test('pixels keep their places: one corner of the image is that corner of the feature maps, in both networks', () => {
  const { encoder, decoder } = make()
  const through = (model: tf.LayersModel, from: string, to: string, x: tf.Tensor) => {
    const names = model.layers.map(({ name }) => name)
    const layers = model.layers.slice(names.indexOf(from), names.indexOf(to) + 1)
    return layers.reduce((input, layer) => layer.apply(input) as tf.Tensor, x)
  }
  /** Rows and columns where the last of `count` inputs makes a difference. */
  const response = (apply: (x: tf.Tensor) => tf.Tensor, count: number, [rows, columns]: [number, number]) => {
    const corner = tf.cast(tf.oneHot(tf.tensor1d([count - 1], 'int32'), count), 'float32')
    const changes = tf.any(tf.reshape(tf.notEqual(apply(corner), apply(tf.zeros([1, count]))), [rows * columns, -1]), 1)
    return [...changes.dataSync()].flatMap((changed, i) => (changed ? [[Math.floor(i / columns), i % columns]] : []))
  }
  expect(response(x => through(encoder, 'image', 'conv_1', x), 96, [6, 4])).toEqual([[5, 3]])
  const drawn = response(x => through(decoder, 'maps', 'logits_pixels', x), 30, [12, 8])
  expect(drawn).toContainEqual([11, 7])
  expect(drawn.every(([row = 0, column = 0]) => row >= 5 && column >= 1)).toBe(true)
})

describe('initial weights', () => {
  test('are uniform in the range of Glorot and Bengio, with the receptive field in both fans', () => {
    const kernels = namedWeightsOf(make({ filters: [40, 50] })).filter(([name]) => name.endsWith('/kernel'))
    for (const [name, kernel] of kernels) {
      const [channelsIn, channelsOut] = kernel.shape.slice(-2) as [number, number]
      const field = kernel.shape.length === 4 ? 16 : 1
      const limit = Math.sqrt(6 / (field * channelsIn + field * channelsOut))
      const values = kernel.dataSync<'float32'>()
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      expect(largest, name).toBeLessThanOrEqual(limit)
      expect(largest, name).toBeGreaterThan(0.6 * limit)
      const spread = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
      // the mean square of n uniform values has a relative standard error of 0.9 / sqrt(n)
      expect(Math.abs((spread / limit) ** 2 * 3 - 1), name).toBeLessThan(4 * (0.9 / Math.sqrt(values.length)))
    }
  })

  test('are the same for the same key and differ between layers', () => {
    const values = () => namedWeightsOf(make()).map(([, weight]) => [...weight.dataSync<'float32'>()])
    const [first, again] = [values(), values()]
    expect(again).toEqual(first)
    expect(new Set(first.map(([value]) => value).filter(value => value !== 0)).size).toBe(9) // one per kernel
  })

  test('start all pixels at the logit of the mean pixel: one bias is all that the last layer has', () => {
    const mean = Float32Array.from({ length: 96 }, (_, i) => (i < 24 ? 0.8 : 0))
    const bias = new Map(namedWeightsOf(make({}, mean))).get('logits/bias') as tf.Variable
    expect(bias.dataSync()[0]).toBeCloseTo(Math.log(0.2 / 0.8), 5)
  })
})

test('every weight has a gradient that is finite and not zero', () => {
  const vae = make()
  const weights = namedWeightsOf(vae)
  const bound = () => tf.mean(elbo(vae, images(), [5, 6], { samples: 1, kl: 'analytic' }).elbo) as tf.Scalar
  const { grads } = tf.variableGrads(
    bound,
    weights.map(([, weight]) => weight),
  )
  for (const [name, weight] of weights) {
    const values = (grads[weight.name] as tf.Tensor).dataSync()
    expect(values.some(value => value !== 0) && values.every(Number.isFinite), name).toBe(true)
  }
})

test('a saved decoder and encoder give the same results when tf.loadLayersModel loads them', async () => {
  registerFileHandlers()
  const vae = make({}, new Float32Array(96).fill(0.2))
  const folder = temporaryFolder()
  const load = async (name: 'encoder' | 'decoder') => {
    await vae[name].save(`file://${join(folder, name)}`)
    return tf.loadLayersModel(`file://${join(folder, name, 'model.json')}`)
  }
  const [encoder, decoder] = [await load('encoder'), await load('decoder')]
  const z = uniform([3, 4], [5, 2])
  expect([...tf.sigmoid(decoder.predict(z) as tf.Tensor).dataSync()]).toEqual([...decode(vae, z).mean.dataSync()])
  const [mu] = encoder.predict(images()) as tf.Tensor[]
  expect([...(mu as tf.Tensor).dataSync()]).toEqual([...encode(vae, images()).mode.dataSync()])
  encoder.dispose()
  decoder.dispose()
})

test.each([
  [
    { rows: 28, columns: 28, filters: [1, 2, 3, 4, 5, 6] },
    'each of the 6 convolutions halves the image; images of 28x28 allow at most 5',
  ],
  [{ rows: 1, columns: 28, filters: [4] }, 'images of 1x28 allow none: leave the convolutions out'],
])('images that cannot be halved so often are refused with the number that fits: %j', (changes, message) => {
  expect(() => createVae({ ...shape, ...changes })).toThrow(message)
})
