// The noise of gradients: statistics of draws whose moments are known, and the same from a model's gradients one by one.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type EstimateOptions,
  type GradientEstimate,
  type MeasuredEstimate,
  measureEstimates,
  refuseEstimate,
} from '../../src/evaluation/gradient-estimates.js'
import { type GradientMoments, gradientMoments, type Part, parts } from '../../src/evaluation/gradient-moments.js'
import { agreement, gradientNoise, pool } from '../../src/evaluation/gradient-noise.js'
import { createBaseline } from '../../src/inference/estimators/baselines.js'
import { ascentOf } from '../../src/inference/gradient-ascent.js'
import { namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { type HostKey, keyAt, streamKey, uniformValues } from '../../src/random.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'
import { gradientIn, smallVae } from '../support/vae.js'

const key = streamKey(1, 'test')
let mode: 'graph' | 'off'

beforeAll(async () => {
  mode = fixedMode(await useBackend())
})
afterEach(() => tf.disposeVariables())

/** Mean and sum of squared deviations of each column of `rows`, in two passes. */
function momentsOf(rows: readonly (readonly number[])[]): GradientMoments {
  const columns = (rows[0] ?? []).map((_, j) => estimateMean(rows.map(row => row[j] as number)))
  const draws = rows.length
  return {
    draws,
    mean: Float64Array.from(columns, ({ mean }) => mean),
    squares: Float64Array.from(columns, ({ standardError }) => standardError ** 2 * draws * (draws - 1)),
  }
}

/** `count` rows of `size` nearly normal numbers of mean 0 and variance 1: sums of twelve uniform ones. */
function normalRows(count: number, size: number, stream: string): number[][] {
  const noise = uniformValues(streamKey(1, stream), 12 * count * size)
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: size }, (_, j) =>
      noise.subarray(12 * (i * size + j), 12 * (i * size + j + 1)).reduce((sum, value) => sum + value, -6),
    ),
  )
}

/** Ten blocks. */
const blocksOf = (rows: readonly number[][]): GradientMoments[] =>
  Array.from({ length: 10 }, (_, b) => momentsOf(rows.slice((b * rows.length) / 10, ((b + 1) * rows.length) / 10)))

describe('statistics of draws', () => {
  test('are the same from blocks as from all draws at once; an entry that never varies is left out of the signal-to-noise ratio', () => {
    const rows = normalRows(50, 3, 'rows').map(([a, b, c]) => [1 + (a ?? 0), -2 + 3 * (b ?? 0), 0.1 * (c ?? 0), 0])
    const { mean, squares } = momentsOf(rows)
    const variances = [...squares].map(square => square / 49)
    const found = gradientNoise(blocksOf(rows))
    const total = variances.reduce((sum, value) => sum + value, 0)
    expect(found).toMatchObject({ draws: 50, entries: 4, noisy: 3 })
    expect(found.variance.value).toBeCloseTo(total / 4, 10)
    expect(found.snr.value).toBeCloseTo(
      [0, 1, 2].reduce((sum, i) => sum + Math.abs(mean[i] as number) / Math.sqrt(variances[i] as number) / 3, 0),
      10,
    )
    expect(found.squaredNorm.value).toBeCloseTo([...mean].reduce((sum, m) => sum + m ** 2, 0) - total / 50, 10)
  })

  test('have jackknife errors: those of leaving out each block in turn', () => {
    const rows = normalRows(40, 2, 'rows')
    const blocks = blocksOf(rows)
    const without = blocks.map(
      (_, left) => gradientNoise(blocks.filter((_, i) => i !== left)).snr.value, // leaves the block's rows out
    )
    const mean = without.reduce((sum, value) => sum + value, 0) / 10
    const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    expect(gradientNoise(blocks).snr.standardError).toBeCloseTo(Math.sqrt(0.9 * squares), 10)
  })

  test('of noise alone have a signal-to-noise ratio at its floor and a squared norm of zero', () => {
    const { snr, snrFloor, squaredNorm } = gradientNoise(blocksOf(normalRows(100, 2000, 'noise')))
    expect(snrFloor).toBeCloseTo(Math.sqrt(2 / Math.PI / 100), 12)
    expect(Math.abs(snr.value / snrFloor - 1)).toBeLessThan(4 * 0.017 + 0.008) // its spread over 2000 entries; small-sample bias
    expect(Math.abs(squaredNorm.value)).toBeLessThan(4 * Math.sqrt((2 * 2000) / 100 ** 2))
  })

  test('agree with draws of the same mean, and not with draws of another mean', () => {
    const [one, same] = [blocksOf(normalRows(100, 500, 'one')), blocksOf(normalRows(100, 500, 'same'))]
    const other = blocksOf(normalRows(100, 500, 'other').map(row => row.map(value => 2 * value + 0.5)))
    const close = agreement(one, same)
    expect(Math.abs(close.squaredZ - 1)).toBeLessThan(4 * Math.sqrt(2 / 500))
    expect(close.spread).toBeGreaterThan(Math.sqrt(2 / 500) / 2.5) // known to a quarter from ten blocks
    expect(close.spread).toBeLessThan(Math.sqrt(2 / 500) * 2.5)
    // (0.5)^2 over (1 + 4) / 100
    expect(agreement(one, other).squaredZ).toBeCloseTo(1 + 0.25 / 0.05, 0)
  })
})

const images = imagesOf({ rows: 2, columns: 2 }, Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 255, 255, 0, 0, 255))

const options = { objective: 'iwae', estimator: 'pathwise', samples: 3, kl: 'analytic', freeBits: 0 } as const

const newEstimate = (vae: Vae) => {
  const baseline = createBaseline('none', vae.pixels, key)
  return { ascent: (model: Vae) => ascentOf(model, options, baseline), baseline }
}

/** One gradient of a part, every entry. */
function gradient(vae: Vae, part: Part, on: HostKey): number[] {
  const weights = namedWeights(vae[part]).map(([, weight]) => weight)
  return tf.tidy(() => {
    const x = tf.div(tf.tensor2d(images.pixels, [3, 4], 'float32'), 255)
    const onTape = newEstimate(vae).ascent(vae)(x, on, { beta: 1 })
    return gradientIn(weights, () => onTape().ascended)
  })
}

test.each(['off', 'compiled'])('moments of gradients equal those of gradients computed one by one: %s', async how => {
  const vae = smallVae()
  const asked = { draws: 25, key, mode: how === 'off' ? 'off' : mode } as const
  const found = await gradientMoments(vae, newEstimate(vae), images, asked)
  const sizes = [2, 3, 2, 3, 2, 3, 2, 3, 2, 3]
  const keys = sizes.flatMap((size, block) => Array.from({ length: size }, (_, i) => keyAt(keyAt(key, block), i)))
  expect(found?.blocks.encoder.map(({ draws }) => draws)).toEqual(sizes)
  for (const part of parts) {
    const expected = momentsOf(keys.map(one => gradient(vae, part, one)))
    const { mean, squares } = pool(found?.blocks[part] ?? [])
    expect(mean).toHaveLength(expected.mean.length)
    const scale = Math.max(...expected.squares)
    expected.mean.forEach((value, i) => {
      expect(mean[i]).toBeCloseTo(value, 5)
      expect(Math.abs((squares[i] as number) - (expected.squares[i] as number))).toBeLessThan(1e-4 * scale)
    })
  }
})

async function measured(vae: Vae, wanted: GradientEstimate[], more: Partial<EstimateOptions> = {}) {
  const rows: MeasuredEstimate[] = []
  const how: EstimateOptions = { draws: 400, seed: 1, kl: 'analytic', mode, ...more }
  for await (const row of measureEstimates(vae, images, wanted, how)) rows.push(row)
  return rows
}

test('every estimator agrees with the pathwise gradient, and the score function without a baseline has the largest variance', async () => {
  const names = ['score:none', 'score:running-mean', 'score:leave-one-out', 'stl', 'pathwise'] as const
  const rows = await measured(
    smallVae(),
    names.map(estimate => ({ objective: 'elbo', estimate, samples: 2 })),
  )
  const [pathwise, ...others] = rows
  expect(pathwise).toMatchObject({ estimate: 'pathwise', encoder: { varianceRatio: null, agreement: null } })
  expect(rows.map(({ estimate }) => estimate)).toEqual([...names].reverse())
  for (const { estimate, reference, ...row } of others) {
    expect(reference).toBe('pathwise')
    for (const part of parts) {
      const { squaredZ, spread } = row[part].agreement ?? { squaredZ: Number.NaN, spread: 0 }
      expect(Math.abs(squaredZ - 1), `${estimate}, ${part}`).toBeLessThan(5 * spread) // spread is known to a quarter
    }
  }
  const ratio = (name: string) => rows.find(({ estimate }) => estimate === name)?.encoder.varianceRatio ?? 0
  expect(ratio('score:none')).toBeGreaterThan(10)
  expect(ratio('score:running-mean')).toBeLessThan(ratio('score:none') / 2)
})

test('gradients of two bounds do not agree; the doubly reparameterized one has the higher signal-to-noise ratio', async () => {
  const vae = smallVae()
  const [pathwise, dreg] = await measured(vae, [
    { objective: 'iwae', estimate: 'pathwise', samples: 4 },
    { objective: 'iwae', estimate: 'dreg', samples: 4 },
  ])
  const one = await gradientMoments(vae, newEstimate(vae), images, { draws: 400, key, mode }) // of IWAE_3
  const more = await gradientMoments(
    vae,
    { ...newEstimate(vae), ascent: () => ascentOf(vae, { ...options, samples: 30 }, newEstimate(vae).baseline) },
    images,
    { draws: 400, key: keyAt(key, 1), mode },
  )
  const { squaredZ, spread } = agreement(one?.blocks.encoder ?? [], more?.blocks.encoder ?? [])
  expect(squaredZ).toBeGreaterThan(1 + 5 * spread)
  expect(dreg?.encoder.snr.value).toBeGreaterThan(pathwise?.encoder.snr.value as number)
})

test('with binary z only the score function can be measured', async () => {
  const vae = smallVae({ latents: 'bernoulli' })
  expect(refuseEstimate(vae, { objective: 'elbo', estimate: 'pathwise', samples: 1 })).toContain('binary')
  const rows = await measured(
    vae,
    (['score:none', 'score:leave-one-out'] as const).map(estimate => ({ objective: 'iwae', estimate, samples: 2 })),
  )
  expect(rows.map(({ estimate, reference }) => [estimate, reference])).toEqual([
    ['score:leave-one-out', 'score:leave-one-out'],
    ['score:none', 'score:leave-one-out'],
  ])
})

test('measuring leaves no tensors, reports its progress, and ends early when it is stopped', async () => {
  const vae = smallVae()
  const tensors = tf.memory().numTensors
  const wanted: GradientEstimate[] = [1, 2].map(samples => ({
    objective: 'elbo',
    estimate: 'score:running-mean',
    samples,
  }))
  const progress: number[] = []
  await measured(vae, wanted, { draws: 20, onProgress: (done, total) => void progress.push(done / total) })
  expect(progress.at(-1)).toBe(1)
  const stop = new AbortController()
  const rows = await measured(vae, wanted, {
    draws: 20,
    signal: stop.signal,
    onProgress: done => done === 20 && stop.abort(),
  })
  expect(rows).toHaveLength(1)
  expect(tf.memory().numTensors).toBe(tensors)
})
