// The gap of Jensen's inequality: the numbers of the figure against closed forms and sums over z.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ascend,
  exactGradient,
  jensen,
  klToPosterior,
  logDensity,
  logEvidence,
  logJoint,
  partsOf,
  posteriorDensity,
} from '../../../src/web/chapters/numbers/one-dimension.js'
import { meanUnder, product, valueAt } from '../../../src/web/chapters/numbers/polynomial.js'

const [models, x] = [fc.constantFrom('line' as const, 'square' as const), fc.double({ min: -3, max: 6, noNaN: true })]
const q = fc.record({
  mean: fc.double({ min: -3, max: 3, noNaN: true }),
  sd: fc.double({ min: 0.05, max: 2, noNaN: true }),
})

test('log p(x) = ELBO + KL(q‖p(z|x)), where the three are computed in three ways', () => {
  fc.assert(
    fc.property(models, x, q, (model, observed, given) => {
      const { logPx, elbo, gap, reconstruction, klToPrior, energy, entropy } = partsOf(model, observed, given)
      expect(gap).toBeGreaterThan(-1e-9)
      expect(elbo + gap - logPx).toBeCloseTo(0, 7)
      expect(reconstruction - klToPrior - elbo).toBeCloseTo(0, 9)
      expect(energy + entropy - elbo).toBeCloseTo(0, 9)
    }),
    { numRuns: 40 },
  )
})

test('where x is z and noise of 0.6, x is N(0, 1.36), and q = p(z|x) closes the gap', () => {
  for (const observed of [-2, 0, 1.5]) {
    expect(logEvidence('line', observed)).toBeCloseTo(logDensity({ mean: 0, sd: Math.sqrt(1.36) }, observed), 10)
    const exact = { mean: observed / 1.36, sd: Math.sqrt(0.36 / 1.36) }
    expect(partsOf('line', observed, exact).gap).toBeCloseTo(0, 9)
    const found = ascend('line', observed, { mean: -1, sd: 2 }, 200)
    expect(found.mean).toBeCloseTo(exact.mean, 4)
    expect(found.sd).toBeCloseTo(exact.sd, 4)
  }
})

test('where x is z² and noise, q finds one of two modes, and a gap near log 2 remains', () => {
  const found = ascend('square', 4, { mean: 1, sd: 1 }, 300)
  expect(found.mean).toBeGreaterThan(1.7)
  const gap = klToPosterior('square', 4, found)
  expect(gap).toBeGreaterThan(Math.log(2))
  expect(gap).toBeLessThan(Math.log(2) + 0.1)
})

test('a step of ascent never lowers the bound', () => {
  fc.assert(
    fc.property(models, x, q, (model, observed, given) => {
      const next = ascend(model, observed, given, 1)
      expect(partsOf(model, observed, next).elbo).toBeGreaterThanOrEqual(partsOf(model, observed, given).elbo - 1e-12)
    }),
    { numRuns: 30 },
  )
})

test('the gradient of E_q[f] is that of differences', () => {
  const [f, at, h] = [logJoint('square', 2), { mean: 0.7, sd: 0.5 }, 1e-5]
  const { mean, sd } = exactGradient(f, at)
  const difference = (high: typeof at, low: typeof at) => (meanUnder(f, high) - meanUnder(f, low)) / (2 * h)
  expect(mean).toBeCloseTo(difference({ ...at, mean: 0.7 + h }, { ...at, mean: 0.7 - h }), 6)
  expect(sd).toBeCloseTo(difference({ ...at, sd: 0.5 + h }, { ...at, sd: 0.5 - h }), 6)
})

test('Gaussian means of polynomials: E z^4 = m^4 + 6 m² s² + 3 s^4', () => {
  const square = product([0, 1], [0, 1])
  expect(meanUnder(product(square, square), { mean: 2, sd: 3 })).toBeCloseTo(16 + 6 * 4 * 9 + 3 * 81, 9)
  expect(valueAt([1, -2, 3], 2)).toBe(9)
})

test('the posterior density integrates to 1', () => {
  const points = Array.from({ length: 2001 }, (_, i) => -6 + (12 * i) / 2000)
  const total = posteriorDensity('square', 3, points).reduce((sum, density) => sum + density * (12 / 2000), 0)
  expect(total).toBeCloseTo(1, 6)
})

test("Jensen's inequality for the logarithm", () => {
  expect(jensen([1, 4], 0.5)).toEqual({
    mean: 2.5,
    logOfMean: Math.log(2.5),
    meanOfLogs: Math.log(2),
    gap: Math.log(2.5) - Math.log(2),
  })
})
