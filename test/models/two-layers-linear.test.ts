// Two layers of z in a linear-Gaussian model, whose log p(x) is known: bounds, importance sampling, annealing and the moments of its draws.
import * as tf from '@tensorflow/tfjs'
import { determinant, inverse, Matrix } from 'ml-matrix'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { annealSimulated } from '../../src/evaluation/simulated.js'
import { decoderLikelihood } from '../../src/models/decoder-likelihood.js'
import { createVae, encode, modelsOf, namedWeights, samplePrior, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { streamKey } from '../../src/random.js'
import { annealer } from '../../src/sampling/anneal-images.js'
import { useBackend } from '../support/backend.js'
import { expectWithinErrors } from '../support/expectations.js'
import {
  annealingOf,
  expectBoundsAndImportanceSampling,
  linearImages,
  linearPixels,
  MU,
  PIXELS,
  PSI,
} from '../support/linear-gaussian-vae.js'

beforeAll(() => useBackend())
afterEach(() => tf.disposeVariables())

const key = streamKey(1, 'test')
const [LOWER, UPPER] = [2, 1]

const matrix = (rows: number, columns: number, seed: number) =>
  Matrix.from1DArray(
    rows,
    columns,
    Array.from({ length: rows * columns }, (_, i) => 0.4 * Math.sin(3 * i + seed)),
  )
const [toImage, down, up, toCode] = [
  matrix(LOWER, PIXELS, 1),
  matrix(UPPER, LOWER, 2),
  matrix(LOWER, UPPER, 3),
  matrix(PIXELS, LOWER, 4),
]
const [lowerVariance, lowerBias] = [0.6, [0.3, -0.2]]

/** h2 ~ N(0, 1), h1 = b + h2 A + N(0, s), x = mu + h1 W + N(0, psi), and linear encoders that are wrong. */
function linearVae(): Vae {
  const vae = createVae({
    rows: 1,
    columns: PIXELS,
    hidden: [1],
    latentDim: LOWER,
    upperLatentDim: UPPER,
    activation: 'tanh',
  })
  const dense = (inputs: number, outputs: [Matrix, number[]][]) => {
    const input = tf.input({ shape: [inputs] })
    const layers = outputs.map(([kernel, bias]) =>
      tf.layers.dense({ units: bias.length, weights: [tf.tensor2d(kernel.to2DArray()), tf.tensor1d(bias)] }),
    )
    return tf.model({ inputs: input, outputs: layers.map(layer => layer.apply(input) as tf.SymbolicTensor) })
  }
  const set = (name: string, values: [Matrix, number[]][]) =>
    namedWeights(modelsOf(vae).get(name) as tf.LayersModel).forEach(([, weight], i) => {
      const [kernel, bias] = values[Math.floor(i / 2)] as [Matrix, number[]]
      weight.assign(i % 2 === 0 ? tf.tensor2d(kernel.to2DArray()) : tf.tensor1d(bias))
    })
  const constant = (rows: number, values: number[]): [Matrix, number[]] => [Matrix.zeros(rows, values.length), values]
  set('upper_encoder', [[up, [0.1]], constant(LOWER, [-0.4])])
  set('upper_decoder', [[down, lowerBias], constant(UPPER, [Math.log(lowerVariance), Math.log(lowerVariance)])])
  return {
    ...vae,
    likelihood: linearPixels,
    encoder: dense(PIXELS, [[toCode, [0, 0.1]], constant(PIXELS, [-0.4, -0.5])]),
    decoder: dense(LOWER, [[toImage, new Array(PIXELS).fill(MU)]]),
  }
}

/** log p(x) of each row of x: of N(mu + b W, Wᵀ (Aᵀ A + s I) W + psi I). */
function linearLogPx(x: tf.Tensor): number[] {
  const ofCode = down.transpose().mmul(down).add(Matrix.eye(LOWER).mul(lowerVariance))
  const covariance = toImage.transpose().mmul(ofCode).mmul(toImage).add(Matrix.eye(PIXELS).mul(PSI))
  const mean = Matrix.rowVector(lowerBias).mmul(toImage).add(MU)
  const precision = inverse(covariance)
  const constant = PIXELS * Math.log(2 * Math.PI) + Math.log(determinant(covariance))
  return (x.arraySync() as number[][]).map(row => {
    const away = Matrix.rowVector(row).sub(mean)
    return -0.5 * (constant + away.mmul(precision).mmul(away.transpose()).get(0, 0))
  })
}

describe('a linear-Gaussian model of two layers', () => {
  test('ELBO < IWAE_5 < IWAE_50 < log p(x), each by more than four standard errors, and importance sampling agrees', () => {
    const { x } = linearImages(6)
    expectBoundsAndImportanceSampling(linearVae(), x, linearLogPx(x), { copies: 800, largestError: 0.1 })
  })

  test('annealing, whose chains move the noise behind h1 and h2, agrees within four standard errors', async () => {
    const vae = linearVae()
    const { x, ...images } = linearImages(5)
    const annealed = annealer(decoderLikelihood(vae).logLikelihood, LOWER + UPPER, annealingOf(20, 24, 5), {
      mode: 'off',
    })
    const { logPx, standardError } = await annealed.run(images, { key })
    expect(Math.max(...standardError)).toBeLessThan(0.3)
    expectWithinErrors(logPx, linearLogPx(x), standardError)
    const { forward, reverse } = await annealSimulated(vae, 60, annealingOf(20, 4, 60), { key, mode: 'off' })
    const gap = estimateMean(reverse.logPx.map((value, i) => value - (forward.logPx[i] as number)))
    expect(gap.mean).toBeGreaterThan(-4 * gap.standardError)
    expect(gap.mean).toBeLessThan(1)
  })

  test('draws of the prior have its mean and variance, and the expectations of q are the exact ones', () => {
    const vae = linearVae()
    const z = samplePrior(vae, key, 40_000)
    const { mean, variance } = tf.moments(z, 0)
    const variances = [...down.to1DArray().map(a => a ** 2 + lowerVariance), 1]
    ;[...lowerBias, 0].forEach((expected, i) => {
      const v = variances[i] as number
      expect(Math.abs((mean.dataSync()[i] as number) - expected)).toBeLessThan(4.5 * Math.sqrt(v / 40_000))
      expect(Math.abs((variance.dataSync()[i] as number) - v)).toBeLessThan(4.5 * v * Math.sqrt(2 / 40_000))
    })
    const { x } = linearImages(4)
    const q = encode(vae, x)
    const found = q.expectations(key)
    // E[h2|x] = E[h1|x] U + 0.1, which is its mean at the mode too; 100 draws of h1, of variance at most e^-0.4
    const error = Math.sqrt((Math.exp(-0.4) * up.norm() ** 2) / 100)
    tf.sub(found.mean, q.mode)
      .abs()
      .dataSync()
      .forEach(difference => void expect(difference).toBeLessThan(4.5 * error))
    expect(found.kl.shape).toEqual([4])
  })
})
