// Seeded noise: its bits, its distribution, independence of keys, and permutations.
import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import {
  type Key,
  keyAt,
  normal,
  normalValues,
  permutation,
  randomBits,
  split,
  streamKey,
  uniform,
  uniformValues,
} from '../src/random.js'

const COUNT = 100_000

test('random bits are those of TensorFlow 2.21 for the same seed', () => {
  // tf.random.stateless_uniform([8], seed=[1, -5], minval=None, maxval=None, dtype=tf.int32), alg 'philox'
  expect([...randomBits([1, -5], 8)]).toEqual([
    548365605, -1980794189, -1093352745, 26287652, 1484097061, 1368185188, -1993227843, -221922362,
  ])
})

test('uniform noise is inside (0, 1) with the moments of a uniform', () => {
  const u = uniformValues(streamKey(3, 'test'), COUNT)
  expect(Math.min(...u)).toBeGreaterThan(0)
  expect(Math.max(...u)).toBeLessThan(1)
  const mean = u.reduce((sum, value) => sum + value, 0) / COUNT
  const variance = u.reduce((sum, value) => sum + (value - mean) ** 2, 0) / COUNT
  expect(Math.abs(mean - 1 / 2)).toBeLessThan(4 * Math.sqrt(1 / 12 / COUNT)) // four standard errors
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / COUNT))
})

test('normal noise has the first four moments of a standard normal', () => {
  const z = normal(streamKey(4, 'test'), [COUNT]).dataSync<'float32'>()
  const moment = (power: number) => z.reduce((sum, value) => sum + value ** power, 0) / COUNT
  expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / COUNT))
  expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / COUNT))
  expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / COUNT))
  expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / COUNT))
})

test('normal noise on the host is that of the backend, for odd counts too', () => {
  for (const count of [1, 7, 1000]) {
    const z = normal([3, 4], [count]).dataSync<'float32'>()
    normalValues([3, 4], count).forEach((value, i) => {
      expect(Math.abs(value - (z[i] as number))).toBeLessThan(5e-6)
    })
  }
})

test('normal noise agrees with the Box-Muller transform of the same uniforms in double precision', () => {
  const half = 5000
  const z = normal([3, 4], [2 * half]).dataSync<'float32'>()
  const noise = uniformValues([3, 4], 2 * half)
  const errors = Array.from({ length: half }, (_, i) => {
    const [u, v] = [noise[i] as number, noise[half + i] as number]
    const [radius, angle] = [Math.sqrt(-2 * Math.log(u)), 2 * Math.PI * v]
    return Math.max(
      Math.abs((z[i] as number) - radius * Math.cos(angle)),
      Math.abs((z[half + i] as number) - radius * Math.sin(angle)),
    )
  })
  expect(Math.max(...errors)).toBeLessThan(5e-6)
})

test('an odd number of normals has the shape that was asked for', () => {
  expect(normal([1, 2], [3, 5]).shape).toEqual([3, 5])
  expect(normal([1, 2], []).shape).toEqual([])
})

test('the same key gives the same noise, different keys give independent noise', () => {
  const key: Key = streamKey(1, 'steps')
  expect(uniform(key, [7]).dataSync()).toEqual(uniform(key, [7]).dataSync())
  const others = [streamKey(2, 'steps'), streamKey(1, 'order'), keyAt(key, 0), keyAt(key, 1), ...split(key, 2)]
  const a = uniformValues(key, COUNT)
  for (const other of others) {
    const b = uniformValues(other, COUNT)
    const covariance = a.reduce((sum, value, i) => sum + (value - 0.5) * ((b[i] as number) - 0.5), 0) / COUNT
    expect(Math.abs(covariance)).toBeLessThan(4 / 12 / Math.sqrt(COUNT))
  }
})

test('seeds that differ beyond 32 bits give different keys', () => {
  expect(streamKey(2 ** 32 + 1, 'weights')).not.toEqual(streamKey(1, 'weights'))
})

test('a long permutation draws the same words as if they were drawn at once', () => {
  const [key, count] = [streamKey(3, 'long'), 2 ** 20 + 2 ** 19 + 3]
  const bits = randomBits(key, count)
  const order = Int32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor((((bits[i] as number) >>> 0) * (i + 1)) / 2 ** 32)
    ;[order[i], order[j]] = [order[j] as number, order[i] as number]
  }
  expect(Buffer.from(permutation(key, count).buffer).equals(Buffer.from(order.buffer))).toBe(true)
})

test('a permutation has every index once, and every index can come first', () => {
  expect([...permutation([5, 6], 1000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  const firsts = new Map<number, number>()
  for (let i = 0; i < 3000; i++) {
    const first = permutation(keyAt([7, 8], i), 3)[0] as number
    firsts.set(first, (firsts.get(first) ?? 0) + 1)
  }
  for (const count of firsts.values())
    expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(3000 * (1 / 3) * (2 / 3)))
  expect(firsts.size).toBe(3)
})

test('noise leaves no tensors behind', () => {
  const before = tf.memory().numTensors
  normal([1, 2], [10, 3]).dispose()
  expect(tf.memory().numTensors).toBe(before)
})
