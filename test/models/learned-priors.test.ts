// Learned priors in small networks: densities and bounds against float64, draws, gradients of every estimator, and log p(x) by every method.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { importanceSample } from '../../src/evaluation/importance.js'
import { priorAxes } from '../../src/evaluation/prior-axes.js'
import { quadrature } from '../../src/evaluation/quadrature.js'
import { annealSimulated } from '../../src/evaluation/simulated.js'
import { createBaseline } from '../../src/inference/estimators/baselines.js'
import { ascentOf } from '../../src/inference/gradient-ascent.js'
import { wakeSleep } from '../../src/inference/wake-sleep.js'
import { decoderLikelihood } from '../../src/models/decoder-likelihood.js'
import { createVae, encode, modelsOf, namedWeights, samplePrior, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { drawNoise, elbo } from '../../src/objectives/elbo.js'
import { importanceWeighted } from '../../src/objectives/importance-weighted.js'
import { type HostKey, keyAt, normal, split, streamKey } from '../../src/random.js'
import { annealer } from '../../src/sampling/anneal-images.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { expectClose, expectWithinErrors } from '../support/expectations.js'
import { logNormal, logSumExp, plainVae } from '../support/float64.js'
import { imagesOf } from '../support/images.js'
import { annealingOf } from '../support/linear-gaussian-vae.js'
import { copies, finiteDifference, gradientIn, setWeights, smallVae, threeImages, weightsOf } from '../support/vae.js'

let mode: 'graph' | 'off'
beforeAll(async () => {
  mode = fixedMode(await useBackend())
})
afterEach(() => tf.disposeVariables())

const key = streamKey(1, 'test')
const priors = ['mixture', 'vamp'] as const

/** A VAE whose prior has three unequal components, away from 0 and narrow. */
function learnedVae(prior: (typeof priors)[number], changes: Parameters<typeof smallVae>[0] = {}): Vae {
  const vae = smallVae({ prior, priorComponents: 3, scale: 2, ...changes })
  if (prior === 'vamp') {
    setWeights(vae.encoder, { 'mu/kernel': normal(keyAt(key, 7), [3, 2]), 'mu/bias': tf.tensor1d([1.5, -1]) })
    return vae
  }
  setWeights(vae.encoder, { 'mu/bias': tf.tensor1d([1.3, 0]), 'log_var/bias': tf.tensor1d([0.8, 0.8]) })
  setWeights(modelsOf(vae).get('prior') as tf.LayersModel, {
    'mu/kernel': tf.tensor2d([1, 0.5, 1.5, -0.5, 2, 0.2], [3, 2]),
    'log_var/kernel': tf.tensor2d([-1, 0.5, 0, -2, -0.5, -1], [3, 2]),
    'logit/kernel': tf.tensor2d([0.5, -1, 0], [3, 1]),
  })
  return vae
}

const rowsOf = (matrix: tf.Tensor): number[][] => matrix.arraySync() as number[][]

describe.each(priors)('%s', prior => {
  test('log p(z) is that of float64', () => {
    const vae = learnedVae(prior)
    const { logPrior } = plainVae(vae)
    const z = tf.mul(normal(key, [50, 2]), 3)
    const found = vae.latents.prior.logProb(tf.reshape(z, [5, 10, 2]))
    expect(found.shape).toEqual([5, 10])
    expectClose(found.dataSync(), rowsOf(z).map(logPrior), 1e-4)
  })

  test('ELBO, IWAE and log p(x) by importance sampling are those of float64, draw by draw', () => {
    const vae = learnedVae(prior)
    const [x, samples] = [threeImages(), 6]
    const plain = plainVae(vae)
    const weights = (on: HostKey) => {
      const noise = drawNoise(vae, x, on, samples).arraySync() as number[][][]
      return rowsOf(x).map((image, i) => {
        const { mu, logVar } = plain.encode(image)
        return noise.map(draw => {
          const z = mu.map((mean, j) => mean + Math.exp((logVar[j] as number) / 2) * (draw[i]?.[j] as number))
          return plain.logLikelihood(image, z) + plain.logPrior(z) - logNormal(z, mu, logVar)
        })
      })
    }
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const logMean = (values: number[]) => logSumExp(values) - Math.log(values.length)
    const bound = elbo(vae, x, key, { samples, kl: 'monte-carlo' })
    expectClose(bound.elbo.dataSync(), weights(key).map(mean), 1e-4)
    expectClose(importanceWeighted(vae, x, key, samples).iwae.dataSync(), weights(key).map(logMean), 1e-4)
    expectClose(importanceSample(vae, x, key, samples).logPx, weights(keyAt(key, 0)).map(logMean), 1e-4)
  })

  test('draws have the mean and the variance of p(z), and their log density its entropy', async () => {
    const vae = learnedVae(prior)
    const z = rowsOf(samplePrior(vae, key, 20_000))
    const { mean, deviation } = await priorAxes(vae)
    for (const j of [0, 1]) {
      const [m, s] = [mean[j] as number, deviation[j] as number]
      const drawn = estimateMean(z.map(row => row[j] as number))
      const squares = estimateMean(z.map(row => ((row[j] as number) - m) ** 2))
      expectWithinErrors([drawn.mean, squares.mean], [m, s ** 2], [drawn.standardError, squares.standardError])
    }
    // -E[log p(z)] over the plane, by the trapezoid rule in float64
    const { logPrior } = plainVae(vae)
    const step = 0.05
    const axis = Array.from({ length: 401 }, (_, i) => step * (i - 200))
    let entropy = 0
    for (const a of axis) for (const b of axis) entropy -= step ** 2 * Math.exp(logPrior([a, b])) * logPrior([a, b])
    const sampled = estimateMean(z.slice(0, 5000).map(row => -logPrior(row)))
    expectWithinErrors([sampled.mean], [entropy], [sampled.standardError])
  })

  test('quadrature, importance sampling and annealing agree on log p(x); ELBO + gap is log p(x)', async () => {
    const vae = learnedVae(prior)
    const x = threeImages()
    const images = imagesOf(
      { rows: 2, columns: 2 },
      Uint8Array.from(x.dataSync(), value => 255 * value),
    )
    const grid = await quadrature(vae, images, { side: 241, extent: 9, mode })
    const sampled = importanceSample(vae, x, key, 20_000)
    expect(Math.max(...sampled.standardError)).toBeLessThan(0.05)
    expectWithinErrors(sampled.logPx, grid.logPx, sampled.standardError)
    const { logLikelihood, start } = decoderLikelihood(vae)
    const annealed = annealer(logLikelihood, 2, annealingOf(20, 60, 180), { mode }, start)
    const { logPx, standardError } = await annealed.run(images, { key })
    annealed.dispose()
    expect(Math.max(...standardError)).toBeLessThan(0.3)
    expectWithinErrors(logPx, grid.logPx, standardError)
    expectClose(grid.half.logPx, grid.logPx, 1e-3)
    expect(grid.border).toBeLessThan(1e-6)
    grid.elbo.forEach(
      (value, i) => void expect(value + (grid.gap[i] as number)).toBeCloseTo(grid.logPx[i] as number, 9),
    )
    const { kl } = encode(vae, x).expectations(key)
    expectClose(grid.kl, kl.dataSync(), 1)
  })

  test('forward and reverse annealing of simulated images enclose log p(x)', async () => {
    const vae = learnedVae(prior)
    const { forward, reverse } = await annealSimulated(vae, 90, annealingOf(20, 4, 120), { key, mode })
    const gap = estimateMean(reverse.logPx.map((value, i) => value - (forward.logPx[i] as number)))
    expect(gap.mean).toBeGreaterThan(-4 * gap.standardError)
    expect(gap.mean).toBeLessThan(0.3)
  })

  test.each(['elbo', 'iwae'] as const)('the pathwise gradient of the %s agrees with finite differences', objective => {
    const vae = learnedVae(prior)
    const found = gradient(vae, { ...pathwise, objective }, 2, key)
    const value = () =>
      tf.tidy(() => {
        const bounds = importanceWeighted(vae, copies(2), key, 3)
        return tf.mean(objective === 'elbo' ? bounds.elbo : bounds.iwae).dataSync()[0] as number
      })
    let at = 0
    for (const weight of weightsOf(vae)) {
      expect(Math.abs(finiteDifference(weight, 0, value) - (found[at] as number)), weight.name).toBeLessThan(5e-3)
      at += weight.size
    }
    expect(found).toHaveLength(at)
  })

  test.each<[string, Partial<Estimate>, Partial<Estimate>]>([
    ['sticking the landing', { estimator: 'stl' }, {}],
    ['the score function', { estimator: 'score' }, {}],
    ['the doubly reparameterized gradient', { objective: 'iwae', estimator: 'dreg' }, { objective: 'iwae' }],
    ['the score function of IWAE_3', { objective: 'iwae', estimator: 'score' }, { objective: 'iwae' }],
  ])('%s has the mean of the pathwise gradient', (_, one, other) => {
    const vae = learnedVae(prior)
    const means = (options: Partial<Estimate>) => {
      const drawn = Array.from({ length: 20 }, (_, i) => gradient(vae, { ...pathwise, ...options }, 100, keyAt(key, i)))
      return (drawn[0] ?? []).map((_, entry) => estimateMean(drawn.map(values => values[entry] as number)))
    }
    const expected = means(other)
    means(one).forEach(({ mean, standardError }, i) => {
      const { mean: reference, standardError: error } = expected[i] as (typeof expected)[number]
      // 20 draws: Student's t of 38 degrees of freedom
      expect(Math.abs(mean - reference), `entry ${i}`).toBeLessThan(5 * Math.hypot(standardError, error) + 1e-6)
    })
  })

  test('a KL term in closed form is refused, and so are other latents', () => {
    const vae = learnedVae(prior)
    expect(() => elbo(vae, copies(2), key, { samples: 1, kl: 'analytic' })).toThrow(
      'KL(q(z|x) || p(z)) has no closed form with a learned prior; use kl monte-carlo',
    )
    const shape = { rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh', prior } as const
    const message = `createVae: prior ${prior} needs one layer of Gaussian z`
    expect(() => createVae({ ...shape, latents: 'bernoulli' })).toThrow(message)
    expect(() => createVae({ ...shape, upperLatentDim: 2 })).toThrow(message)
  })

  test('its network says what it is of a one-hot component, and encoder and decoder start as those of N(0, I)', () => {
    const [vae, usual] = [smallVae({ prior, priorComponents: 3 }), smallVae()]
    for (const side of ['encoder', 'decoder'] as const) {
      const values = (one: Vae) => namedWeights(one[side]).map(([, weight]) => [...weight.dataSync()])
      expect(values(vae)).toEqual(values(usual))
    }
    const network = modelsOf(vae).get('prior') as tf.LayersModel
    const outputs = [network.predict(tf.eye(3))].flat() as tf.Tensor[]
    const tables = namedWeights(network).map(([, table]) => (prior === 'vamp' ? tf.clipByValue(table, 0, 1) : table))
    expect(outputs.map(output => output.arraySync())).toEqual(tables.map(table => table.arraySync()))
  })
})

test('a VampPrior starts at the given images, over again if they are too few, with a little noise', () => {
  const vae = createVae({
    rows: 2,
    columns: 2,
    hidden: [3],
    latentDim: 2,
    activation: 'tanh',
    prior: 'vamp',
    priorComponents: 5,
  })
  const images = tf.tensor2d([0, 1, 0.5, 0, 1, 0, 0, 0.25], [2, 4])
  const { initialize } = vae.latents.prior
  tf.tidy(() => initialize?.(key, images))
  const network = modelsOf(vae).get('prior') as tf.LayersModel
  const [[, table]] = namedWeights(network) as [[string, tf.Variable]]
  const noise = tf.sub(table, tf.gather(images, [0, 1, 0, 1, 0])).dataSync<'float32'>()
  expect(Math.max(...noise.map(Math.abs))).toBeLessThan(0.05)
  expect(new Set(noise).size).toBe(20)
})

test("wake-sleep's gradient in a mixture prior is that of the ELBO with the same noise", () => {
  const vae = learnedVae('mixture')
  const options = { samples: 2, kl: 'monte-carlo', binarize: 'static' } as const
  const sgd = { optimizer: 'sgd', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const
  const weights = namedWeights(modelsOf(vae).get('prior') as tf.LayersModel).map(([, weight]) => weight)
  const [, noise] = split(key, 2) as [HostKey, HostKey]
  const [wakeKey] = split(noise, 2) as [HostKey, HostKey]
  const { grads } = tf.variableGrads(() => tf.mean(elbo(vae, copies(2), wakeKey, options).elbo) as tf.Scalar, weights)
  const starts = weights.map(weight => weight.dataSync().slice())
  const schedule = { learningRate: 1, beta: 1, used: 2, first: 0 }
  tf.tidy(() => void wakeSleep(vae, { ...options, ...sgd }).step(tf.mul(copies(2), 255), key, schedule))
  weights.forEach((weight, w) => {
    const gradient = grads[weight.name]?.dataSync() as Float32Array
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3)
    const moved = weight.dataSync<'float32'>().map((value, i) => value - (starts[w]?.[i] as number))
    expectClose(moved, gradient, 1e-5)
  })
})

const pathwise = { objective: 'elbo', estimator: 'pathwise', samples: 3, kl: 'monte-carlo', freeBits: 0 } as const
type Estimate = Parameters<typeof ascentOf>[1]

/** Of every weight, on `count` copies of one image. */
function gradient(vae: Vae, options: Estimate, count: number, on: HostKey): number[] {
  return tf.tidy(() => {
    const onTape = ascentOf(vae, options, createBaseline('none', 4, key))(copies(count), on, { beta: 1 })
    return gradientIn(weightsOf(vae), () => onTape().ascended)
  })
}
