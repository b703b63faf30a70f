// Mean field of Bayesian mixtures against scikit-learn, exact evidence, and its own theorem.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { klGamma, klWishart } from '../../src/distributions/conjugate.js'
import { bayesianMixture, gaussianHyperparameters } from '../../src/inference/mixtures/mean-field.js'
import { startMixture } from '../../src/inference/mixtures/starts.js'
import { type MixtureAlgorithm, passOver } from '../../src/inference/mixtures/steps.js'
import { type BernoulliMixture, createBernoulliMixture } from '../../src/models/mixtures/bernoulli.js'
import { createGaussianMixture, type GaussianMixture } from '../../src/models/mixtures/gaussian.js'
import { keyAt, uniformValues } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { imagesOf } from '../support/images.js'
import { readReference } from '../support/reference.js'
import { pass, type Rows, root, rowTensor } from './passes.js'
import { doubles, images, kinds, read, seeded, values } from './seeded-mixture.js'

const reference = readReference('mixtures')
const { sklearn, evidence, bernoulli: enumerated } = reference.meanField

beforeAll(() => useBackend())

const posterior = (algorithm: MixtureAlgorithm, name: string) => [
  ...(algorithm.variables.get(`posterior/${name}`) as tf.Variable).dataSync(),
]

/** q(parameters) becomes the best for image n wholly with component n modulo K. */
async function startInTurn(algorithm: MixtureAlgorithm, data: Rows): Promise<void> {
  const [count, components] = [data.x.length / data.pixels, algorithm.mixture.components]
  const inTurn = Float32Array.from({ length: components * count }, (_, i) =>
    Number(Math.floor(i / count) === (i % count) % components),
  )
  await algorithm.update(await passOver(algorithm.mixture, rowTensor(data), tf.tensor2d(inTurn, [components, count])))
}

/** scikit-learn's default priors, for images that are no bytes. */
function defaults(mixture: GaussianMixture, { x, pixels }: Rows) {
  // any linear map of bytes to these images will do: one byte per image's number
  const count = x.length / pixels
  const table = tf.tensor2d(x, [count, pixels])
  const numbers = imagesOf(
    { rows: 1, columns: 1 },
    Uint8Array.from({ length: count }, (_, i) => i),
  )
  return gaussianHyperparameters(mixture, numbers, batch => tf.gather(table, tf.cast(tf.reshape(batch, [-1]), 'int32')))
}

const bounds = async (algorithm: MixtureAlgorithm, data: Rows, passes: number) => {
  const ends: Record<string, number>[] = []
  for (let i = 0; i < passes; i++) ends.push((await pass(algorithm, data, data.x.length / data.pixels)).end)
  return ends
}

describe.each(sklearn as { covariance: GaussianMixture['covariance'] }[])(
  'from the same responsibilities, $covariance',
  run => {
    const {
      covariance,
      bounds: expected,
      last,
      pixels,
      components,
    } = run as typeof run & {
      bounds: number[]
      last: Record<string, number[]>
      pixels: number
      components: number
    }

    test('bound and posterior follow those of scikit-learn', async () => {
      const data = images(run as never)
      const mixture = createGaussianMixture({ pixels, components, covariance })
      const options = { read, images: data.x.length / pixels, hyperparameters: await defaults(mixture, data) }
      const algorithm = bayesianMixture(mixture, options)
      await startInTurn(algorithm, data)
      const actual = (await bounds(algorithm, data, expected.length)).map(end => end.elboAfterM as number)
      // scikit-learn leaves constants out: its bound is compared by differences
      const offset = (actual[0] as number) - (expected[0] as number)
      expectClose(
        actual,
        expected.map(bound => bound + offset),
        1e-4,
      )
      expectClose(values(mixture, 'means'), last.means as number[], 2e-3)
      expectClose(values(mixture, 'covariances'), last.covariances as number[], 2e-3)
      for (const name of ['concentration', 'mean_precision', 'degrees_of_freedom'])
        expectClose(posterior(algorithm, name), last[name] as number[], 1e-2)
    })
  },
)

interface Evidence {
  covariance: GaussianMixture['covariance']
  prior: { mean: number[]; covariance: number[]; meanPrecision: number; degreesOfFreedom: number }
  logEvidence: number
}

test.each(evidence.gaussian as Evidence[])('with one component the bound is log p(X), $covariance', async run => {
  const { covariance, prior, logEvidence } = run
  const data = images(evidence)
  const count = data.x.length / data.pixels
  const mixture = createGaussianMixture({ pixels: data.pixels, components: 1, covariance })
  const arrays = doubles({ mean: prior.mean, covariance: prior.covariance })
  const algorithm = bayesianMixture(mixture, {
    read,
    images: count,
    hyperparameters: { ...prior, ...arrays, concentration: 1 },
  })
  const [, second] = await bounds(algorithm, data, 2)
  expect((second?.elboAfterE as number) * count).toBeCloseTo(logEvidence, 3)
  expect((second?.elboAfterM as number) * count).toBeCloseTo(logEvidence, 3)
})

interface Enumerated {
  components: number
  concentration: number
  a: number
  b: number
  logEvidence: number
}

test.each(enumerated as Enumerated[])(
  'the bound of Bernoullis stays below log p(X) by enumeration, with $components component(s)',
  async run => {
    const { components, concentration, a, b, logEvidence } = run
    const data = { x: images(reference.bernoulli).x.subarray(0, 48), pixels: 6 }
    const mixture = createBernoulliMixture({ pixels: 6, components })
    const hyperparameters = { concentration, pixels: [a, b] as const }
    const algorithm = bayesianMixture(mixture, { read, images: 8, hyperparameters })
    await startInTurn(algorithm, data)
    const ends = await bounds(algorithm, data, 30)
    const gap = logEvidence - (ends.at(-1)?.elboAfterM as number) * 8
    // one component: q is the posterior; two: the bound finds one of its two symmetric modes at best
    if (components === 1) expect(Math.abs(gap)).toBeLessThan(1e-4)
    else expect(gap).toBeGreaterThan(0)
    expect(gap).toBeLessThan(3)
  },
)

describe('the posterior predictive probability of an image under Bernoullis', () => {
  const PIXELS = 6
  const seen = { x: images(reference.bernoulli).x.subarray(0, 48), pixels: PIXELS }
  const every = Float32Array.from({ length: 64 * PIXELS }, (_, i) => (Math.floor(i / PIXELS) >> (i % PIXELS)) & 1)
  const fitted = async (components: number, data: Rows) => {
    const mixture = createBernoulliMixture({ pixels: PIXELS, components })
    const hyperparameters = { concentration: 0.5, pixels: [1.5, 2] as const }
    const algorithm = bayesianMixture(mixture, { read, images: data.x.length / PIXELS, hyperparameters })
    await startInTurn(algorithm, data)
    return { algorithm, end: (await bounds(algorithm, data, 20)).at(-1)?.elboAfterM as number }
  }
  const boundsOf = (algorithm: MixtureAlgorithm, x: Float32Array) => {
    const { elbo, logPredictive } = algorithm.bound(tf.tensor2d(x, [x.length / PIXELS, PIXELS]), root)
    return {
      elbo: (elbo as tf.Tensor).dataSync<'float32'>(),
      logPredictive: (logPredictive as tf.Tensor).dataSync<'float32'>(),
    }
  }

  test('is p(X, x) / p(X) with one component', async () => {
    const { algorithm, end } = await fitted(1, seen)
    const image = Float32Array.of(1, 0, 0, 1, 1, 0)
    const withImage = await fitted(1, { x: Float32Array.of(...seen.x, ...image), pixels: PIXELS })
    const expected = withImage.end * 9 - end * 8 // with one component the bound is log p(X)
    expect(boundsOf(algorithm, image).logPredictive[0]).toBeCloseTo(expected, 4)
  })

  test('sums to one over all images, and is above the bound of each', async () => {
    const { elbo, logPredictive } = boundsOf((await fitted(3, seen)).algorithm, every)
    expect(logPredictive.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5)
    logPredictive.forEach((value, i) => {
      expect(value).toBeGreaterThan(elbo[i] as number)
    })
  })
})

const algorithmOf = async (mixture: BernoulliMixture | GaussianMixture, data: Rows): Promise<MixtureAlgorithm> => {
  const count = data.x.length / data.pixels
  return mixture.family === 'bernoulli'
    ? bayesianMixture(mixture, { read, images: count })
    : bayesianMixture(mixture, { read, images: count, hyperparameters: await defaults(mixture, data) })
}

test('over 100 random problems no half step lowers the bound by more than 1e-4 nats per image', async () => {
  for (let problem = 0; problem < 100; problem++) {
    const kind = kinds[problem % kinds.length] as (typeof kinds)[number]
    const [pixels, components, count] = [2 + (problem % 3), 2 + (problem % 4), 24]
    const { mixture, data } = seeded(kind, keyAt(root, problem), pixels, components, count)
    const algorithm = await algorithmOf(mixture, data)
    await startInTurn(algorithm, data)
    let before = Number.NEGATIVE_INFINITY
    for (const [i, { elboAfterE, elboAfterM }] of (await bounds(algorithm, data, 4)).entries()) {
      expect(elboAfterE, `problem ${problem}, ${kind}, E step ${i}`).toBeGreaterThan(before - 1e-4)
      expect(elboAfterM, `problem ${problem}, ${kind}, M step ${i}`).toBeGreaterThan((elboAfterE as number) - 1e-4)
      before = elboAfterM as number
    }
    algorithm.dispose()
    mixture.dispose()
  }
})

test.each(kinds)('before the first image q is the prior and all bounds are finite: %s', async kind => {
  const { mixture, data } = seeded(kind, root, 3, 4, 20)
  const algorithm = await algorithmOf(mixture, data)
  expect(posterior(algorithm, 'kl')[0]).toBeCloseTo(0, 5)
  const { elbo, kl } = algorithm.bound(rowTensor(data), root)
  expect((kl as tf.Tensor).min().dataSync()[0]).toBeGreaterThan(0)
  const [end] = await bounds(algorithm, data, 1)
  expect(end?.elboAfterE).toBeCloseTo((elbo as tf.Tensor).mean().dataSync()[0] as number, 4)
  for (const value of Object.values(end ?? {})) expect(value).toSatisfy(Number.isFinite)
})

/** 300 images of three clouds around these: binary draws, or nearly normal noise. */
const CENTRES = [0.1, 0.1, 0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1]
const PIXELS = 4

function clouds(binary: boolean) {
  const noise = uniformValues(root, 4 * 300 * PIXELS)
  const centre = (i: number) => CENTRES[4 * (Math.floor(i / PIXELS) % 3) + (i % 4)] as number
  const near = (i: number) =>
    noise.subarray(4 * i, 4 * i + 4).reduce((sum, u) => sum + 0.06 * (u - 0.5), centre(i) * 0.8 + 0.1)
  const pixels = Uint8Array.from({ length: 300 * PIXELS }, (_, i) =>
    binary ? 255 * Number((noise[i] as number) < centre(i)) : 255 * near(i),
  )
  return imagesOf({ rows: 1, columns: PIXELS }, pixels)
}

test.each(kinds)('components that are not needed die out: %s', async kind => {
  const bytes = clouds(kind === 'bernoulli')
  const options = { read: (x: tf.Tensor) => tf.div(x, 255), images: bytes.count }
  const shape = { pixels: PIXELS, components: 6 }
  const mixture =
    kind === 'bernoulli' ? createBernoulliMixture(shape) : createGaussianMixture({ ...shape, covariance: kind })
  const algorithm =
    mixture.family === 'bernoulli'
      ? bayesianMixture(mixture, { ...options, hyperparameters: { concentration: 1e-3 } })
      : bayesianMixture(mixture, {
          ...options,
          hyperparameters: { ...(await gaussianHyperparameters(mixture, bytes, options.read)), concentration: 1e-3 },
        })
  const data = { x: Float32Array.from(bytes.pixels), pixels: PIXELS }
  await startMixture(algorithm, bytes, { method: 'k-means++', key: root, restarts: 1, passes: 0 })
  const [first] = await bounds(algorithm, data, 1)
  expect(first?.usedComponents).toBeGreaterThan(3)
  const ends = await bounds(algorithm, data, 150)
  expect(ends.at(-1)?.usedComponents).toBe(3)
  const weights = values(mixture, 'weights').sort((a, b) => b - a)
  weights.forEach((weight, k) => {
    if (k < 3) expect(weight).toBeCloseTo(1 / 3, 1)
    else expect(weight).toBeLessThan(1e-4)
  })
})

test('the KL divergences of Gamma and of Wishart distributions agree in one dimension', () => {
  const [nu, nu0, v, v0] = [7.5, 3.25, 2.5, 0.75]
  const wishart = klWishart(
    1,
    { logDeterminant: Math.log(v), freedom: nu },
    { logDeterminant: Math.log(v0), freedom: nu0 },
    (nu * v0) / v,
  )
  expect(wishart).toBeCloseTo(klGamma(nu / 2, v / 2, nu0 / 2, v0 / 2), 10)
})

test('too few degrees of freedom are refused', async () => {
  const mixture = createGaussianMixture({ pixels: 3, components: 2, covariance: 'full' })
  const hyperparameters = {
    concentration: 1,
    mean: new Float64Array(3),
    meanPrecision: 1,
    covariance: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    degreesOfFreedom: 2,
  }
  expect(() => bayesianMixture(mixture, { read, images: 1, hyperparameters })).toThrow('must be above 2')
})
