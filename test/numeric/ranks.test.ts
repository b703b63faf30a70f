// Percentiles, the area under the ROC curve and principal components, against their definitions.
import { expect, test } from 'vitest'
import { principalAxes } from '../../src/numeric/principal-axes.js'
import { areaUnderCurve, ascending, percentileAmong } from '../../src/numeric/ranks.js'
import { streamKey, uniformValues } from '../../src/random.js'

test('percentiles: the share of values below, equal ones by half', () => {
  const sorted = ascending([3, 1, 2, 2])
  expect([0, 1, 2, 2.5, 9].map(value => percentileAmong(sorted, value))).toEqual([0, 12.5, 50, 75, 100])
})

test('the area is the share of pairs in the right order, ties by half', () => {
  const [higher, lower] = [
    [3, 5, 2, 2],
    [1, 2, 4],
  ]
  const pairs = higher.flatMap(a => lower.map(b => (a > b ? 1 : a === b ? 0.5 : 0) as number))
  expect(areaUnderCurve(higher, lower).area).toBeCloseTo(pairs.reduce((sum, one) => sum + one) / pairs.length, 12)
  expect(areaUnderCurve([2, 3], [0, 1])).toEqual({ area: 1, standardError: 0 })
  expect(areaUnderCurve([1], [0]).standardError).toBeNaN()
})

test('its standard error is the spread of areas over repeated samples', () => {
  const [repeats, size] = [400, 60]
  const areas = Array.from({ length: repeats }, (_, i) => {
    const draws = uniformValues(streamKey(i, 'areas'), 2 * size)
    const higher = draws.subarray(0, size).map(value => value + 0.2)
    return areaUnderCurve(higher, draws.subarray(size))
  })
  const mean = areas.reduce((sum, { area }) => sum + area, 0) / repeats
  const spread = Math.sqrt(areas.reduce((sum, { area }) => sum + (area - mean) ** 2, 0) / (repeats - 1))
  const stated = areas.reduce((sum, one) => sum + one.standardError, 0) / repeats
  expect(mean).toBeCloseTo(1 - 0.8 ** 2 / 2, 1)
  expect(stated / spread).toBeGreaterThan(0.85)
  expect(stated / spread).toBeLessThan(1.15)
})

test('principal components of points on a line, and of equal points', () => {
  const line = principalAxes([0, 0, 3, 4, 6, 8], 2, 2)
  expect([...line.points].filter((_, i) => i % 2 === 0).map(x => x.toFixed(6))).toEqual([
    '-5.000000',
    '0.000000',
    '5.000000',
  ])
  expect(line.shares[0]).toBeCloseTo(1, 12)
  expect(principalAxes([1, 2, 1, 2], 2, 1)).toMatchObject({ shares: [0] })
})
