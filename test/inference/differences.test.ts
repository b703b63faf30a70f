// What keeps float32 from spoiling log p(x): levels divided exactly in compiled steps too, the most probable of many components of tiny variances
// by differences, and factors that are nearly the same.
import * as tf from '@tensorflow/tfjs'
import { Matrix } from 'ml-matrix'
import { beforeAll, describe, expect, test } from 'vitest'
import { logProbOfEach } from '../../scripts/float64-log-prob.mjs'
import { newFeatures } from '../../src/data/features.js'
import { boundsInOneStep } from '../../src/evaluation/bound.js'
import { exactFactorAnalysis } from '../../src/inference/factor-analysis/em.js'
import { passOver } from '../../src/inference/mixtures/steps.js'
import { exactBound, posteriorMean } from '../../src/models/factor-analysis/densities.js'
import { createFactorAnalysis, setParameters } from '../../src/models/factor-analysis/model.js'
import { createGaussianMixture, type GaussianMixture, gaussianStatistics } from '../../src/models/mixtures/gaussian.js'
import type { GaussianMoments } from '../../src/models/mixtures/gaussian-structure.js'
import { logProb } from '../../src/models/mixtures/mixture.js'
import { useBackend } from '../support/backend.js'
import { root } from './passes.js'

beforeAll(async () => void (await useBackend()))

/** Nats. */
const TOLERANCE = 1e-3

const tensorsOf = (variables: ReadonlyMap<string, tf.Tensor>) =>
  new Map([...variables].map(([name, value]) => [name, { shape: value.shape, data: value.dataSync() }]))

function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  for (const [n, value] of expected.entries())
    expect(Math.abs((found[n] as number) - value), `image ${n}`).toBeLessThan(TOLERANCE)
}

test('a compiled step divides each grey level exactly', async () => {
  const { name } = await useBackend()
  const features = newFeatures({ rows: 1, columns: 1, channels: 1 }, null)
  const read = (batch: tf.Tensor) => ({ elbo: tf.squeeze(features.read(batch), [1]) })
  const bounds = boundsInOneStep(read, { mode: name === 'tensorflow' ? 'xla' : 'off' })
  const images = {
    rows: 1,
    columns: 1,
    channels: 1 as const,
    count: 256,
    pixels: Uint8Array.from({ length: 256 }, (_, i) => i),
  }
  const { elbo = [] } = await bounds.run(images, { batchSize: 256, key: root })
  expect([...elbo]).toEqual(Array.from({ length: 256 }, (_, level) => Math.fround(level / 255)))
  bounds.dispose()
  features.dispose()
})

const PIXELS = 196
const COMPONENTS = 9

/** Grey levels near those of component n % COMPONENTS, pseudo-random but for their number. */
const level = (n: number, i: number): number =>
  60 + (((n % COMPONENTS) * 17 + i * 31) % 120) + (n >= COMPONENTS ? (n * i) % 2 : 0)

const images = Array.from({ length: 4 * COMPONENTS }, (_, n) =>
  Uint8Array.from({ length: PIXELS }, (_, i) => level(n, i)),
)
const x = Float32Array.from(images.flatMap(image => [...image].map(value => value / 255)))

/** Components of tiny variances about grey means, all of which need differences; there are more of them than slots. */
function tightMixture(covariance: 'spherical' | 'diagonal'): GaussianMixture {
  const width = covariance === 'spherical' ? 1 : PIXELS
  const mixture = createGaussianMixture({ pixels: PIXELS, components: COMPONENTS, covariance })
  const start = {
    weights: new Float64Array(COMPONENTS).fill(1 / COMPONENTS),
    means: Float64Array.from(
      { length: COMPONENTS * PIXELS },
      (_, at) => level(Math.floor(at / PIXELS), at % PIXELS) / 255,
    ),
    covariances: new Float64Array(COMPONENTS * width).fill(1e-5),
  }
  mixture.dispose()
  return createGaussianMixture({ pixels: PIXELS, components: COMPONENTS, covariance, start })
}

describe.each(['spherical', 'diagonal'] as const)('more %s components of tiny variances than slots', covariance => {
  test('have log p(x) of double precision', () => {
    const mixture = tightMixture(covariance)
    expect(mixture.slots).toBe(4)
    const found = tf.tidy(() => logProb(mixture, tf.tensor2d(x, [images.length, PIXELS])).dataSync())
    expectClose(found, logProbOfEach(tensorsOf(mixture.variables), images))
    mixture.dispose()
  })

  test('have moments of double precision, whether an image belongs to one component or to all', async () => {
    const mixture = tightMixture(covariance)
    const input = tf.tensor2d(x, [images.length, PIXELS])
    for (const others of [0, 0.05]) {
      const share = (k: number, n: number) => (n % COMPONENTS === k ? 1 - others * (COMPONENTS - 1) : others)
      const r = Array.from({ length: COMPONENTS }, (_, k) => images.map((_, n) => share(k, n)))
      const { moments } = await passOver(mixture, input, tf.tensor2d(r))
      const { counts, means, covariances } = await gaussianStatistics(mixture, moments as GaussianMoments)
      for (const [k, weights] of r.entries()) {
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const mean = (of: (value: number) => number, i: number) =>
          weights.reduce((sum, weight, n) => sum + (weight / total) * of(x[n * PIXELS + i] as number), 0)
        expect(counts[k]).toBeCloseTo(total, 4)
        const variances = Array.from({ length: PIXELS }, (_, i) => {
          const centre = mean(value => value, i)
          expect(means[k * PIXELS + i]).toBeCloseTo(centre, 6)
          return mean(value => (value - centre) ** 2, i)
        })
        const meanVariance = variances.reduce((sum, value) => sum + value / PIXELS, 0)
        for (const [i, variance] of (covariance === 'spherical' ? [meanVariance] : variances).entries()) {
          const found = covariances[k * (covariance === 'spherical' ? 1 : PIXELS) + i] as number
          expect(Math.abs(found - variance), `variance ${i} of ${k}`).toBeLessThan(others === 0 ? 1e-9 : 1e-6)
        }
      }
    }
    input.dispose()
    mixture.dispose()
  })
})

test('two factors that are nearly the same have the bound of double precision, in evaluation and in training', async () => {
  const [features, count] = [784, 9]
  const model = createFactorAnalysis({ features, latentDim: 2 })
  const levels = (i: number) => ((i * 37) % 41) - 20 // between two images
  const direction = (i: number) => (5 * levels(i)) / 255
  const factors = (difference: number) => ({
    mu: new Float64Array(features).fill(128 / 255),
    W: new Matrix(Array.from({ length: features }, (_, i) => [direction(i), direction(i) + difference * Math.cos(i)])),
    psi: new Float64Array(features).fill(1e-6),
  })
  setParameters(model, factors(0.1))
  expect(model.isRefined).toBe(false)
  setParameters(model, factors(1e-4))
  expect(model.isRefined).toBe(true)
  const line = Array.from({ length: count }, (_, n) =>
    Uint8Array.from({ length: features }, (_, i) => 128 + levels(i) * (n - 4)),
  )
  const input = tf.tensor2d(Float32Array.from(line.flatMap(image => [...image].map(value => value / 255))), [
    count,
    features,
  ])
  const found = tf.tidy(() => exactBound(model, input, posteriorMean(model, input)).elbo.dataSync())
  const expected = logProbOfEach(tensorsOf(model.variables), line)
  // 4,685 nats, of which float32 rounds off up to 2.4e-4
  for (const [n, value] of expected.entries())
    expect(Math.abs((found[n] as number) - value), `image ${n}`).toBeLessThan(4e-4)
  const em = exactFactorAnalysis(model, { read: batch => batch, noise: 'diagonal', varianceFloor: 1e-6 })
  const schedule = { learningRate: 0, beta: 1, used: count, first: 0 }
  const during = tf.tidy(() => (em.step(input, root, schedule).elbo as tf.Tensor).dataSync()[0])
  const { elboAfterE = Number.NaN, elboAfterM = Number.NaN } = (await em.finishPass?.()) ?? {}
  const mean = expected.reduce((sum, value) => sum + value / count, 0)
  for (const bound of [during, elboAfterE]) expect(Math.abs((bound as number) - mean)).toBeLessThan(4e-4)
  expect(elboAfterM).toBeGreaterThan(elboAfterE)
  em.dispose()
  input.dispose()
  model.dispose()
})
