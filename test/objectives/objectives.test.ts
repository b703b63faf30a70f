// The ELBO and its gradient in closed form, on decoders where everything can be computed by hand.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import * as bernoulli from '../../src/distributions/bernoulli.js'
import * as gaussian from '../../src/distributions/normal.js'
import { importanceSample } from '../../src/evaluation/importance.js'
import { latentFamilies } from '../../src/models/latents.js'
import { createVae, decode, encode } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { elbo } from '../../src/objectives/elbo.js'
import { keyAt, normal, streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { expectWithinErrors } from '../support/expectations.js'
import {
  curvedVae,
  finiteDifference,
  gradientIn,
  threeImages as images,
  logPxByQuadrature,
  setWeights,
  smallVae,
  weightsOf,
} from '../support/vae.js'

beforeAll(() => useBackend())

const key = streamKey(1, 'test')

test('a decoder that ignores z has reconstruction = log p(x), and the KL term of its encoder', () => {
  const vae = createVae({ rows: 2, columns: 2, hidden: [5], latentDim: 2, activation: 'relu' })
  const bias = [0.5, -1, 2, 0]
  setWeights(vae.decoder, { 'logits/bias': tf.tensor1d(bias) })
  setWeights(vae.encoder, { 'mu/bias': tf.tensor1d([1, -2]), 'log_var/bias': tf.tensor1d([0.3, -0.7]) })
  const bound = elbo(vae, images(), key, { samples: 1, kl: 'analytic' })
  // sum of x l - log(1 + e^l), and 1/2 sum(mu^2 + s^2 - log s^2 - 1)
  const partition = bias.reduce((sum, l) => sum + Math.log1p(Math.exp(l)), 0)
  const expected = [1 - partition, -0.5 - partition, 0 - partition]
  const kl = 0.5 * (1 + Math.exp(0.3) - 0.3 - 1 + 4 + Math.exp(-0.7) + 0.7 - 1)
  bound.reconstruction.dataSync().forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 5)
  })
  for (const value of bound.kl.dataSync()) expect(value).toBeCloseTo(kl, 5)
  expect([...bound.elbo.dataSync()]).toEqual([...tf.sub(bound.reconstruction, bound.kl).dataSync()])
})

test('the sampled KL term agrees with the analytic one within four standard errors', () => {
  const vae = curvedVae({ hidden: [5] })
  const analytic = elbo(vae, images(), key, { samples: 1, kl: 'analytic' }).kl.dataSync()
  const draws = Array.from({ length: 200 }, (_, i) =>
    elbo(vae, images(), keyAt(key, i), { samples: 50, kl: 'monte-carlo' }).kl.dataSync(),
  )
  analytic.forEach((value, i) => {
    const { mean, standardError } = estimateMean(draws.map(draw => draw[i] as number))
    expect(Math.abs(mean - value)).toBeLessThan(4 * standardError)
  })
})

test('ELBO <= importance-sampled log p(x), which agrees with quadrature within four standard errors', () => {
  const vae = curvedVae({ hidden: [5], latentDim: 1 })
  const exact = logPxByQuadrature(vae, images(), 4001).dataSync()
  const { logPx, standardError, elbo: bound } = importanceSample(vae, images(), key, 20_000)
  expect(Math.max(...standardError)).toBeLessThan(0.05)
  expectWithinErrors(logPx, exact, standardError)
  for (const [i, value] of logPx.entries()) expect(bound[i]).toBeLessThan(value)
})

test('the standard error of log p(x) is the spread over independent estimates', () => {
  const vae = curvedVae({ hidden: [5], latentDim: 1 })
  const runs = Array.from({ length: 300 }, (_, i) => importanceSample(vae, images(), keyAt(key, i), 200))
  const values = runs.map(run => run.logPx[0] as number)
  const { standardError } = estimateMean(values)
  const spread = standardError * Math.sqrt(values.length)
  const claimed = estimateMean(runs.map(run => run.standardError[0] as number)).mean
  expect(spread / claimed).toBeGreaterThan(0.75) // the spread of 300 values is known to about 4 %
  expect(spread / claimed).toBeLessThan(1.25)
})

test('log p(x) does not depend on how the samples are cut into pieces', () => {
  const vae = curvedVae({ hidden: [5], latentDim: 1 })
  const tiled = tf.tile(images(), [1000, 1]) // 3,000 images: one sample a piece
  const few = importanceSample(vae, tiled, key, 400).logPx
  const many = importanceSample(vae, images(), key, 400) // all samples in one piece
  const means = tf.mean(tf.tensor2d(few, [1000, 3]), 0).dataSync()
  expectWithinErrors(many.logPx, means, many.standardError, 4.5)
})

test('the gradient of the bound agrees with finite differences', () => {
  const vae = smallVae({ hidden: [5] })
  const bound = () => tf.sum(elbo(vae, images(), key, { samples: 3, kl: 'analytic' }).elbo)
  const value = () => tf.tidy(() => bound().dataSync()[0] as number)
  for (const weight of weightsOf(vae)) {
    const last = weight.size - 1
    const gradient = gradientIn([weight], bound)[last] as number
    const difference = finiteDifference(weight, last, value)
    expect(Math.abs(difference - gradient)).toBeLessThan(2e-3 * Math.max(1, Math.abs(gradient)))
  }
})

test('extreme logits, log variances and images keep the bound finite', () => {
  const x = tf.tensor2d([new Array(4).fill(0), new Array(4).fill(1)])
  for (const l of [-1e4, 1e4]) {
    const values = bernoulli.logProb(x, tf.fill([2, 4], l)).dataSync()
    expect([...values].sort((a, b) => a - b)).toEqual([-4e4, 0])
  }
  const mu = tf.zeros([1, 2])
  for (const v of [-50, 50]) {
    const q = latentFamilies.gaussian.posterior([mu, tf.fill([1, 2], v)])
    const kl = q.kl().dataSync()[0] as number
    expect(kl / (0.5 * (Math.exp(v) - v - 1))).toBeCloseTo(1, 5)
    const { z, logPriorRatio } = q.at(normal(key, [1, 1, 2]))
    expect(Number.isFinite(q.logProb(z).dataSync()[0])).toBe(true)
    expect(Number.isFinite(logPriorRatio.dataSync()[0])).toBe(true)
  }
})

test('importance sampling with one sample gives the log weight of that sample and an unknown error', () => {
  const { logPx, elbo: bound, standardError } = importanceSample(curvedVae({ hidden: [5] }), images(), key, 1)
  logPx.forEach((value, i) => {
    expect(value).toBeCloseTo(bound[i] as number, 4)
  })
  expect([...standardError]).toEqual([Number.NaN, Number.NaN, Number.NaN])
})

test('densities agree with SciPy 1.17', () => {
  // scipy.stats.norm.logpdf([0.3, -1.2], [0.1, 0.4], numpy.exp([-0.25, 0.6])).sum(), log variances -0.5 and 1.2
  const [z, mu, logVar] = [tf.tensor([0.3, -1.2]), tf.tensor([0.1, 0.4]), tf.tensor([-0.5, 1.2])]
  expect(gaussian.logProb(z, mu, logVar).dataSync()[0]).toBeCloseTo(-2.6063800831, 5)
  // scipy.stats.norm.logpdf([0.3, -1.2]).sum()
  expect(gaussian.standardLogProb(z).dataSync()[0]).toBeCloseTo(-2.6028770664, 5)
  // scipy.stats.bernoulli.logpmf([1, 0, 1], scipy.special.expit([0.7, -2.0, -0.1])).sum()
  expect(bernoulli.logProb(tf.tensor([1, 0, 1]), tf.tensor([0.7, -2, -0.1])).dataSync()[0]).toBeCloseTo(-1.27451072, 5)
})

test('encode and decode return the shapes that they document', () => {
  const vae = curvedVae({ hidden: [5], latentDim: 3 })
  expect(encode(vae, images()).heads.map(({ shape }) => shape)).toEqual([
    [3, 3],
    [3, 3],
  ])
  expect(decode(vae, tf.zeros([2, 5, 3])).mean.shape).toEqual([2, 5, 4])
})
