// Two layers of z in small networks: log densities, active units, and the gradient of every estimator.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { evaluateVae } from '../../src/evaluation/evaluate-vae.js'
import { createBaseline } from '../../src/inference/estimators/baselines.js'
import { ascentOf } from '../../src/inference/gradient-ascent.js'
import { wakeSleep } from '../../src/inference/wake-sleep.js'
import { createVae, encode, modelsOf, namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { elbo } from '../../src/objectives/elbo.js'
import { importanceWeighted } from '../../src/objectives/importance-weighted.js'
import { type HostKey, keyAt, normal, split, streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'
import { copies, finiteDifference, gradientIn, setWeights, smallVae, weightsOf } from '../support/vae.js'

beforeAll(() => useBackend())
afterEach(() => tf.disposeVariables())

const key = streamKey(1, 'test')

const twoLayerVae = () => smallVae({ upperLatentDim: 2, upperHidden: [3] })

test('log p(z) - log q(z|x) of a draw equals the difference of the two densities, and with zero weights both are N(0, I)', () => {
  const vae = twoLayerVae()
  const q = encode(vae, copies(2))
  const { z, logPriorRatio } = q.at(normal(key, [3, 2, 4]))
  const parts = tf.sub(vae.latents.prior.logProb(z), q.logProb(z)).dataSync()
  expect(logPriorRatio.shape).toEqual([3, 2])
  logPriorRatio.dataSync().forEach((value, i) => void expect(value).toBeCloseTo(parts[i] as number, 4))
  for (const weight of weightsOf(vae)) weight.assign(tf.zerosLike(weight))
  const { mean, kl } = encode(vae, copies(2)).expectations(key)
  for (const value of [...mean.dataSync(), ...kl.dataSync()]) expect(value).toBeCloseTo(0, 4)
})

test('units of the upper layer are active if their mean varies over images, and not if only the draws behind it vary', async () => {
  const upper = 10
  const shape = {
    rows: 2,
    columns: 2,
    hidden: [1],
    latentDim: upper,
    upperLatentDim: upper,
    activation: 'tanh',
  } as const
  const vae = createVae(shape)
  const upperEncoder = modelsOf(vae).get('upper_encoder') as tf.LayersModel
  setWeights(upperEncoder, { 'mu/kernel': tf.mul(tf.eye(upper), 1.05) }) // of 100 h1 ~ N(0, 1) the mean's variance is 0.011
  const half = imagesOf(
    shape,
    Uint8Array.from({ length: 800 }, (_, i) => (i < 400 ? 255 : 0)),
  )
  const active = async () => {
    const found = await evaluateVae(vae, half, 2, { batchSize: 100, key, mode: 'off' })
    return found?.layers.map(layer => layer.activeUnits)
  }
  expect(await active()).toEqual([0, 0]) // q(z|x) is the same for every image
  setWeights(vae.encoder, {
    'hidden_1/kernel': tf.fill([4, 1], 9),
    'mu/kernel': tf.tensor2d([[0.3, 0.3, ...new Array(upper - 2).fill(0)]]), // a variance of 0.0225 in two units
  })
  expect(await active()).toEqual([2, 2])
})

test('a KL term in closed form is refused', () => {
  expect(() => elbo(twoLayerVae(), copies(2), key, { samples: 1, kl: 'analytic' })).toThrow(
    'KL(q(z|x) || p(z)) has no closed form with two latent layers; use kl monte-carlo',
  )
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

test.each(['elbo', 'iwae'] as const)('the pathwise gradient of the %s agrees with finite differences', objective => {
  const vae = twoLayerVae()
  const found = gradient(vae, { ...pathwise, objective }, 2, key)
  const value = () =>
    tf.tidy(() => {
      const bounds = importanceWeighted(vae, copies(2), key, 3)
      return tf.mean(objective === 'elbo' ? bounds.elbo : bounds.iwae).dataSync()[0] as number
    })
  let at = 0
  for (const weight of weightsOf(vae)) {
    expect(Math.abs(finiteDifference(weight, 0, value) - (found[at] as number)), weight.name).toBeLessThan(2e-3)
    at += weight.size
  }
  expect(found).toHaveLength(at)
})

test.each<[string, Estimate, Estimate]>([
  ['sticking the landing', { ...pathwise, estimator: 'stl' }, pathwise],
  ['the score function', { ...pathwise, estimator: 'score' }, pathwise],
  [
    'the doubly reparameterized gradient',
    { ...pathwise, objective: 'iwae', estimator: 'dreg' },
    { ...pathwise, objective: 'iwae' },
  ],
  [
    'the score function of IWAE_3',
    { ...pathwise, objective: 'iwae', estimator: 'score' },
    { ...pathwise, objective: 'iwae' },
  ],
])('%s has the mean of the pathwise gradient', (_, one, other) => {
  const vae = twoLayerVae()
  const means = (options: Estimate) => {
    const drawn = Array.from({ length: 20 }, (_, i) => gradient(vae, options, 300, keyAt(key, i)))
    return (drawn[0] ?? []).map((_, entry) => estimateMean(drawn.map(values => values[entry] as number)))
  }
  const expected = means(other)
  means(one).forEach(({ mean, standardError }, i) => {
    const { mean: reference, standardError: error } = expected[i] as (typeof expected)[number]
    // 20 draws: Student's t of 38 degrees of freedom
    expect(Math.abs(mean - reference), `entry ${i}`).toBeLessThan(5 * Math.hypot(standardError, error) + 1e-6)
  })
})

test('the slope of log q at a draw is the derivative of log q(z|x) in z', () => {
  const vae = twoLayerVae()
  const q = encode(vae, copies(3))
  const noise = normal(key, [2, 3, vae.latentDim])
  const expected = tf
    .grad(z => q.logProb(z))(q.at(noise).z)
    .dataSync()
  const found = q.slope(noise).dataSync()
  expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.5)
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i] as number, 4)
})

test('where q is the posterior, sticking the landing gives both networks of q a zero gradient for every draw', () => {
  const vae = twoLayerVae()
  for (const weight of weightsOf(vae)) weight.assign(tf.zerosLike(weight)) // q = p(z) = p(z|x)
  const ofQ = (estimator: 'stl' | 'pathwise') => {
    const all = gradient(vae, { ...pathwise, estimator, samples: 1 }, 1, key)
    let at = 0
    return Object.fromEntries(
      [...modelsOf(vae)].map(([name, model]) => {
        const size = model.countParams()
        at += size
        return [name, Math.max(...all.slice(at - size, at).map(Math.abs))]
      }),
    )
  }
  expect(ofQ('stl')).toMatchObject({ encoder: 0, upper_encoder: 0 })
  expect(ofQ('pathwise').upper_encoder).toBeGreaterThan(0.1)
})

test("wake-sleep's gradient in p(h1|h2) and p(x|h1) is that of the ELBO with the same noise", () => {
  const vae = twoLayerVae()
  const options = { samples: 2, kl: 'monte-carlo', binarize: 'static' } as const
  const sgd = { optimizer: 'sgd', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const
  const theta = ['decoder', 'upper_decoder'].flatMap(name => namedWeights(modelsOf(vae).get(name) as tf.LayersModel))
  const weights = theta.map(([, weight]) => weight)
  const [, noise] = split(key, 2) as [HostKey, HostKey]
  const [wakeKey] = split(noise, 2) as [HostKey, HostKey]
  const bound = () => tf.mean(elbo(vae, copies(2), wakeKey, options).elbo) as tf.Scalar
  const { grads } = tf.variableGrads(bound, weights)
  const starts = weights.map(weight => weight.dataSync().slice())
  const schedule = { learningRate: 1, beta: 1, used: 2, first: 0 }
  tf.tidy(() => void wakeSleep(vae, { ...options, ...sgd }).step(tf.mul(copies(2), 255), key, schedule))
  weights.forEach((weight, w) => {
    const gradient = grads[weight.name]?.dataSync() as Float32Array
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3)
    weight.dataSync().forEach((value, i) => {
      expect(value - (starts[w]?.[i] as number)).toBeCloseTo(gradient[i] as number, 5)
    })
  })
})
