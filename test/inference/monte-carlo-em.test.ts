// Monte Carlo EM of a neural decoder, against the exact log p(x) of a one-dimensional z.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import { toUnit } from '../../src/data/levels.js'
import { evaluateAnnealed } from '../../src/evaluation/annealed.js'
import { type MonteCarloEmOptions, monteCarloEm } from '../../src/inference/decoder/monte-carlo-em.js'
import { mostProbable } from '../../src/inference/decoder/most-probable.js'
import { decoderLikelihood } from '../../src/models/decoder-likelihood.js'
import {
  createDecoder,
  createVae,
  type Decoder,
  decode,
  initialize,
  initializeDecoder,
  namedWeights,
  type Vae,
} from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { type HostKey, keyAt, streamKey } from '../../src/random.js'
import { type AnnealingEffort, annealer } from '../../src/sampling/anneal-images.js'
import { temperatures } from '../../src/sampling/annealing.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'
import { gradientIn, logPxByQuadrature, smallVae } from '../support/vae.js'
import { passes } from './passes.js'

let backend: Backend
beforeAll(async () => {
  backend = await useBackend()
})

const key = streamKey(1, 'monte carlo EM')
const PATTERNS = [
  [0, 1, 1, 0, 0],
  [1, 1, 0, 0, 1],
  [0, 0, 0, 1, 1],
  [0, 1, 1, 1, 0],
]
const rows = { x: Float32Array.from(PATTERNS.flat(), value => 255 * value), pixels: 5 }
const images = imagesOf({ rows: 1, columns: 5 }, Uint8Array.from(rows.x))

/** A VAE of the patterns with one latent dimension. */
const patternVae = (scale: number) => smallVae({ rows: 1, columns: 5, hidden: [4], latentDim: 1, scale, seed: 3 })

/** Mean log p(x) of the patterns: a scalar. */
const exactLogPx = (vae: Vae) => tf.mean(logPxByQuadrature(vae, tf.tensor2d(PATTERNS)))

const decoderWeights = (vae: Vae) => namedWeights(vae.decoder).map(([, weight]) => weight)

const options: MonteCarloEmOptions = {
  optimizer: 'sgd',
  epsilon: 1e-8,
  beta1: 0.9,
  beta2: 0.999,
  sampler: 'hmc',
  images: PATTERNS.length,
  batchSize: PATTERNS.length,
  chains: 200,
  transitions: 12,
  judged: 4,
  stepSize: 0.5,
  targetAcceptance: 0.9,
  adaptPasses: 5,
  leapfrogSteps: 4,
  jitter: 0.2,
  updates: 1,
}

const annealing = {
  temperatures: temperatures(30),
  chains: 200,
  chainsAtOnce: 800,
  stepSize: 0.4,
  leapfrogSteps: 4,
  jitter: 0.2,
  targetAcceptance: 0.9,
}

/** Anneals the decoder of `vae`, as runs of `elbo em vae` are measured. */
const newAnnealer = (vae: Vae, effort: Partial<AnnealingEffort> = {}) =>
  annealer(decoderLikelihood(vae).logLikelihood, vae.latentDim, { ...annealing, ...effort }, { mode: 'off' })

/** How the decoder's weights change in one pass with a small step of plain gradient ascent, per unit of learning rate. */
async function ascent(sampler: 'hmc' | 'metropolis', run: HostKey): Promise<number[]> {
  const vae = patternVae(3)
  const weights = decoderWeights(vae)
  const before = weights.flatMap(weight => [...weight.dataSync()])
  const transitions = sampler === 'hmc' ? 12 : 60
  const algorithm = monteCarloEm(
    vae,
    { ...options, sampler, transitions, stepSize: sampler === 'hmc' ? 0.4 : 1.5 },
    run,
  )
  await passes(algorithm, rows, { learningRate: 0.01, from: run }).run()
  const after = weights.flatMap(weight => [...weight.dataSync()])
  algorithm.dispose()
  vae.dispose()
  return after.map((value, i) => (value - (before[i] as number)) / 0.01)
}

test.each(['hmc', 'metropolis'] as const)(
  '%s: the mean step agrees with the gradient of log p(x) within the error of ten runs',
  async sampler => {
    const vae = patternVae(3)
    const exact = gradientIn(decoderWeights(vae), () => exactLogPx(vae))
    const runs: number[][] = []
    for (let i = 0; i < 10; i++) runs.push(await ascent(sampler, keyAt(key, i)))
    exact.forEach((gradient, i) => {
      const values = runs.map(run => run[i] as number)
      const mean = values.reduce((sum, value) => sum + value, 0) / 10
      const error = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 90)
      expect(Math.abs(mean - gradient)).toBeLessThan(6 * error + 1e-4) // an error of ten runs: t with 9 degrees of freedom
    })
    const noise =
      Math.hypot(...runs.map(run => Math.hypot(...run.map((value, i) => value - (exact[i] as number))))) / 10 // of the mean of ten
    expect(Math.hypot(...exact) / noise).toBeGreaterThan(10)
  },
)

test('training raises log p(x), ends with an annealed bound just below it, and every number is finite', async () => {
  const vae = patternVae(1)
  const start = exactLogPx(vae).dataSync()[0] as number
  const algorithm = monteCarloEm(
    vae,
    { ...options, optimizer: 'adam', updates: 2, batchSize: 3, chains: 8, transitions: 5 },
    key,
  )
  const loop = passes(algorithm, rows, { batchSize: 3, learningRate: 0.03, mode: fixedMode(backend) })
  let last = await loop.run()
  for (let i = 1; i < 60; i++) last = await loop.run()
  loop.dispose()
  const end = exactLogPx(vae).dataSync()[0] as number
  expect(end).toBeGreaterThan(start + 1)
  for (const value of Object.values({ ...last.end, ...last.means })) expect(Number.isFinite(value)).toBe(true)
  expect(Object.keys(last.end)).toEqual(['acceptance', 'stepSize', 'ess', 'essLowest', 'rHat', 'rHatHighest', 'stuck'])
  const { elbo } = await newAnnealer(vae).run(images, { key })
  const bound = estimateMean(elbo).mean
  expect(bound).toBeLessThan(end)
  expect(bound).toBeGreaterThan(end - 0.5)
})

test('log p(x) of a decoder by annealing is exact within four of the standard errors that it states', async () => {
  const vae = patternVae(3)
  const exact = exactLogPx(vae).dataSync()[0] as number
  const measure = (chains: number) =>
    evaluateAnnealed(
      newAnnealer(vae, { chains, temperatures: temperatures(20) }),
      images,
      { chains, temperatures: 20 },
      { key },
    )
  const found = await measure(400)
  if (!found) throw new Error('nobody stopped it')
  expect(found).toMatchObject({ images: 4, chains: 400, temperatures: 20 })
  expect(found.logPxMonteCarloError).toBeGreaterThan(0)
  expect(found.logPxMonteCarloError).toBeLessThan(0.02)
  expect(Math.abs(found.logPx.mean - exact)).toBeLessThan(4 * found.logPxMonteCarloError)
  expect(found.elbo.mean).toBeLessThan(found.logPx.mean)
  expect((await measure(2))?.logPxMonteCarloError).toBeGreaterThan(2 * found.logPxMonteCarloError)
})

test('an interrupted annealing gives no estimate', async () => {
  const signal = AbortSignal.abort()
  const work = { chains: 2, temperatures: 3 }
  expect(await evaluateAnnealed(newAnnealer(patternVae(1)), images, work, { key, signal })).toBeUndefined()
})

test('batches of another size than the chains were made for are refused', async () => {
  const loop = passes(monteCarloEm(patternVae(1), options, key), rows, { batchSize: 2 })
  await expect(loop.run()).rejects.toThrow('the batch has 2 images, but the chains expect batches of 4')
})

test('the encoder is neither changed nor saved', () => {
  const algorithm = monteCarloEm(patternVae(1), options, key)
  expect([...algorithm.models.keys()]).toEqual(['decoder'])
  expect([...algorithm.variables.keys()].filter(name => name.includes('encoder'))).toEqual([])
})

test('the decoder alone starts from the weights that a VAE of the same shape starts from', () => {
  const shape = { rows: 2, columns: 3, hidden: [4, 3], latentDim: 2, activation: 'tanh' } as const
  const [vae, alone] = [createVae(shape), createDecoder(shape)]
  const mean = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
  initialize(vae, key, mean)
  initializeDecoder(alone, key, mean)
  const values = (model: Decoder) => namedWeights(model.decoder).map(([name, weight]) => [name, [...weight.dataSync()]])
  expect(values(alone)).toEqual(values(vae))
})

test('the most probable z of an image is more probable than the z around it', async () => {
  const vae = patternVae(1)
  const x = tf.tidy(() => toUnit(tf.tensor2d([...rows.x], [PATTERNS.length, 5])))
  const before = tf.memory().numTensors
  const z = await mostProbable(vae, x)
  expect(tf.memory().numTensors).toBe(before + 1)
  const logJoint = (at: tf.Tensor) =>
    tf.tidy(() => [...tf.add(vae.latents.prior.logProb(at), decode(vae, at).logProb(x)).dataSync()])
  const best = logJoint(z)
  for (const away of [-0.05, 0.05])
    for (let axis = 0; axis < vae.latentDim; axis++) {
      const moved = tf.tidy(() =>
        tf.add(
          z,
          Array.from({ length: vae.latentDim }, (_, d) => (d === axis ? away : 0)),
        ),
      )
      for (const [i, value] of logJoint(moved).entries()) expect(value).toBeLessThan((best[i] as number) + 1e-4)
    }
})
