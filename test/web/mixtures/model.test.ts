// Models of EM runs in the page: from the tensors of a snapshot alone they give the numbers of the algorithm that wrote them.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { newFeatures } from '../../../src/data/features.js'
import type { BoundedAlgorithm } from '../../../src/inference/algorithm.js'
import { exactFactorAnalysis } from '../../../src/inference/factor-analysis/em.js'
import { mixtureEm } from '../../../src/inference/mixtures/em.js'
import { bayesianMixture } from '../../../src/inference/mixtures/mean-field.js'
import { createFactorAnalysis, initializeFactorAnalysis } from '../../../src/models/factor-analysis/model.js'
import { createBernoulliMixture } from '../../../src/models/mixtures/bernoulli.js'
import { createGaussianMixture } from '../../../src/models/mixtures/gaussian.js'
import { streamKey, uniformValues } from '../../../src/random.js'
import { FACTOR_STEPS, loadEmModel } from '../../../src/web/mixtures/model.js'
import type { RunTensors } from '../../../src/web/mixtures/run-tensors.js'
import { useBackend } from '../../support/backend.js'

beforeAll(() => useBackend('cpu'))

const [COUNT, PIXELS] = [30, 6]
const shape = { rows: 2, columns: 3, channels: 1, images: COUNT }

/** Levels of images, of two kinds: bright above or bright below. */
const levels = Float32Array.from(uniformValues(streamKey(1, 'images'), COUNT * PIXELS), (u, i) => {
  const isAbove = Math.floor(i / PIXELS) % 2 === 0
  return i % PIXELS < 3 === isAbove ? 255 - Math.floor(40 * u) : Math.floor(60 * u)
})

const images = () => tf.tensor2d(levels, [COUNT, PIXELS])
const binary = () => tf.tidy(() => tf.mul(tf.cast(tf.greater(images(), 127), 'float32'), 255)) as tf.Tensor2D

/** The variables of an algorithm as the server sends them. */
function tensorsOf(variables: ReadonlyMap<string, tf.Tensor>): RunTensors {
  const one = (name: string) => variables.get(name) ?? tf.scalar(Number.NaN)
  return {
    epoch: 3,
    names: [...variables.keys()],
    has: name => variables.has(name),
    shape: name => one(name).shape,
    values: async name => Float64Array.from(await one(name).data()),
  }
}

type Em = BoundedAlgorithm & { finishPass(): Promise<Record<string, number>> }

/** A few passes of EM. */
async function runPasses(em: Em, x: tf.Tensor2D): Promise<void> {
  for (let pass = 0; pass < 3; pass++) {
    tf.dispose(tf.tidy(() => em.step(x, [0, 0], { learningRate: 0, beta: 1, used: COUNT, first: 0 })))
    await em.finishPass()
  }
}

const unit = (x: tf.Tensor) => tf.div(x, 255)
const starts = Float64Array.of(0.8, 0.7, 0.8, 0.3, 0.2, 0.3, 0.2, 0.4, 0.3, 0.8, 0.6, 0.7)
const weights = Float64Array.of(0.4, 0.6)
const bernoulli = () => createBernoulliMixture({ pixels: PIXELS, components: 2, start: { weights, means: starts } })

function gaussian(covariance: 'spherical' | 'diagonal' | 'full') {
  const size = { spherical: 1, diagonal: PIXELS, full: PIXELS * PIXELS }[covariance]
  const isVariance = (i: number) => covariance !== 'full' || (i % size) % (PIXELS + 1) === 0
  const covariances = Float64Array.from({ length: 2 * size }, (_, i) => (isVariance(i) ? 0.1 : 0))
  return createGaussianMixture({
    pixels: PIXELS,
    components: 2,
    covariance,
    start: { weights, means: starts, covariances },
  })
}

const data = { read: unit, images: COUNT }
const prior = { concentration: 0.5, meanPrecision: 1, degreesOfFreedom: PIXELS }
const hyperparameters = { ...prior, mean: new Float64Array(PIXELS).fill(0.5), covariance: Float64Array.of(0.1) }

const mixtures: [string, () => Em, () => tf.Tensor2D][] = [
  ['bernoulli', () => mixtureEm(bernoulli(), data), binary],
  ['bernoulli, mean field', () => bayesianMixture(bernoulli(), data), binary],
  ['spherical', () => mixtureEm(gaussian('spherical'), { ...data, prior: { varianceFloor: 1e-3 } }), images],
  ['diagonal', () => mixtureEm(gaussian('diagonal'), { ...data, prior: { varianceFloor: 1e-3 } }), images],
  ['full', () => mixtureEm(gaussian('full'), { ...data, prior: { varianceFloor: 1e-2 } }), images],
  ['spherical, mean field', () => bayesianMixture(gaussian('spherical'), { ...data, hyperparameters }), images],
]

test.each(mixtures)('the bound and the responsibilities of each image (%s)', async (name, create, read) => {
  const [em, x] = [create(), read()]
  await runPasses(em, x)
  const bound = tf.tidy(() => em.bound(x, [0, 0]))
  const model = await loadEmModel('run', tensorsOf(em.variables), x)
  expect([model.kind, model.givesLogPx, model.epoch]).toEqual(['components', !name.includes('mean field'), 3])
  const [elbo, reconstruction, kl] = ['elbo', 'reconstruction', 'kl'].map(part => bound[part]?.dataSync() ?? [])
  const rows = await x.array()
  for (const n of [0, 1, 7]) {
    const explained = await model.explain(rows[n] ?? [])
    expect(explained.bound).toBeCloseTo(elbo?.[n] ?? 0, 3)
    expect(explained.reconstruction).toBeCloseTo(reconstruction?.[n] ?? 0, 3)
    expect(explained.kl).toBeCloseTo(kl?.[n] ?? 0, 3)
    expect(explained.amounts.reduce((sum, r) => sum + r, 0)).toBeCloseTo(1, 5)
  }
  expect(model.ingredients.map(({ images: [mean] }) => mean?.length)).toEqual([PIXELS, PIXELS])
  model.dispose()
})

test('log p(x) and z of each image under factor analysis of principal components', async () => {
  const features = newFeatures(shape, 4)
  const model = createFactorAnalysis({ features: 4, latentDim: 2 })
  for (const variable of features.variables.values())
    tf.tidy(() => variable.assign(tf.tensor(uniformValues(streamKey(2, 'basis'), variable.size), variable.shape)))
  const em = exactFactorAnalysis(model, { read: features.read, noise: 'diagonal', varianceFloor: 1e-3 })
  const start = { mean: [0, 0, 0, 0], variance: [1, 1, 1, 1], noise: 'diagonal', varianceFloor: 1e-3 } as const
  initializeFactorAnalysis(model, streamKey(1, 'start'), start)
  const x = images()
  await runPasses(em as Em, x)
  const bound = tf.tidy(() => em.bound(x, [0, 0]))
  const loaded = await loadEmModel('run', tensorsOf(new Map([...em.variables, ...features.variables])), x)
  const row = (await x.array())[5] ?? []
  const { bound: logPx, amounts, sds, image } = await loaded.explain(row)
  expect(logPx).toBeCloseTo(bound.elbo?.dataSync()[5] ?? 0, 3)
  expect([amounts.length, sds?.length, image.length]).toEqual([2, 2, PIXELS])
  expect(loaded.ingredients.map(factor => factor.images.length)).toEqual([FACTOR_STEPS.length, FACTOR_STEPS.length])
  expect(loaded.ingredients.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 6)
  loaded.dispose()
})

test('tensors of another kind of model are refused', async () => {
  await expect(
    loadEmModel('first', tensorsOf(new Map([['encoder/mu/kernel', tf.scalar(1)]])), images()),
  ).rejects.toThrow('run first has no components and no factors')
})
