// Covariances with a floor: where images have no variance, rounding leaves negative ones, which must not raise the bound.
import { expect, test } from 'vitest'
import { axisStructure } from '../../src/models/mixtures/axis-gaussian.js'
import { fullStructure } from '../../src/models/mixtures/full-gaussian.js'
import { expectClose } from '../support/expectations.js'

const floor = 1e-4

test('of full covariances, directions below the floor are raised to it, and below zero there is nothing', () => {
  // Eigenvalues 1 and -1e-6, turned by 45 degrees.
  const [a, b] = [(1 - 1e-6) / 2, (1 + 1e-6) / 2]
  const { covariance, ofImages } = fullStructure(1, 2).atLeast(Float64Array.of(a, b, b, a), floor)
  const raised = [(1 + floor) / 2, (1 - floor) / 2]
  expectClose(covariance, [...raised, ...raised.toReversed()], 1e-12, 'covariance')
  expectClose(ofImages, [0.5, 0.5, 0.5, 0.5], 1e-12, 'of the images')
})

test.each([true, false])('the same of variances; spherical: %s', spherical => {
  const { covariance, ofImages } = axisStructure(spherical, 1, 2).atLeast(Float64Array.of(1, -1e-6), floor)
  expect([...covariance, ...ofImages]).toEqual([1, floor, 1, 0])
})

test('a covariance above the floor is kept as it is', () => {
  const own = Float64Array.of(2, 0.5, 0.5, 1)
  expect(fullStructure(1, 2).atLeast(own, floor)).toEqual({ covariance: own, ofImages: own })
})
