// EM of mixtures against scikit-learn, NumPy, enumeration, and its own theorem.

import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BoundedAlgorithm } from '../../src/inference/algorithm.js'
import { mixtureEm } from '../../src/inference/mixtures/em.js'
import { type BernoulliMixture, createBernoulliMixture } from '../../src/models/mixtures/bernoulli.js'
import { covarianceKinds, createGaussianMixture, type GaussianMixture } from '../../src/models/mixtures/gaussian.js'
import { logProb, posterior, sample, variable } from '../../src/models/mixtures/mixture.js'
import { keyAt } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { readReference } from '../support/reference.js'
import { pass, type Rows, root, rowTensor } from './passes.js'
import { doubles, images, kinds, read, seeded, values } from './seeded-mixture.js'

const { gaussian, bernoulli } = readReference('mixtures')
beforeAll(() => useBackend())

/** The bound after the E step of each pass. */
async function run(algorithm: BoundedAlgorithm, data: Rows, passes: number, batchSize = 64): Promise<number[]> {
  const bounds: number[] = []
  for (let i = 0; i < passes; i++) bounds.push((await pass(algorithm, data, batchSize)).end.elboAfterE as number)
  return bounds
}

const algorithmOf = (mixture: BernoulliMixture | GaussianMixture, count: number): BoundedAlgorithm =>
  mixture.family === 'bernoulli'
    ? mixtureEm(mixture, { read, images: count })
    : mixtureEm(mixture, { read, images: count, prior: { varianceFloor: 1e-4 } })

describe('the log-likelihood per image after 1, 5 and 50 iterations', () => {
  test.each(covarianceKinds)('is that of scikit-learn for %s covariances', async covariance => {
    const { pixels, components } = gaussian
    const { start, logProb, last } = gaussian.em.find((run: { covariance: string }) => run.covariance === covariance)
    const mixture = createGaussianMixture({ pixels, components, covariance, start: doubles(start) })
    const data = images(gaussian)
    const algorithm = mixtureEm(mixture, { read, images: data.x.length / pixels })
    const bounds = await run(algorithm, data, 50)
    expectClose(values(mixture, 'means'), last.means, 1e-3)
    expectClose(values(mixture, 'covariances'), last.covariances, 1e-3)
    bounds.push(...(await run(algorithm, data, 1)))
    for (const [iterations, expected] of Object.entries(logProb as Record<number, number>))
      expect(bounds[Number(iterations)], `after ${iterations}`).toBeCloseTo(expected, 4)
  })

  test('is that of EM in float64 for Bernoullis, and so are the means', async () => {
    const { pixels, components, start, logProb, means } = bernoulli
    const mixture = createBernoulliMixture({ pixels, components, start: doubles(start) })
    const data = images(bernoulli)
    const algorithm = mixtureEm(mixture, { read, images: data.x.length / pixels })
    const bounds = await run(algorithm, data, 50)
    expectClose(values(mixture, 'means'), means, 1e-3)
    bounds.push(...(await run(algorithm, data, 1)))
    for (const [iterations, expected] of Object.entries(logProb as Record<number, number>))
      expect(bounds[Number(iterations)], `after ${iterations}`).toBeCloseTo(expected, 4)
  })
})

test('with pseudo-counts the log-likelihood equals that of MAP in float64', async () => {
  const { pixels, components, start, map } = bernoulli
  const mixture = createBernoulliMixture({ pixels, components, start: doubles(start) })
  const data = images(bernoulli)
  const prior = { concentration: map.concentration, pixels: [map.a, map.b] as const }
  const bounds = await run(mixtureEm(mixture, { read, images: data.x.length / pixels, prior }), data, 21)
  expect(bounds[20]).toBeCloseTo(map.logProb, 4)
})

test('over 100 random problems no half step lowers the bound by more than 1e-4 nats per image', async () => {
  for (let problem = 0; problem < 100; problem++) {
    const kind = kinds[problem % kinds.length] as (typeof kinds)[number]
    const [pixels, components, count] = [2 + (problem % 3), 2 + (problem % 4), 24]
    const { mixture, data } = seeded(kind, keyAt(root, problem), pixels, components, count)
    const algorithm = algorithmOf(mixture, count)
    let before = Number.NEGATIVE_INFINITY
    for (let i = 0; i < 4; i++) {
      const { elboAfterE, elboAfterM } = (await pass(algorithm, data, count)).end as Record<string, number>
      expect(elboAfterE, `problem ${problem}, ${kind}, E step ${i}`).toBeGreaterThan(before - 1e-4)
      expect(elboAfterM, `problem ${problem}, ${kind}, M step ${i}`).toBeGreaterThan((elboAfterE as number) - 1e-4)
      before = elboAfterM as number
    }
    algorithm.dispose()
    mixture.dispose()
  }
})

describe.each(kinds)('a mixture, %s', kind => {
  const [pixels, components, count] = [3, 4, 21]
  const make = () => seeded(kind, keyAt(root, 1000), pixels, components, count)

  test('has log p(x) = reconstruction - KL, equal to the sum over its components', async () => {
    const { mixture, data } = make()
    const joint = await mixture.logJoint(rowTensor(data)).array()
    const expected = Array.from({ length: count }, (_, n) => {
      const terms = (joint as number[][]).map(row => row[n] as number)
      return Math.log(terms.reduce((sum, term) => sum + Math.exp(term), 0))
    })
    expectClose([...(await logProb(mixture, rowTensor(data)).data())], expected, 1e-5)
    const { elbo, reconstruction, kl } = algorithmOf(mixture, count).bound(rowTensor(data), root)
    expectClose([...(elbo as tf.Tensor).dataSync()], expected, 1e-5)
    expectClose([...tf.sub(reconstruction as tf.Tensor, kl as tf.Tensor).dataSync()], expected, 1e-5)
    expect((kl as tf.Tensor).min().dataSync()[0]).toBeGreaterThan(-1e-5)
  })

  test('reports after each half step the bound as it is defined', async () => {
    const { mixture, data } = make()
    const x = rowTensor(data)
    const before = posterior(mixture, x)
    const entropy = tf.neg(tf.sum(tf.mul(before.responsibilities, before.logResponsibilities)))
    const { end, means } = await pass(algorithmOf(mixture, count), data, 8)
    const after = tf.add(tf.sum(tf.mul(before.responsibilities, mixture.logJoint(x))), entropy)
    expect(end.elboAfterE).toBeCloseTo(tf.mean(before.logProb).dataSync()[0] as number, 5)
    expect(end.elboAfterM).toBeCloseTo((after.dataSync()[0] as number) / count, 4)
    expect(means.elbo).toBeCloseTo(end.elboAfterE as number, 5)
    expect(means.elbo).toBeCloseTo((means.reconstruction as number) - (means.kl as number), 5)
  })

  test('learns the same in batches, the last one filled up, as in one batch', async () => {
    const [one, many] = [make(), make()]
    for (let i = 0; i < 3; i++) {
      const whole = await pass(algorithmOf(one.mixture, count), one.data, count)
      const parts = await pass(algorithmOf(many.mixture, count), many.data, 5)
      expect(parts.end.elboAfterM).toBeCloseTo(whole.end.elboAfterM as number, 4)
    }
    expectClose(values(many.mixture, 'means'), values(one.mixture, 'means'), 1e-4)
  })

  test('learns the same compiled as eager', async () => {
    const outcome = async (mode: 'auto' | 'off') => {
      const { mixture, data } = make()
      const algorithm = algorithmOf(mixture, count)
      const { end } = await pass(algorithm, data, 8, { mode })
      return { end, means: values(mixture, 'means') }
    }
    const [compiled, eager] = [await outcome('auto'), await outcome('off')]
    expectClose(compiled.means, eager.means, 1e-5)
    expect(compiled.end.elboAfterM).toBeCloseTo(eager.end.elboAfterM as number, 5)
  })

  test('keeps a component without images finite and as it was, and counts it', async () => {
    const { mixture, data } = make()
    const logWeights = mixture.family === 'gaussian' ? 'constants_rest' : 'log_weights'
    variable(mixture, logWeights).assign(tf.tensor1d([-1000, -0.7, -1.5, -1.5]))
    const means = values(mixture, 'means').slice(0, pixels)
    const algorithm = algorithmOf(mixture, count)
    const { end } = await pass(algorithm, data, count)
    expect(end.emptyComponents).toBe(1)
    expectClose(values(mixture, 'means').slice(0, pixels), means, 1e-6)
    for (const value of Object.values((await pass(algorithm, data, count)).end))
      expect(value).toSatisfy(Number.isFinite)
  })

  test('leaves no tensors behind from pass to pass', async () => {
    const { mixture, data } = make()
    const algorithm = algorithmOf(mixture, count)
    await pass(algorithm, data, count)
    const { numTensors } = tf.memory()
    await pass(algorithm, data, count)
    expect(tf.memory().numTensors).toBe(numTensors)
  })

  test('draws components as often as their weights say, and returns their means as images', async () => {
    const { mixture } = make()
    const draws = 4000
    const { component, image } = sample(mixture, root, draws)
    const weights = values(mixture, 'weights')
    weights.forEach((weight, k) => {
      const share = tf.mean(tf.cast(tf.equal(component, k), 'float32')).dataSync()[0] as number
      expect(Math.abs(share - weight)).toBeLessThan(4 * Math.sqrt((weight * (1 - weight)) / draws))
    })
    expect(image.shape).toEqual([draws, pixels])
    const first = component.dataSync()[0] as number
    expectClose(
      [...image.dataSync()].slice(0, pixels),
      values(mixture, 'means').slice(first * pixels, (first + 1) * pixels),
      1e-6,
    )
  })

  test('refuses to finish a pass that did not see every image', async () => {
    const { mixture, data } = make()
    await expect(pass(algorithmOf(mixture, count + 1), data, count)).rejects.toThrow(
      'the pass saw 21.0 images instead of 22',
    )
  })
})

test.each(covarianceKinds)(
  'a singular %s covariance is refused without a variance floor and accepted with one',
  async covariance => {
    const data = { x: new Float32Array(20).fill(0.5), pixels: 2 }
    const learn = (varianceFloor: number) => {
      const mixture = createGaussianMixture({ pixels: 2, components: 2, covariance })
      return pass(mixtureEm(mixture, { read, images: 10, prior: { varianceFloor } }), data, 10)
    }
    await expect(learn(0)).rejects.toThrow(
      /^component 0: the covariance is singular \(.*\); use a larger --variance-floor/,
    )
    const { end } = await learn(1e-3)
    expect(end.elboAfterM).toSatisfy(Number.isFinite)
  },
)

test('a prior below 1 is refused by name', async () => {
  const learn = (prior: object) => {
    const { mixture, data } = seeded('bernoulli', root, 2, 2, 6)
    return pass(mixtureEm(mixture as BernoulliMixture, { read, images: 6, prior }), data, 6)
  }
  await expect(learn({ concentration: 0.5 })).rejects.toThrow('concentration 0.5')
  await expect(learn({ pixels: [1, 0.5] })).rejects.toThrow('Beta(1, 0.5)')
})
