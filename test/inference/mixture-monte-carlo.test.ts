// Monte Carlo EM of mixtures: its draws, how their error falls with their number, and what it converges to.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { scan } from '../../src/compile/scan.js'
import type { Schedule } from '../../src/inference/algorithm.js'
import { drawShares } from '../../src/inference/mixtures/draws.js'
import { mixtureEm } from '../../src/inference/mixtures/em.js'
import type { BernoulliMixture } from '../../src/models/mixtures/bernoulli.js'
import { keyAt } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { pass, root, rowTensor } from './passes.js'
import { read, seeded, values } from './seeded-mixture.js'

beforeAll(() => useBackend())

const count = 40
const make = () => seeded('bernoulli', root, 4, 3, count) as ReturnType<typeof seeded> & { mixture: BernoulliMixture }

test('shares of draws are multiples of 1 / samples, sum to one, and are the responsibilities on average', () => {
  const r = tf.tensor2d([0.5, 0, 0, 0.25, 0.5, 0.75], [3, 2])
  const [samples, draws] = [8, 500]
  const sums = new Float64Array(6)
  for (let i = 0; i < draws; i++) {
    const shares = tf.tidy(() => drawShares(keyAt(root, i), r, samples).dataSync())
    shares.forEach((share, at) => {
      expect(share * samples).toBe(Math.round(share * samples))
      sums[at] = (sums[at] as number) + share / draws
    })
    for (const image of [0, 1])
      expect((shares[image] as number) + (shares[2 + image] as number) + (shares[4 + image] as number)).toBe(1)
  }
  r.dataSync().forEach((probability, at) => {
    const error = Math.sqrt((probability * (1 - probability)) / (samples * draws))
    expect(Math.abs((sums[at] as number) - probability)).toBeLessThanOrEqual(4.5 * error)
  })
})

test('the sampled bound is unbiased, and its error falls as one over the square root of the number of samples', async () => {
  const { mixture, data } = make()
  const [repeats, sizes] = [60, [1, 4, 16, 64, 256]]
  const x = rowTensor(data)
  const logErrors = sizes.map(samples => {
    const algorithm = mixtureEm(mixture, { read, images: count, samples })
    const differences = Array.from({ length: repeats }, (_, i) =>
      tf.tidy(() => {
        const outputs = algorithm.step(x, keyAt(root, 1000 * samples + i), {
          learningRate: 1,
          beta: 1,
          used: count,
          first: 0,
        })
        return tf.sub(outputs.sampledElbo as tf.Tensor, outputs.elbo as tf.Tensor).dataSync()[0] as number
      }),
    )
    const mean = differences.reduce((sum, value) => sum + value, 0) / repeats
    const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (repeats - 1)
    expect(Math.abs(mean), `${samples} samples`).toBeLessThan(4 * Math.sqrt(variance / repeats))
    return Math.log(variance) / 2
  })
  const logSizes = sizes.map(Math.log)
  const [middle, level] = [logSizes, logErrors].map(list => list.reduce((sum, value) => sum + value, 0) / sizes.length)
  const spread = logSizes.reduce((sum, value) => sum + (value - (middle as number)) ** 2, 0)
  const slope =
    logSizes.reduce(
      (sum, value, i) => sum + (value - (middle as number)) * ((logErrors[i] as number) - (level as number)),
      0,
    ) / spread
  // a log standard deviation of n normal numbers has the standard error 1 / sqrt(2 (n - 1))
  expect(Math.abs(slope + 0.5)).toBeLessThan(4 / Math.sqrt(2 * (repeats - 1) * spread))
})

test('with many samples the estimate and the bound after the E step are those of exact EM', async () => {
  const [exact, sampled] = [make(), make()]
  const algorithms = {
    exact: mixtureEm(exact.mixture, { read, images: count }),
    sampled: mixtureEm(sampled.mixture, { read, images: count, samples: 4000 }),
  }
  for (let i = 0; i < 5; i++) {
    const expected = (await pass(algorithms.exact, exact.data, count)).end
    const { end } = await pass(algorithms.sampled, sampled.data, count, { from: keyAt(root, i) })
    expect(Object.keys(end)).not.toContain('elboAfterM')
    expect(end.elboAfterE).toBeCloseTo(expected.elboAfterE as number, i === 0 ? 5 : 1)
    // log p(x, z) spreads by less than 1.5 nats: 4 standard errors of its mean over 4000 draws of 40 images
    expect(Math.abs((end.sampledElboAfterM as number) - (expected.elboAfterM as number))).toBeLessThan(0.015)
  }
  expectClose(values(sampled.mixture, 'means'), values(exact.mixture, 'means'), 0.03)
})

describe('one draw', () => {
  test('leaves components without images as they were', async () => {
    const { mixture, data } = make()
    const few = { x: data.x.subarray(0, 4), pixels: 4 }
    const means = values(mixture, 'means')
    const { end } = await pass(mixtureEm(mixture, { read, images: 1, samples: 1 }), few, 1)
    expect(end.emptyComponents).toBe(2)
    const kept = values(mixture, 'means').filter((mean, i) => Math.abs(mean - (means[i] as number)) < 1e-6)
    expect(kept).toHaveLength(8)
    for (const value of Object.values(end)) expect(value).toSatisfy(Number.isFinite)
  })

  test('is the same compiled as eager', async () => {
    const run = async (mode: 'auto' | 'off') => {
      const { mixture, data } = make()
      const algorithm = mixtureEm(mixture, { read, images: 40, samples: 3 })
      const steps = scan<Schedule>(algorithm.step, { mode })
      const schedule = { learningRate: 1, beta: 1, used: 20, first: 0 }
      const keys = [keyAt(root, 0), keyAt(root, 1)]
      const outputs = await steps.run(
        { data: data.x, shape: [2, 20, 4], dtype: 'float32' },
        { keys, schedules: [schedule, schedule] },
      )
      steps.dispose()
      return [...(outputs.sampledElbo ?? [])]
    }
    expectClose(await run('auto'), await run('off'), 1e-5)
  })
})

test('a number of samples that is not a positive whole number is refused', () => {
  const { mixture } = make()
  for (const samples of [0, 1.5])
    expect(() => mixtureEm(mixture, { read, images: 1, samples })).toThrow(`samples ${samples}`)
})
