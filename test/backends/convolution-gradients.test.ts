// Our gradients of convolutions for the WebAssembly backend, against those of TF.js's plain JavaScript.
import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import { uniform } from '../../src/random.js'
import { useBackend } from '../support/backend.js'

interface Case {
  size: [rows: number, columns: number]
  kernel: [rows: number, columns: number]
  strides: [rows: number, columns: number]
  pad: 'same' | 'valid'
}

/** In the image and in the filter. */
async function gradientsOn(backend: string, { size, kernel, strides, pad }: Case): Promise<Float32Array[]> {
  await useBackend(backend)
  return tf.tidy(() => {
    const x = uniform([1, 2], [2, ...size, 3])
    const filter = uniform([3, 4], [...kernel, 3, 2])
    const gradients = tf.grads((x, f) => tf.sum(tf.square(tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, strides, pad))))
    return gradients([x, filter]).map(gradient => gradient.dataSync<'float32'>())
  })
}

test.each<Case>([
  { size: [8, 8], kernel: [4, 4], strides: [2, 2], pad: 'same' },
  { size: [7, 9], kernel: [3, 3], strides: [2, 2], pad: 'same' },
  { size: [5, 6], kernel: [3, 2], strides: [1, 1], pad: 'same' },
  { size: [9, 8], kernel: [3, 3], strides: [2, 3], pad: 'valid' },
  { size: [8, 8], kernel: [1, 1], strides: [3, 3], pad: 'valid' },
  { size: [6, 6], kernel: [5, 5], strides: [1, 2], pad: 'same' },
])('gradients agree for $size images, $kernel kernels, strides $strides, padding $pad', async options => {
  const expected = await gradientsOn('cpu', options)
  const actual = await gradientsOn('wasm', options)
  expected.forEach((values, which) => {
    expect(actual[which]).toHaveLength(values.length)
    values.forEach((value, i) => {
      expect(Math.abs((actual[which]?.[i] as number) - value)).toBeLessThanOrEqual(1e-5 * value)
    })
  })
})

test('gradients leave no tensors behind', async () => {
  const options: Case = { size: [8, 8], kernel: [4, 4], strides: [2, 2], pad: 'same' }
  await gradientsOn('wasm', options)
  const before = tf.memory().numTensors
  await gradientsOn('wasm', options)
  expect(tf.memory().numTensors).toBe(before)
})
