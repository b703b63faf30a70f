// Every estimator of log p(x) beside the truth: a linear-Gaussian VAE, simulated images, and numbers that are hard to add.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { bitsPerDimension } from '../../src/evaluation/bits.js'
import { summarizeEffectiveSamples } from '../../src/evaluation/effective-samples.js'
import { importanceSample, summarize } from '../../src/evaluation/importance.js'
import { quadrature } from '../../src/evaluation/quadrature.js'
import { annealSimulated } from '../../src/evaluation/simulated.js'
import { likelihoodOf } from '../../src/models/likelihoods.js'
import { createVae, initialize, namedWeights, type Vae } from '../../src/models/vae.js'
import { vaeLikelihood } from '../../src/models/vae-likelihood.js'
import { estimateMean } from '../../src/numeric/means.js'
import { importanceWeighted } from '../../src/objectives/importance-weighted.js'
import { keyAt, streamKey } from '../../src/random.js'
import { type AnnealingOptions, annealer, logMeanWeight } from '../../src/sampling/anneal-images.js'
import { temperatures } from '../../src/sampling/annealing.js'
import { useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'
import { linearGaussianVae, linearImages, PIXELS } from '../support/linear-gaussian-vae.js'

let mode: 'graph' | 'off'

beforeAll(async () => {
  mode = (await useBackend()) === 'tensorflow' ? 'graph' : 'off'
})

const key = streamKey(1, 'test')

/** Of each image, so that bounds have errors. */
const COPIES = 200

const annealing = (steps: number, chains: number, images = 8): AnnealingOptions => ({
  temperatures: temperatures(steps),
  chains,
  chainsAtOnce: chains * images,
  leapfrogSteps: 3,
  jitter: 0.2,
  stepSize: 0.1,
  targetAcceptance: 0.8,
})

describe('a linear-Gaussian VAE, whose log p(x) is that of factor analysis', () => {
  test('ELBO < IWAE_5 < IWAE_50 < log p(x), each by more than four standard errors, and importance sampling agrees', () => {
    const { vae, exact } = linearGaussianVae()
    const { x } = linearImages(6)
    const truth = estimateMean(exact(x)).mean
    const copies = tf.tile(x, [COPIES, 1])
    const bound = (samples: number) => {
      const values = importanceWeighted(vae, copies, keyAt(key, samples), samples).iwae
      return estimateMean(tf.mean(tf.reshape(values, [COPIES, 6]), 1).dataSync<'float32'>())
    }
    const bounds = [bound(1), bound(5), bound(50), { mean: truth, standardError: 0 }]
    bounds.slice(1).forEach((above, i) => {
      const below = bounds[i] as typeof above
      const error = Math.hypot(above.standardError, below.standardError)
      expect(above.mean - below.mean).toBeGreaterThan(4 * error)
    })
    const { logPx, standardError } = importanceSample(vae, x, key, 20_000)
    exact(x).forEach((value, i) => {
      expect(standardError[i]).toBeLessThan(0.05)
      expect(Math.abs((logPx[i] as number) - value)).toBeLessThan(4 * (standardError[i] as number))
    })
  })

  test('annealing agrees within four standard errors, over several batches', async () => {
    const { vae, exact } = linearGaussianVae()
    const { x, ...images } = linearImages(11)
    const { logPx, standardError } = await annealer(vaeLikelihood(vae), 2, annealing(20, 40), { mode }).run(images, {
      key,
    })
    exact(x).forEach((value, i) => {
      expect(standardError[i]).toBeLessThan(0.3)
      expect(Math.abs((logPx[i] as number) - value)).toBeLessThan(4 * (standardError[i] as number))
    })
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

  test('of simulated images, forward and reverse annealing enclose log p(x), and more temperatures close the gap', async () => {
    const { vae, expectedLogPx } = linearGaussianVae()
    const gaps: number[] = []
    for (const steps of [3, 30]) {
      const { forward, reverse } = await annealSimulated(vae, 180, annealing(steps, 4, 120), { key, mode })
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

test('annealing that is stopped gives the batches that were done, and leaves no tensors', async () => {
  const { vae } = linearGaussianVae()
  const { x, ...images } = linearImages(20)
  const tensors = tf.memory().numTensors
  const stop = new AbortController()
  const run = { key, signal: stop.signal, onProgress: () => stop.abort() }
  const annealed = annealer(vaeLikelihood(vae), 2, annealing(6, 2), { mode })
  expect((await annealed.run(images, run)).logPx).toHaveLength(8)
  expect((await annealed.run(images, run)).logPx).toHaveLength(0)
  annealed.dispose()
  expect(tf.memory().numTensors).toBe(tensors)
  x.dispose()
})

test.each(['bernoulli', 'continuous-bernoulli', 'gaussian'] as const)(
  '%s: log p(x|z) of every image beside every z is that of each pair',
  name => {
    const heads = [0, 1].map(head =>
      tf.tensor2d(
        [0.3, -2, 1, 4, -0.1, 0, 2, -3].map(value => value - head),
        [2, 4],
      ),
    )
    const { heads: names, of } = likelihoodOf(name, name === 'gaussian' ? 'learned' : undefined)
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

describe('weights that no float could hold', () => {
  const piece = (logs: readonly number[]) => ({
    max: Float32Array.of(Math.max(...logs)),
    weights: Float32Array.of(logs.reduce((sum, log) => sum + Math.exp(log - Math.max(...logs)), 0)),
    squares: Float32Array.of(logs.reduce((sum, log) => sum + Math.exp(2 * (log - Math.max(...logs))), 0)),
    logs: Float32Array.of(logs.reduce((sum, log) => sum + log, 0)),
  })

  test('spread over e^±10000: the largest decides, and is one effective sample', () => {
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

  test('equal weights of e^-1000 are as many effective samples as there are, whatever the pieces', () => {
    const { logPx, effectiveSamples, standardError } = summarize([
      { pieces: [piece([-1000, -1000]), piece([-1000])], draws: 3 },
    ])
    expect(logPx[0]).toBe(-1000)
    expect(effectiveSamples[0]).toBeCloseTo(3, 6)
    expect(standardError[0]).toBeCloseTo(0, 6)
  })
})

test('effective sample sizes over images: median, smallest, and the share below 10', () => {
  const sizes = Float32Array.of(100, 3, 20, 9)
  expect(summarizeEffectiveSamples(sizes)).toEqual({ median: 14.5, smallest: 3, shareOfFew: 0.5 })
})

test('bits per dimension: of a fair coin 1; of a uniform density on [0, 1] those of 255 cells; of a narrow one negative', () => {
  const estimate = (mean: number) => ({ mean, standardError: 0.1, count: 3 })
  expect(bitsPerDimension(estimate(-784 * Math.LN2), { pixels: 784, binary: true }).mean).toBeCloseTo(1, 12)
  expect(bitsPerDimension(estimate(0), { pixels: 784, binary: false }).mean).toBeCloseTo(Math.log2(255), 12)
  expect(bitsPerDimension(estimate(784 * Math.log(510)), { pixels: 784, binary: false }).mean).toBeCloseTo(-1, 12)
})

describe('a trained encoder and decoder at their extremes stay finite', () => {
  /** Biases of the output layers; everything before them is ordinary. */
  function extremeVae(logit: number, logVar: number): Vae {
    const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
    initialize(vae, streamKey(7, 'weights'))
    const weights = Object.fromEntries([...namedWeights(vae.encoder), ...namedWeights(vae.decoder)])
    weights['logits/bias']?.assign(tf.fill([4], logit))
    weights['log_var/bias']?.assign(tf.fill([2], logVar))
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
    const annealed = await annealer(vaeLikelihood(vae), 2, annealing(2, 2), { mode: 'off' }).run(images, { key })
    for (const values of [annealed.logPx, annealed.standardError]) finite(values)
    // of the black and the white image, one is certain and the other is 4 |l| nats away
    expect([...logPx].sort((a, b) => a - b).map(value => Math.round(value / 1e4))).toEqual([-4, 0])
  })
})
