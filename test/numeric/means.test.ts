// Means and their standard errors.
import { expect, test } from 'vitest'
import { estimateMean } from '../../src/numeric/means.js'

test('a mean comes with the standard error of independent values', () => {
  expect(estimateMean([1, 2, 3, 4])).toEqual({ mean: 2.5, standardError: Math.sqrt(5 / 3 / 4), count: 4 })
  expect(estimateMean([7])).toEqual({ mean: 7, standardError: Number.NaN, count: 1 })
})
