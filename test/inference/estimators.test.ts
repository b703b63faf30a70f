// Estimators of a bound's gradient: all have the same mean, which on small models is known exactly, and compiled they are the same.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { baselines, createBaseline, logSumOfOthers } from '../../src/inference/estimators/baselines.js'
import { ascentOf, gradientAscent } from '../../src/inference/gradient-ascent.js'
import { resolveConfig } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { createVae, decode, encode, initialize, namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { type HostKey, keyAt, streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { byteBatches, expectSameAsEager } from '../support/steps.js'
import { copies, curvedVae, gradientIn, setWeights, weightsOf } from '../support/vae.js'

beforeAll(() => useBackend())
afterEach(() => tf.disposeVariables())

const key = streamKey(1, 'test')
const schedule = { beta: 1 }

/** Every entry of the gradient in the encoder and the decoder. */
function gradient(
  vae: Vae,
  config: Partial<VaeConfig>,
  x: tf.Tensor,
  on: HostKey,
  baseline = newBaseline(config),
): number[] {
  const onTape = ascentOf(vae, optionsOf(config), baseline)(x, on, schedule)
  return gradientIn(weightsOf(vae), () => onTape().ascended)
}

function optionsOf(changes: Partial<VaeConfig>) {
  const { objective, ...config } = resolveConfig(changes)
  if (objective === 'wake-sleep') throw new Error('wake-sleep has no bound to differentiate')
  return { ...config, objective, clipNorm: undefined }
}

const newBaseline = (config: Partial<VaeConfig>) => createBaseline(config.baseline ?? 'none', 4, key)

/** Means over independent batches, with their errors, of each entry. */
function meanGradient(vae: Vae, config: Partial<VaeConfig>, repeats = 25) {
  const baseline = newBaseline(config)
  const found = Array.from({ length: repeats }, (_, i) => gradient(vae, config, copies(1500), keyAt(key, i), baseline))
  return (found[0] ?? []).map((_, entry) => estimateMean(found.map(one => one[entry] as number)))
}

function expectSameMean(a: Partial<VaeConfig>, b: Partial<VaeConfig>, vae = curvedVae()): void {
  const [found, expected] = [meanGradient(vae, a), meanGradient(vae, b)]
  found.forEach(({ mean, standardError }, i) => {
    const other = expected[i] as { mean: number; standardError: number }
    expect(Math.abs(mean - other.mean), `entry ${i}`).toBeLessThanOrEqual(
      4.5 * Math.hypot(standardError, other.standardError) + 1e-6,
    )
  })
}

const sampled = { kl: 'monte-carlo', samples: 3 } as const
const weighted = { objective: 'iwae', samples: 3 } as const

test.each(baselines)(
  'the score function of the ELBO with baseline %s has the mean of the pathwise gradient',
  baseline => {
    expectSameMean({ estimator: 'score', baseline, samples: 2 }, {})
    expectSameMean({ estimator: 'score', baseline, ...sampled }, {})
  },
)

test.each(baselines)(
  'the score function of IWAE_3 with baseline %s has the mean of the pathwise gradient',
  baseline => {
    expectSameMean({ estimator: 'score', baseline, ...weighted }, weighted)
  },
)

test('sticking the landing and the doubly reparameterized gradient have the mean of the pathwise gradient', () => {
  expectSameMean({ estimator: 'stl', ...sampled }, {})
  expectSameMean({ estimator: 'dreg', ...weighted }, weighted)
})

test('with one draw the doubly reparameterized gradient equals that of sticking the landing', () => {
  const vae = curvedVae()
  const [dreg, stl] = [
    gradient(vae, { objective: 'iwae', estimator: 'dreg' }, copies(3), key),
    gradient(vae, { estimator: 'stl', kl: 'monte-carlo' }, copies(3), key),
  ]
  for (const [i, value] of dreg.entries()) expect(value).toBeCloseTo(stl[i] as number, 5)
})

test('where q is the posterior, sticking the landing is zero in the encoder for every draw, and the pathwise gradient is not', () => {
  const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' }) // all weights 0: q = p(z) = p(z|x)
  const count = namedWeights(vae.encoder).reduce((sum, [, { size }]) => sum + size, 0)
  const ofEncoder = (estimator: VaeConfig['estimator']) =>
    gradient(vae, { estimator, kl: 'monte-carlo' }, copies(1), key).slice(0, count)
  expect(ofEncoder('stl').every(value => value === 0)).toBe(true)
  expect(ofEncoder('pathwise').some(value => Math.abs(value) > 0.1)).toBe(true)
})

test.each([
  ['stl', { estimator: 'stl', ...sampled }],
  ['dreg', { estimator: 'dreg', ...weighted }],
] as const)('%s widens a q so narrow that every draw is rounded to its mean', (_, config) => {
  const vae = curvedVae()
  setWeights(vae.encoder, { 'mu/bias': tf.fill([2], 3.14), 'log_var/bias': tf.fill([2], -50) })
  // -E log q grows by 1/2 with each log sigma^2, and nothing else in the bound notices so small a sigma.
  const names = namedWeights(vae.encoder).flatMap(([name, { size }]) => Array<string>(size).fill(name))
  const values = gradient(vae, config, copies(3000), key)
  const found = values.filter((_, i) => names[i] === 'log_var/bias')
  expect(found).toHaveLength(2)
  for (const value of found) expect(value).toBeCloseTo(0.5, 1)
})

test('the sum of the other weights is accurate even where one weight dwarfs all others', () => {
  const logs = [
    [0, -200, 1e4],
    [1, 0, -1e4],
    [-2, 1, -1e4 + 1],
    [0.5, -200, 0],
  ]
  const found = logSumOfOthers(tf.tensor2d(logs)).arraySync() as number[][]
  for (const [i, row] of logs.entries()) {
    for (const image of row.keys()) {
      const others = logs.filter((_, j) => j !== i).map(values => values[image] as number)
      const max = Math.max(...others)
      const expected = max + Math.log(others.reduce((sum, value) => sum + Math.exp(value - max), 0))
      expect(Math.abs((found[i]?.[image] as number) - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)))
    }
  }
})

describe('binary latents', () => {
  /** The ELBO of one image by enumeration of its four z, differentiable. */
  function exactElbo(vae: Vae): tf.Scalar {
    const x = copies(1)
    const q = encode(vae, x)
    const z = tf.tensor3d([[[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]]])
    const logQ = q.logProb(z)
    const f = tf.sub(tf.add(decode(vae, z).logProb(x), vae.latents.prior.logProb(z)), logQ)
    return tf.sum(tf.mul(tf.exp(logQ), f)) as tf.Scalar
  }

  test.each(baselines)('the score function with baseline %s has the mean of the gradient by enumeration', baseline => {
    const vae = curvedVae({ latents: 'bernoulli' })
    const exact = gradientIn(weightsOf(vae), () => exactElbo(vae))
    for (const more of [{ samples: 2 }, sampled]) {
      const found = meanGradient(vae, { latents: 'bernoulli', estimator: 'score', baseline, ...more })
      for (const [i, { mean, standardError }] of found.entries())
        expect(Math.abs(mean - (exact[i] as number)), `entry ${i}`).toBeLessThanOrEqual(4.5 * standardError + 1e-6)
    }
  })

  test('the closed-form KL term is that of enumeration', () => {
    const vae = curvedVae({ latents: 'bernoulli' })
    const q = encode(vae, copies(1))
    const z = tf.tensor3d([[[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]]])
    const logQ = q.logProb(z)
    const byHand = tf.sum(tf.mul(tf.exp(logQ), tf.sub(logQ, vae.latents.prior.logProb(z))))
    expect(tf.sum(q.kl()).dataSync()[0]).toBeCloseTo(byHand.dataSync()[0] as number, 6)
  })
})

test('leave-one-out and the running mean each have less than half the variance of no baseline', () => {
  const vae = curvedVae()
  const spread = (baseline: VaeConfig['baseline']) =>
    meanGradient(vae, { estimator: 'score', baseline, samples: 2 }).reduce(
      (sum, { standardError }) => sum + standardError ** 2,
      0,
    )
  const none = spread('none')
  expect(spread('leave-one-out')).toBeLessThan(none / 2)
  expect(spread('running-mean')).toBeLessThan(none / 2)
})

test('KL below the free bits has no gradient, and KL above them has its full gradient', () => {
  const vae = curvedVae()
  const withBits = (freeBits: number) => gradient(vae, { freeBits }, copies(2), key)
  const charged = gradient(vae, {}, copies(2), key)
  for (const [i, value] of withBits(1e-9).entries()) expect(value).toBeCloseTo(charged[i] as number, 5)
  const onTape = ascentOf(vae, optionsOf({}), newBaseline({}))(copies(2), key, { beta: 0 })
  const reconstructionOnly = gradientIn(weightsOf(vae), () => onTape().ascended)
  for (const [i, value] of withBits(1e3).entries()) expect(value).toBeCloseTo(reconstructionOnly[i] as number, 6)
  expect(reconstructionOnly).not.toEqual(charged)
})

const twoLayers = { upperLatentDim: 2, upperHidden: [4] }

const steps: [string, Partial<VaeConfig>][] = [
  ['IWAE_5', { objective: 'iwae', samples: 5 }],
  ['IWAE_5, doubly reparameterized', { objective: 'iwae', estimator: 'dreg', samples: 5 }],
  ['IWAE_5 by score, leave one out', { objective: 'iwae', estimator: 'score', baseline: 'leave-one-out', samples: 5 }],
  ['ELBO, sticking the landing', { estimator: 'stl', kl: 'monte-carlo' }],
  ['ELBO by score, running mean', { estimator: 'score' }],
  ['ELBO by score, input baseline', { estimator: 'score', baseline: 'input', samples: 2 }],
  ['binary z by score', { latents: 'bernoulli', estimator: 'score', baseline: 'leave-one-out', samples: 2 }],
  ['free bits', { freeBits: 0.1 }],
  ['continuous Bernoulli', { likelihood: 'continuous-bernoulli', binarize: 'none' }],
  ['two layers of z, ELBO', { ...twoLayers, kl: 'monte-carlo' }],
  [
    'two layers of z, IWAE_5, doubly reparameterized',
    { ...twoLayers, objective: 'iwae', estimator: 'dreg', samples: 5 },
  ],
  ['Gaussian, learned variance', { likelihood: 'gaussian', pixelVariance: 'learned', binarize: 'none' }],
]

test.skipIf(skipped !== '').each(steps)(
  `%s: three compiled steps equal those of TF.js, one operation at a time${skipped}`,
  async (_, more) => {
    const options = optionsOf({ hidden: [6], latentDim: 3, activation: 'tanh', ...more })
    const vae = createVae({ ...options, rows: 3, columns: 4, channels: 1 })
    initialize(vae, streamKey(7, 'weights'))
    const { step } = gradientAscent(vae, options, key)
    const schedules = Array.from({ length: 3 }, () => ({ learningRate: 1e-2, beta: 1, used: 5, first: 0 }))
    await expectSameAsEager(step, byteBatches(3, [5, 12]), schedules, 'graph')
  },
)
