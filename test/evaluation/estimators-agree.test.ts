// Every estimator of log p(x) against the truth: a linear-Gaussian VAE, simulated images, and weights that are hard to add.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { bitsPerDimension } from '../../src/evaluation/bits.js'
import { summarizeEffectiveSamples } from '../../src/evaluation/effective-samples.js'
import { importanceSample, summarize } from '../../src/evaluation/importance.js'
import { quadrature } from '../../src/evaluation/quadrature.js'
import { annealSimulated } from '../../src/evaluation/simulated.js'
import { decoderLikelihood } from '../../src/models/decoder-likelihood.js'
import { likelihoodOf } from '../../src/models/likelihoods.js'
import type { Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { streamKey } from '../../src/random.js'
import { annealer, logMeanWeight } from '../../src/sampling/anneal-images.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { expectWithinErrors } from '../support/expectations.js'
import { imagesOf } from '../support/images.js'
import {
  annealingOf,
  expectBoundsAndImportanceSampling,
  linearGaussianVae,
  linearImages,
  PIXELS,
} from '../support/linear-gaussian-vae.js'
import { setWeights, smallVae } from '../support/vae.js'

let mode: 'graph' | 'off'

beforeAll(async () => {
  mode = fixedMode(await useBackend())
})

const key = streamKey(1, 'test')

describe('a linear-Gaussian VAE, whose log p(x) is that of factor analysis', () => {
  test('ELBO < IWAE_5 < IWAE_50 < log p(x), each by more than four standard errors, and importance sampling agrees', () => {
    const { vae, exact } = linearGaussianVae()
    const { x } = linearImages(6)
    expectBoundsAndImportanceSampling(vae, x, exact(x), { copies: 200, largestError: 0.05 })
  })

  test('annealing agrees within four standard errors, over several batches', async () => {
    const { vae, exact } = linearGaussianVae()
    const { x, ...images } = linearImages(11)
    const annealed = annealer(decoderLikelihood(vae).logLikelihood, 2, annealingOf(20, 40, 8), { mode })
    const { logPx, standardError } = await annealed.run(images, { key })
    expect(Math.max(...standardError)).toBeLessThan(0.3)
    expectWithinErrors(logPx, exact(x), standardError)
  })

  test('quadrature gives log p(x) and KL(q(z|x) || p(z|x)) to 1e-4', async () => {
    const { vae, exact, gap } = linearGaussianVae()
    const { x, ...images } = linearImages(5)
    const result = await quadrature(vae, images, { side: 121, extent: 6, mode })
    const values = x.dataSync<'float32'>()
    exact(x).forEach((value, i) => {
      expect(result.logPx[i]).toBeCloseTo(value, 4)
      expect(result.gap[i]).toBeCloseTo(gap(values.slice(i * PIXELS, (i + 1) * PIXELS)), 4)
      expect((result.elbo[i] as number) + (result.gap[i] as number)).toBeCloseTo(result.logPx[i] as number, 10)
      expect(result.half.logPx[i]).toBeCloseTo(value, 3)
    })
    expect(result.border).toBeLessThan(1e-6)
    expect((await quadrature(vae, images, { side: 61, extent: 0.5, mode })).border).toBeGreaterThan(1e-3)
  })

  test('on simulated images, forward and reverse annealing enclose log p(x), and more temperatures close the gap', async () => {
    const { vae, expectedLogPx } = linearGaussianVae()
    const gaps: number[] = []
    for (const steps of [3, 30]) {
      const { forward, reverse } = await annealSimulated(vae, 180, annealingOf(steps, 4, 120), { key, mode })
      const [below, above] = [estimateMean(forward.logPx), estimateMean(reverse.logPx)]
      expect(below.mean).toBeLessThan(expectedLogPx + 4 * below.standardError)
      expect(above.mean).toBeGreaterThan(expectedLogPx - 4 * above.standardError)
      const gap = estimateMean(reverse.logPx.map((value, i) => value - (forward.logPx[i] as number)))
      if (steps === 3) expect(gap.mean).toBeGreaterThan(4 * gap.standardError)
      else expect(gap.mean).toBeGreaterThan(-4 * gap.standardError)
      gaps.push(gap.mean)
    }
    expect(gaps[1]).toBeLessThan(0.3 * (gaps[0] as number))
  })
})

test('annealing that is stopped returns the finished batches and leaves no tensors', async () => {
  const { vae } = linearGaussianVae()
  const { x, ...images } = linearImages(20)
  const tensors = tf.memory().numTensors
  const stop = new AbortController()
  const run = { key, signal: stop.signal, onProgress: () => stop.abort() }
  const annealed = annealer(decoderLikelihood(vae).logLikelihood, 2, annealingOf(6, 2, 8), { mode })
  expect((await annealed.run(images, run)).logPx).toHaveLength(8)
  expect((await annealed.run(images, run)).logPx).toHaveLength(0)
  annealed.dispose()
  expect(tf.memory().numTensors).toBe(tensors)
  x.dispose()
})

test.each(['bernoulli', 'continuous-bernoulli', 'gaussian'] as const)(
  '%s: log p(x|z) of every image given every z is the same as pair by pair',
  name => {
    const heads = [0, 1].map(head =>
      tf.tensor2d(
        [0.3, -2, 1, 4, -0.1, 0, 2, -3].map(value => value - head),
        [2, 4],
      ),
    )
    const { heads: names, of } = likelihoodOf(name, { pixelVariance: 'learned' })
    const pixels = of(heads.slice(0, names.length))
    const x = tf.tensor2d([0, 1, 1, 0, 1, 0, 0.5, 0.25, 0, 0, 1, 1], [3, 4])
    const each = pixels.logProbOfEach(x).arraySync() as number[][]
    const pairs = tf.unstack(x).map(image => [...pixels.logProb(image).dataSync()])
    expect(each).toHaveLength(2)
    each
      .flatMap((row, point) => row.map((value, image) => [value, pairs[image]?.[point]]))
      .forEach(([value, pair]) => {
        expect(value).toBeCloseTo(pair as number, 4)
      })
  },
)

describe('importance weights beyond the range of floats', () => {
  const piece = (logs: readonly number[]) => ({
    max: Float32Array.of(Math.max(...logs)),
    weights: Float32Array.of(logs.reduce((sum, log) => sum + Math.exp(log - Math.max(...logs)), 0)),
    squares: Float32Array.of(logs.reduce((sum, log) => sum + Math.exp(2 * (log - Math.max(...logs))), 0)),
    logs: Float32Array.of(logs.reduce((sum, log) => sum + log, 0)),
  })

  test('between e^-10000 and e^10000 are one effective sample, the largest', () => {
    const { logPx, effectiveSamples, standardError } = summarize([
      { pieces: [piece([-1e4, 0]), piece([1e4, 70])], draws: 4 },
    ])
    expect(logPx[0]).toBeCloseTo(1e4 - Math.log(4), 2)
    expect(effectiveSamples[0]).toBeCloseTo(1, 5)
    expect(standardError[0]).toBeCloseTo(1, 5) // sd(w) / (2 mean(w)) of 4, 0, 0, 0
    const annealed = logMeanWeight([-1e4, 0, 1e4, 70])
    expect(annealed.logPx).toBeCloseTo(1e4 - Math.log(4), 6)
    expect(annealed.standardError).toBeCloseTo(1, 6)
  })

  test('that are all e^-1000 are as many effective samples as draws, however they are cut into pieces', () => {
    const { logPx, effectiveSamples, standardError } = summarize([
      { pieces: [piece([-1000, -1000]), piece([-1000])], draws: 3 },
    ])
    expect(logPx[0]).toBe(-1000)
    expect(effectiveSamples[0]).toBeCloseTo(3, 6)
    expect(standardError[0]).toBeCloseTo(0, 6)
  })
})

test('effective sample sizes over images are summarized by median, smallest, and the share below 10', () => {
  const sizes = Float32Array.of(100, 3, 20, 9)
  expect(summarizeEffectiveSamples(sizes, 500)).toEqual({ median: 14.5, smallest: 3, few: 10, shareOfFew: 0.5 })
})

test('bits per dimension are 1 for a fair coin, log2(255) for a uniform density on [0, 1], and negative for a narrow density', () => {
  const estimate = (mean: number) => ({ mean, standardError: 0.1, count: 3 })
  expect(bitsPerDimension(estimate(-784 * Math.LN2), { pixels: 784, values: 'binary' }).mean).toBeCloseTo(1, 12)
  expect(bitsPerDimension(estimate(0), { pixels: 784, values: 'density' }).mean).toBeCloseTo(Math.log2(255), 12)
  expect(bitsPerDimension(estimate(-784 * Math.log(256)), { pixels: 784, values: 'levels' }).mean).toBeCloseTo(8, 12)
  expect(bitsPerDimension(estimate(784 * Math.log(510)), { pixels: 784, values: 'density' }).mean).toBeCloseTo(-1, 12)
})

describe('every estimate stays finite where encoder and decoder put out extreme values:', () => {
  /** Biases of the output layers; everything before them is ordinary. */
  function extremeVae(logit: number, logVar: number): Vae {
    const vae = smallVae()
    setWeights(vae.decoder, { 'logits/bias': tf.fill([4], logit) })
    setWeights(vae.encoder, { 'log_var/bias': tf.fill([2], logVar) })
    return vae
  }
  const images = imagesOf({ rows: 2, columns: 2 }, Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255)) // all black, all white
  const x = () => tf.div(tf.tensor2d([...images.pixels], [2, 4]), 255)
  const finite = (values: ArrayLike<number>) =>
    expect(Array.from(values).filter(value => !Number.isFinite(value))).toEqual([])

  const grid = (vae: Vae, side: number) => quadrature(vae, images, { side, extent: 6, mode: 'off' })

  test.each([
    [-1e4, -50],
    [-1e4, 50],
    [1e4, -50],
    [1e4, 50],
  ])('logits %d, log variances %d', async (logit, logVar) => {
    const vae = extremeVae(logit, logVar)
    for (const samples of [1, 20]) {
      const { logPx, elbo, effectiveSamples } = importanceSample(vae, x(), key, samples)
      for (const values of [logPx, elbo, effectiveSamples]) finite(values)
    }
    // z = 0, where the black image's q(z|x) is, is a point of either grid; of half of the second it is not
    const [{ logPx, ...nine }, eleven] = [await grid(vae, 9), await grid(vae, 11)]
    for (const { elbo, gap, half } of [nine, eleven])
      for (const values of [elbo, gap, half.logPx, half.elbo, half.gap]) finite(values)
    finite(logPx)
    const annealed = await annealer(decoderLikelihood(vae).logLikelihood, 2, annealingOf(2, 2, 8), { mode: 'off' }).run(
      images,
      {
        key,
      },
    )
    for (const values of [annealed.logPx, annealed.standardError]) finite(values)
    // of the black and the white image, one is certain and the other is 4 |l| nats away
    expect([...logPx].sort((a, b) => a - b).map(value => Math.round(value / 1e4))).toEqual([-4, 0])
  })
})
