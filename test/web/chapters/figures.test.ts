// The numbers of the other chapters' figures: mean field, Monte Carlo and gradients against closed forms.
import { Matrix } from 'ml-matrix'
import { expect, test } from 'vitest'
import { invert } from '../../../src/numeric/linear-algebra.js'
import { streamKey } from '../../../src/random.js'
import { clouds, exactVariances } from '../../../src/web/chapters/numbers/gradient-clouds.js'
import { bestForP, bestForQ, klFromP, klFromQ, update } from '../../../src/web/chapters/numbers/mean-field.js'
import { drawPoints, truth } from '../../../src/web/chapters/numbers/mixture.js'
import {
  drawMany,
  errorsBySize,
  exactMoments,
  hiddenOf,
  runningEstimates,
} from '../../../src/web/chapters/numbers/monte-carlo.js'
import { exactGradient, logJoint } from '../../../src/web/chapters/numbers/one-dimension.js'
import { derivative, valueAt } from '../../../src/web/chapters/numbers/polynomial.js'

test('coordinate ascent lowers KL(q‖p) to -1/2 log(1 - ρ²), with variances that are too small', () => {
  const correlation = 0.9
  let q = { means: [2, -2] as readonly [number, number], variances: [1, 1] as readonly [number, number] }
  let before = klFromP(q, correlation)
  for (let step = 0; step < 200; step++) {
    q = update(q, step % 2 === 0 ? 0 : 1, correlation)
    const after = klFromP(q, correlation)
    expect(after).toBeLessThanOrEqual(before + 1e-12)
    before = after
  }
  expect(before).toBeCloseTo(-Math.log(1 - 0.81) / 2, 9)
  expect(q.variances).toEqual(bestForQ(correlation).variances)
  expect(q.variances[0]).toBeCloseTo(0.19, 12)
})

test('both directions of KL are those of the general formula for Gaussians', () => {
  const [correlation, q] = [0.6, { means: [0.5, -1], variances: [0.4, 2] } as const]
  const [p, own] = [
    new Matrix([
      [1, correlation],
      [correlation, 1],
    ]),
    Matrix.diag([...q.variances]),
  ]
  const kl = (from: Matrix, to: Matrix) => {
    const { inverse, logDet } = invert(to)
    const mean = Matrix.columnVector([...q.means])
    const distance = mean.transpose().mmul(inverse).mmul(mean).get(0, 0)
    return (inverse.mmul(from).trace() + distance - 2 + logDet - invert(from).logDet) / 2
  }
  expect(klFromP(q, correlation)).toBeCloseTo(kl(own, p), 10)
  expect(klFromQ(q, correlation)).toBeCloseTo(kl(p, own), 10)
  expect(klFromQ(bestForP, correlation)).toBeLessThan(klFromQ(bestForQ(correlation), correlation))
})

const hidden = hiddenOf(drawPoints(truth, streamKey(1, 'points'), 40), truth)

test('the Monte Carlo E step agrees with the sum over components, and its error falls as 1/sqrt(n)', () => {
  const { mean, sd } = exactMoments(hidden)
  const draws = drawMany(hidden, streamKey(1, 'draws'), 0, 4000)
  const last = runningEstimates(draws, 4).at(-1)
  expect(last?.count).toBe(4000)
  expect(Math.abs((last?.mean ?? 0) - mean)).toBeLessThan(4 * (last?.standardError ?? 0))
  expect((last?.standardError ?? 0) / (sd / Math.sqrt(4000))).toBeCloseTo(1, 1)
  for (const { size, error } of errorsBySize(draws, mean, [1, 4, 16, 64]))
    expect(error / (sd / Math.sqrt(size))).toBeCloseTo(1, 0)
})

test('draws do not depend on how they are divided into calls', () => {
  const key = streamKey(2, 'draws')
  expect([...drawMany(hidden, key, 0, 3), ...drawMany(hidden, key, 3, 8)]).toEqual([...drawMany(hidden, key, 0, 8)])
})

test.each(['none', 'mean', 'others'] as const)('both estimators are unbiased (baseline %s)', baseline => {
  const [f, q] = [logJoint('square', 3), { mean: 0.8, sd: 0.5 }]
  const exact = exactGradient(f, q)
  const drawn = clouds(f, q, { key: streamKey(3, 'gradients'), count: 4000, draws: 5, baseline })
  for (const cloud of [drawn.score, drawn.path])
    for (const part of ['mean', 'sd'] as const)
      expect(Math.abs(cloud[part].mean - exact[part])).toBeLessThan(4.5 * cloud[part].standardError)
})

/** The mean of g over ε ~ N(0, 1), by a sum over a grid. */
function meanOver(g: (epsilon: number) => number): number {
  let sum = 0
  for (let i = 0; i <= 4000; i++) {
    const epsilon = -16 + i / 125
    sum += (g(epsilon) * Math.exp(-(epsilon * epsilon) / 2)) / Math.sqrt(2 * Math.PI) / 125
  }
  return sum
}

test('the exact variances are those of sums over z, and the variances of draws agree', () => {
  const [f, q] = [logJoint('square', 3), { mean: 0.8, sd: 0.5 }]
  const signal = (epsilon: number) => valueAt(f, q.mean + q.sd * epsilon)
  const slope = (epsilon: number) => valueAt(derivative(f), q.mean + q.sd * epsilon)
  const variance = (g: (epsilon: number) => number) => meanOver(e => g(e) ** 2) - meanOver(g) ** 2
  for (const baseline of ['none', 'mean'] as const) {
    const b = baseline === 'mean' ? meanOver(signal) : 0
    const exact = exactVariances(f, q, { draws: 1, baseline })
    expect(exact.score.mean).toBeCloseTo(
      variance(e => ((signal(e) - b) * e) / q.sd),
      6,
    )
    expect(exact.score.sd).toBeCloseTo(
      variance(e => ((signal(e) - b) * (e * e - 1)) / q.sd),
      6,
    )
    expect(exact.path.mean).toBeCloseTo(variance(slope), 6)
    expect(exact.path.sd).toBeCloseTo(
      variance(e => slope(e) * e),
      6,
    )
    const line = logJoint('line', 1)
    const drawn = clouds(line, q, { key: streamKey(5, 'gradients'), count: 20_000, draws: 2, baseline })
    const exactLine = exactVariances(line, q, { draws: 2, baseline })
    expect(drawn.score.mean.variance / exactLine.score.mean).toBeCloseTo(1, 1)
    expect(drawn.path.mean.variance / exactLine.path.mean).toBeCloseTo(1, 1)
  }
})

test('a constant in f makes the variance of the score function larger, unless a baseline takes it away', () => {
  const [f, q] = [logJoint('square', 3), { mean: 0.8, sd: 0.5 }]
  const [none, mean] = [{ draws: 1, baseline: 'none' } as const, { draws: 1, baseline: 'mean' } as const]
  const lower = [(f[0] as number) - 90, ...f.slice(1)]
  expect(exactVariances(lower, q, none).score.mean).toBeGreaterThan(100 * exactVariances(f, q, none).score.mean)
  expect(exactVariances(lower, q, mean).score.mean).toBeCloseTo(exactVariances(f, q, mean).score.mean, 6)
  expect(exactVariances(lower, q, none).path).toEqual(exactVariances(f, q, none).path)
})

test('the variance with the mean of the other draws as baseline is the exact one', () => {
  const [f, q] = [logJoint('line', 1), { mean: 0.8, sd: 0.5 }]
  for (const draws of [2, 10]) {
    const exact = exactVariances(f, q, { draws, baseline: 'others' })
    const drawn = clouds(f, q, { key: streamKey(6, 'gradients'), count: 20_000, draws, baseline: 'others' })
    expect(drawn.score.mean.variance / exact.score.mean).toBeCloseTo(1, 1)
    expect(drawn.score.sd.variance / exact.score.sd).toBeCloseTo(1, 1)
    expect(exact.score.mean).toBeGreaterThan(exactVariances(f, q, { draws, baseline: 'mean' }).score.mean)
  }
})
