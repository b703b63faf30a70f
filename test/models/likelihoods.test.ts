// Densities of grey pixels: their values, gradients, means and draws are right and stay finite.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import * as continuousBernoulli from '../../src/distributions/continuous-bernoulli.js'
import { likelihoodOf } from '../../src/models/likelihoods.js'
import { createVae, decode } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { boundsOf, logMeanExp } from '../../src/objectives/importance-weighted.js'
import { streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'

beforeAll(() => useBackend())

const key = streamKey(1, 'test')
const LOGITS = [-40, -5, -1, -0.29, -0.31, -1e-3, 0, 1e-6, 0.2, 0.3, 2, 7, 40]

/** log of the normalizer in double precision: log((e^l - 1) / l). */
const cumulant = (l: number) =>
  Math.abs(l) < 1e-4 ? l / 2 + l ** 2 / 24 : Math.max(l, 0) + Math.log(-Math.expm1(-Math.abs(l)) / Math.abs(l))

const mean = (l: number) => (Math.abs(l) < 1e-4 ? 0.5 + l / 12 : 1 / -Math.expm1(-l) - 1 / l)

describe('the continuous Bernoulli distribution', () => {
  test.each(LOGITS)('at logit %d has the density x l - log((e^l - 1) / l), and its mean', l => {
    for (const x of [0, 0.3, 1]) {
      const found = continuousBernoulli.logProb(tf.tensor([x]), tf.tensor([l])).dataSync()[0] as number
      expect(Math.abs(found - (x * l - cumulant(l)))).toBeLessThan(2e-6 * Math.max(1, Math.abs(l)))
    }
    expect(continuousBernoulli.mean(tf.tensor([l])).dataSync()[0]).toBeCloseTo(mean(l), 5)
  })

  test.each(LOGITS)('at logit %d has the gradient x - mean', l => {
    const gradient = tf.grad(logits => continuousBernoulli.logProb(tf.tensor([0.3]), logits))(tf.tensor([l]))
    expect(gradient.dataSync()[0]).toBeCloseTo(0.3 - mean(l), 5)
  })

  test.each(LOGITS)('at logit %d draws values in [0, 1] with that mean', l => {
    const values = continuousBernoulli.sample(key, tf.fill([20_000], l)).dataSync<'float32'>()
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values)).toBeLessThanOrEqual(1)
    const { mean: found, standardError } = estimateMean(values)
    expect(Math.abs(found - mean(l))).toBeLessThan(4.5 * standardError)
  })

  test('stays finite at logits of ±1e4, for black and white pixels', () => {
    const [x, logits] = [tf.tensor([[0], [1]]), tf.tensor([[-1e4], [1e4]])]
    for (const l of [logits, tf.reverse(logits, 0)]) {
      const values = continuousBernoulli.logProb(x, l).dataSync()
      expect([...values].every(Number.isFinite)).toBe(true)
    }
    expect([...continuousBernoulli.mean(logits).dataSync()]).toEqual([
      expect.closeTo(1e-4, 6),
      expect.closeTo(0.9999, 6),
    ])
  })
})

test('a Gaussian pixel has the density of its mean and variance', () => {
  const pixels = likelihoodOf('gaussian', { pixelVariance: 0.25 }).of([tf.tensor([[0, 2]])])
  const means = [0.5, 1 / (1 + Math.exp(-2))]
  const expected = means.reduce((sum, m) => sum - 0.5 * (Math.log(2 * Math.PI * 0.25) + (0.7 - m) ** 2 / 0.25), 0)
  expect(pixels.logProb(tf.tensor([[0.7, 0.7]])).dataSync()[0]).toBeCloseTo(expected, 5)
})

test('a learned variance never falls below that of rounding to 256 grey levels, which bounds the density', () => {
  const [exact, floor] = [-200, Math.log(1 / (12 * 255 ** 2))]
  const pixels = likelihoodOf('gaussian', { pixelVariance: 'learned' }).of([tf.tensor([[0]]), tf.tensor([[exact]])])
  expect(pixels.logProb(tf.tensor([[0.5]])).dataSync()[0]).toBeCloseTo(-0.5 * (Math.log(2 * Math.PI) + floor), 3)
})

test('a learned variance is a second output of the decoder, convolutional or not', () => {
  for (const filters of [null, [3]]) {
    const shape = { rows: 4, columns: 4, hidden: [3], latentDim: 2, activation: 'relu', filters } as const
    const vae = createVae({ ...shape, likelihood: 'gaussian', pixelVariance: 'learned' })
    expect(vae.decoder.outputs.map(({ shape: of }) => of)).toEqual([
      [null, 16],
      [null, 16],
    ])
    expect(decode(vae, tf.zeros([2, 5, 2])).mean.shape).toEqual([2, 5, 16])
  }
  expect(() => likelihoodOf('gaussian')).toThrow('likelihood gaussian: a pixelVariance is missing')
})

test('log mean weights agree with double precision, for weights from 1e-30 to 1e30 and far beyond', () => {
  for (const scale of [1, 69, 1000]) {
    const logs = [-1, 0.5, 1, -0.3].map(value => value * scale)
    const top = Math.max(...logs)
    const exact = top + Math.log(logs.reduce((sum, l) => sum + Math.exp(l - top), 0) / logs.length)
    expect(logMeanExp(tf.tensor2d(logs, [4, 1])).dataSync()[0]).toBeCloseTo(exact, 3)
    const gradient = tf
      .grad(x => logMeanExp(x))(tf.tensor2d(logs, [4, 1]))
      .dataSync()
    expect([...gradient].reduce((sum, g) => sum + g, 0)).toBeCloseTo(1, 5)
  }
})

test('IWAE_k of the same draws is above the ELBO, and equals it for one draw', () => {
  const logWeights = tf.tensor2d([-3, -1, 0.5, -2], [4, 1])
  const { iwae, elbo } = boundsOf({ logWeights, reconstruction: logWeights })
  expect(iwae.dataSync()[0]).toBeGreaterThan(elbo.dataSync()[0] as number)
  const one = boundsOf({ logWeights: tf.tensor2d([[-3]]), reconstruction: tf.tensor2d([[-3]]) })
  expect(one.iwae.dataSync()[0]).toBeCloseTo(-3, 6)
})
