// A mixture of Gaussians fitted to rows of numbers in memory, and its draws.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { fitRows, meanLogProb } from '../../src/inference/mixtures/fit-rows.js'
import { drawGaussians } from '../../src/models/mixtures/gaussian-draws.js'
import { read } from '../../src/models/mixtures/mixture.js'
import { estimateMean } from '../../src/numeric/means.js'
import { keyAt, normal, streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { expectWithinErrors } from '../support/expectations.js'

beforeAll(() => useBackend())

const key = streamKey(1, 'rows')
const ROWS = 3000
const SHARE = 0.25

/** A quarter of the rows from N([3, 3], I), the others from a correlated Gaussian around 0: [rows, 2]. */
function rows(): tf.Tensor2D {
  return tf.tidy(() => {
    const noise = normal(key, [ROWS, 2])
    const correlated = tf.matMul(noise as tf.Tensor2D, tf.tensor2d([0.5, 0.4, 0, 0.3], [2, 2]))
    const isFirst = tf.less(tf.range(0, ROWS), SHARE * ROWS)
    return tf.where(tf.reshape(isFirst, [ROWS, 1]), tf.add(noise, 3), correlated) as tf.Tensor2D
  })
}

test('EM finds the components that the rows come from, and converges', async () => {
  const x = rows()
  const { mixture, converged, passes } = await fitRows(x, { components: 2, key })
  expect([converged, passes < 200]).toEqual([true, true])
  const [weights, means, covariances] = await Promise.all(
    ['weights', 'means', 'covariances'].map(name => read(mixture, name)),
  )
  const first = (weights?.[0] as number) < 0.5 ? 0 : 1
  expect(weights?.[first]).toBeCloseTo(SHARE, 1)
  expect(Math.abs((means?.[2 * first] as number) - 3)).toBeLessThan(0.15)
  const other = [0, 1, 2, 3].map(i => covariances?.[4 * (1 - first) + i] as number)
  const exact = [0.25, 0.2, 0.2, 0.25] // AᵀA of the factor above
  for (const [i, value] of other.entries()) expect(Math.abs(value - (exact[i] as number))).toBeLessThan(0.03)
  mixture.dispose()
  x.dispose()
})

test('the mean log density is that of float64, and draws have it as their own, within errors', async () => {
  const x = rows()
  const { mixture } = await fitRows(x, { components: 2, key })
  const [weights, means, covariances] = (await Promise.all(
    ['weights', 'means', 'covariances'].map(name => read(mixture, name)),
  )) as [Float64Array, Float64Array, Float64Array]
  const logDensity = ([a = 0, b = 0]: number[]) => {
    let density = 0
    for (const k of [0, 1]) {
      const [p, q, , s] = covariances.subarray(4 * k, 4 * k + 4) as unknown as [number, number, number, number]
      const [u, v] = [a - (means[2 * k] as number), b - (means[2 * k + 1] as number)]
      const det = p * s - q * q
      density +=
        ((weights[k] as number) * Math.exp(-(s * u * u - 2 * q * u * v + p * v * v) / (2 * det))) /
        (2 * Math.PI * Math.sqrt(det))
    }
    return Math.log(density)
  }
  const expected = estimateMean(((await x.array()) as number[][]).map(logDensity))
  const found = await meanLogProb(mixture, x)
  expect(found.mean).toBeCloseTo(expected.mean, 4)
  expect(found.standardError).toBeCloseTo(expected.standardError, 4)
  const drawn = estimateMean((await drawGaussians(mixture, keyAt(key, 1), 5000)).map(logDensity))
  // EM's fixed point matches the moments of each component, so that rows and draws have the same expected log density.
  expectWithinErrors([drawn.mean], [found.mean], [Math.hypot(drawn.standardError, found.standardError)])
  mixture.dispose()
  x.dispose()
})

test('more components than rows are refused', async () => {
  await expect(fitRows(tf.ones([3, 2]), { components: 4, key })).rejects.toThrow(
    '4 components cannot start from 3 images',
  )
})
