// Our products of transposed matrices for the WebAssembly backend, against those of TF.js's plain JavaScript.
import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import { uniform } from '../../src/random.js'
import { useBackend } from '../support/backend.js'

interface Case {
  a: number[]
  b: number[]
  transposeA: boolean
  transposeB: boolean
}

async function productOn(backend: string, { a, b, transposeA, transposeB }: Case) {
  await useBackend(backend)
  return tf.tidy(() => {
    const product = tf.matMul(uniform([1, 2], a), uniform([3, 4], b), transposeA, transposeB)
    return { shape: product.shape, values: product.dataSync<'float32'>() }
  })
}

test.each<Case>([
  { a: [5, 7], b: [7, 3], transposeA: false, transposeB: false },
  { a: [7, 5], b: [7, 3], transposeA: true, transposeB: false },
  { a: [5, 7], b: [3, 7], transposeA: false, transposeB: true },
  { a: [7, 5], b: [3, 7], transposeA: true, transposeB: true },
  { a: [1, 7, 1], b: [1, 3, 7], transposeA: true, transposeB: true },
  { a: [4, 7, 5], b: [4, 3, 7], transposeA: true, transposeB: true },
  { a: [2, 4, 7, 5], b: [1, 7, 3], transposeA: true, transposeB: false },
])('products agree for $a and $b, transposed $transposeA and $transposeB', async options => {
  const expected = await productOn('cpu', options)
  const actual = await productOn('wasm', options)
  expect(actual.shape).toEqual(expected.shape)
  expected.values.forEach((value, i) => {
    expect(Math.abs((actual.values[i] as number) - value)).toBeLessThan(1e-5 * value)
  })
})

test('products leave no tensors behind, however often the backend is opened', async () => {
  const options: Case = { a: [7, 5], b: [3, 7], transposeA: true, transposeB: true }
  await productOn('wasm', options)
  const before = tf.memory().numTensors
  await productOn('wasm', options)
  expect(tf.memory().numTensors).toBe(before)
})
