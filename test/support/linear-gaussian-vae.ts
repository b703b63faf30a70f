/** A VAE of which everything is known: x = W z + mu + epsilon, epsilon ~ N(0, psi I), as factor analysis, with a linear encoder that is a little wrong. */
import * as tf from '@tensorflow/tfjs'
import { Matrix } from 'ml-matrix'
import { expect } from 'vitest'
import { unitValues } from '../../src/data/levels.js'
import * as gaussian from '../../src/distributions/normal.js'
import { importanceSample } from '../../src/evaluation/importance.js'
import { logProb } from '../../src/models/factor-analysis/densities.js'
import { createFactorAnalysis, posteriorOf, setParameters } from '../../src/models/factor-analysis/model.js'
import { latentFamilies } from '../../src/models/latents.js'
import type { Likelihood } from '../../src/models/likelihood.js'
import type { Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { importanceWeighted } from '../../src/objectives/importance-weighted.js'
import { keyAt, normal, streamKey } from '../../src/random.js'
import type { AnnealingOptions } from '../../src/sampling/anneal-images.js'
import { temperatures } from '../../src/sampling/annealing.js'
import { expectWithinErrors } from './expectations.js'
import { imagesOf } from './images.js'

export const PIXELS = 6
const IMAGE = { rows: 1, columns: PIXELS, channels: 1 }
const LATENT = 2
export const PSI = 0.05
export const MU = 0.5
/** How far the encoder's mean is off p(z|x)'s, as a factor, and its variances. */
const SHRINKAGE = 0.85
const NARROWNESS = 0.6

const W = Matrix.from1DArray(
  PIXELS,
  LATENT,
  Array.from({ length: PIXELS * LATENT }, (_, i) => 0.3 * Math.sin(3 * i + 1)),
)

const parameters = { mu: new Float64Array(PIXELS).fill(MU), W, psi: new Float64Array(PIXELS).fill(PSI) }

/** Gaussian pixels around a mean that is linear in z. */
export const linearPixels: Likelihood = {
  heads: [{ name: 'mean', per: 'value' }],
  meaning: 'the mean image',
  values: 'density',
  linear: false,
  sigmoidMean: false,
  of([mean]) {
    const of = mean as tf.Tensor
    const logVar = tf.scalar(Math.log(PSI))
    const each = (x: tf.Tensor) => gaussian.logProb(x, tf.reshape(of, [-1, 1, PIXELS]), logVar)
    return {
      mean: of,
      logProb: x => gaussian.logProb(x, of, logVar),
      logProbOfEach: each,
      sample: key => tf.add(of, tf.mul(normal(key, of.shape), Math.sqrt(PSI))),
    }
  },
}

/** The model, its exact log p(x), and the numbers of its q(z|x) and p(z|x). */
export function linearGaussianVae() {
  const { covariance } = posteriorOf(parameters)
  // m = G Wᵀ (x - mu) / psi
  const projection = W.mmul(covariance).div(PSI) // [pixels, latent]
  const variances = covariance.diagonal().map(value => NARROWNESS * value)
  const encoderKernel = Matrix.mul(projection, SHRINKAGE)
  const offset = encoderKernel.transpose().mmul(Matrix.columnVector(parameters.mu)).mul(-1).to1DArray()
  const dense = (units: number, kernel: number[][], bias: number[]) =>
    tf.layers.dense({ units, weights: [tf.tensor2d(kernel), tf.tensor1d(bias)] })
  const input = tf.input({ shape: [PIXELS] })
  const code = tf.input({ shape: [LATENT] })
  const zeros = Matrix.zeros(PIXELS, LATENT).to2DArray()
  const heads = [dense(LATENT, encoderKernel.to2DArray(), offset), dense(LATENT, zeros, variances.map(Math.log))]
  const mean = dense(PIXELS, W.transpose().to2DArray(), [...parameters.mu])
  const vae: Vae = {
    layers: [LATENT],
    latentDim: LATENT,
    image: IMAGE,
    pixels: PIXELS,
    latents: latentFamilies.gaussian,
    likelihood: linearPixels,
    encoder: tf.model({ inputs: input, outputs: heads.map(head => head.apply(input) as tf.SymbolicTensor) }),
    decoder: tf.model({ inputs: code, outputs: mean.apply(code) as tf.SymbolicTensor }),
    dispose() {},
  }
  const model = createFactorAnalysis({ features: PIXELS, latentDim: LATENT })
  setParameters(model, parameters)
  return {
    vae,
    exact: (x: tf.Tensor) => logProb(model, x).dataSync<'float32'>(),
    gap: (x: Float32Array) => gapOf(x, covariance, projection, variances),
    /** E[log p(x)] over the model's own images: -1/2 (D log 2 pi e + log det C). */
    expectedLogPx: -0.5 * (PIXELS * Math.log(2 * Math.PI * Math.E) + logDeterminant()),
  }
}

/** KL(q(z|x) || p(z|x)) in closed form: 1/2 (tr(G^-1 S) + d G^-1 d - L + log det G - log det S). */
function gapOf(x: Float32Array, covariance: Matrix, projection: Matrix, variances: number[]): number {
  const away = Matrix.rowVector([...x].map(value => value - MU))
  const d = away.mmul(projection).mul(1 - SHRINKAGE) // [1, latent]
  const [[a = 0, b = 0] = [], [, c = 0] = []] = covariance.to2DArray()
  const det = a * c - b * b
  const inverse = new Matrix([
    [c / det, -b / det],
    [-b / det, a / det],
  ])
  const trace = variances.reduce((sum, value, i) => sum + value * inverse.get(i, i), 0)
  const squared = d.mmul(inverse).mmul(d.transpose()).get(0, 0)
  const logDetS = variances.reduce((sum, value) => sum + Math.log(value), 0)
  return 0.5 * (trace + squared - LATENT + Math.log(det) - logDetS)
}

/** log det(W Wᵀ + psi I) = D log psi - log det G. */
const logDeterminant = (): number => PIXELS * Math.log(PSI) - posteriorOf(parameters).logDetCovariance

/** Images of the model's kind: bytes, and the same in [0, 1]. */
export function linearImages(count: number) {
  const pixels = Uint8Array.from({ length: PIXELS * count }, (_, i) => 127 + 100 * Math.sin(i * i + 1))
  return { ...imagesOf(IMAGE, pixels), x: tf.tensor2d(unitValues(pixels), [count, PIXELS]) }
}

/** How a linear-Gaussian model of `images` images is annealed, all of them in one step. */
export const annealingOf = (steps: number, chains: number, images: number): AnnealingOptions => ({
  temperatures: temperatures(steps),
  chains,
  chainsAtOnce: chains * images,
  leapfrogSteps: 3,
  jitter: 0.2,
  stepSize: 0.1,
  targetAcceptance: 0.8,
})

/**
 * ELBO < IWAE_5 < IWAE_50 < log p(x), each by more than four standard errors, and importance sampling is within four of log p(x).
 * @param exact log p(x) of each image x [batch, PIXELS]
 * @param copies of each image, so that the bounds have errors
 */
export function expectBoundsAndImportanceSampling(
  vae: Vae,
  x: tf.Tensor2D,
  exact: ArrayLike<number>,
  { copies, largestError }: { copies: number; largestError: number },
): void {
  const key = streamKey(1, 'test')
  const tiled = tf.tile(x, [copies, 1])
  const bound = (samples: number) => {
    const values = importanceWeighted(vae, tiled, keyAt(key, samples), samples).iwae
    return estimateMean(tf.mean(tf.reshape(values, [copies, exact.length]), 1).dataSync<'float32'>())
  }
  const bounds = [bound(1), bound(5), bound(50), { mean: estimateMean(exact).mean, standardError: 0 }]
  bounds.slice(1).forEach((above, i) => {
    const below = bounds[i] as typeof above
    expect(above.mean - below.mean).toBeGreaterThan(4 * Math.hypot(above.standardError, below.standardError))
  })
  const { logPx, standardError } = importanceSample(vae, x, key, 20_000)
  expect(Math.max(...standardError)).toBeLessThan(largestError)
  expectWithinErrors(logPx, exact, standardError)
}
