// Starts of mixtures: where k-means++ puts its centres; the best start is kept; the key decides.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { firstImages, imageTensor } from '../../src/data/images.js'
import { mixtureEm } from '../../src/inference/mixtures/em.js'
import { startMethods, startMixture } from '../../src/inference/mixtures/starts.js'
import { passOver } from '../../src/inference/mixtures/steps.js'
import { createBernoulliMixture } from '../../src/models/mixtures/bernoulli.js'
import { createGaussianMixture } from '../../src/models/mixtures/gaussian.js'
import { type HostKey, keyAt, uniformValues } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'

beforeAll(() => useBackend())

const root: HostKey = [4, 2]
const read = (x: tf.Tensor) => tf.div(x, 255)

/** 200 images of two pixels: four small clouds, of 170, 10, 10 and 10 images. */
const CENTRES = [20, 20, 230, 20, 20, 230, 230, 230]
const clouds = (() => {
  const noise = uniformValues(root, 400)
  const pixels = Uint8Array.from(noise, (u, i) => {
    const cloud = Math.max(0, Math.floor(i / 2 / 10) - 16)
    return (CENTRES[2 * cloud + (i % 2)] as number) + 10 * u
  })
  return imagesOf({ rows: 1, columns: 2 }, pixels)
})()

const gaussian = (components = 4) => {
  const mixture = createGaussianMixture({ pixels: 2, components, covariance: 'spherical' })
  return mixtureEm(mixture, { read, images: clouds.count })
}

test('k-means++ puts a centre into each cloud, however few images it has', async () => {
  for (let i = 0; i < 5; i++) {
    const algorithm = gaussian()
    await startMixture(algorithm, clouds, { method: 'k-means++', key: keyAt(root, i), restarts: 1, passes: 3 })
    const weights = [...(algorithm.variables.get('weights') as tf.Variable).dataSync()].sort((a, b) => a - b)
    weights.forEach((weight, k) => {
      expect(weight).toBeCloseTo([0.05, 0.05, 0.05, 0.85][k] as number, 2)
    })
  }
})

test.each(startMethods)(
  'the best of five %s starts is kept, and the same key gives the same start again',
  async method => {
    const start = async () => {
      const algorithm = gaussian(3)
      const objectives = await startMixture(algorithm, clouds, { method, key: root, restarts: 5, passes: 2 })
      const x = tf.tidy(() => read(imageTensor(clouds)))
      const { logProb } = await passOver(algorithm.mixture, x)
      return {
        objectives,
        logProb: logProb / clouds.count,
        means: [...(algorithm.variables.get('means') as tf.Variable).dataSync()],
      }
    }
    const [first, again] = [await start(), await start()]
    expect(again).toEqual(first)
    expect(new Set(first.objectives).size).toBeGreaterThan(1)
    // the E step that follows can only raise the bound
    expect(first.logProb).toBeGreaterThan(Math.max(...first.objectives) - 1e-4)
  },
)

test('a start leaves no tensors, and the pass after it begins with empty sums', async () => {
  const mixture = createBernoulliMixture({ pixels: 2, components: 3 })
  const algorithm = mixtureEm(mixture, { read, images: clouds.count })
  const { numTensors } = tf.memory()
  await startMixture(algorithm, clouds, { method: 'k-means++', key: root, restarts: 3, passes: 1 })
  expect(tf.memory().numTensors).toBe(numTensors)
  for (const [name, variable] of algorithm.variables)
    if (name.startsWith('pass/')) expect(Math.max(...variable.dataSync()), name).toBe(0)
})

test('images that are all equal are accepted, too few are refused', async () => {
  const algorithm = gaussian(3)
  const equal = imagesOf({ rows: 1, columns: 2 }, new Uint8Array(20).fill(7))
  const options = { method: 'k-means++', key: root, restarts: 1, passes: 1 } as const
  await startMixture(algorithm, equal, options)
  for (const value of (algorithm.variables.get('means') as tf.Variable).dataSync()) expect(value).toBeCloseTo(7 / 255)
  await expect(startMixture(algorithm, firstImages(equal, 2), options)).rejects.toThrow(
    '3 components cannot start from 2 images',
  )
})
