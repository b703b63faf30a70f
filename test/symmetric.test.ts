// Cholesky's factor and what is made of it, on random symmetric positive definite matrices.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyAt, streamKey, uniformValues } from '../src/random.js'
import {
  cholesky,
  identity,
  invert,
  invertLower,
  logDeterminant,
  type Matrix,
  mapMatrix,
  matrix,
  multiply,
  transpose,
} from '../src/symmetric.js'

/** B Bᵀ + I / 10 of a seeded size x size matrix B in ±1. */
function randomPositive(size: number, seed: number): Matrix {
  const values = uniformValues(keyAt(streamKey(1, 'matrices'), seed), size * size)
  const b = matrix(
    size,
    size,
    values.map(value => 2 * value - 1),
  )
  return mapMatrix(multiply(b, transpose(b)), (value, i, j) => value + (i === j ? 0.1 : 0))
}

const largestDifference = (a: Matrix, b: Matrix) =>
  a.values.reduce((most, value, i) => Math.max(most, Math.abs(value - (b.values[i] as number))), 0)

const cases = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 1e6 }))

test('L Lᵀ is the matrix, its inverse times it the identity, whatever the matrix', () => {
  fc.assert(
    fc.property(cases, ([size, seed]) => {
      const a = randomPositive(size, seed)
      const lower = cholesky(a)
      expect(largestDifference(multiply(lower, transpose(lower)), a)).toBeLessThan(1e-12)
      expect(largestDifference(multiply(invertLower(lower), lower), identity(size))).toBeLessThan(1e-11)
      expect(largestDifference(multiply(invert(a).inverse, a), identity(size))).toBeLessThan(1e-10)
    }),
    { numRuns: 50 },
  )
})

test('the log determinant is that of a matrix known by hand', () => {
  const a = matrix(2, 2, [4, 1, 1, 3])
  expect(logDeterminant(cholesky(a))).toBeCloseTo(Math.log(11), 14)
  expect(invert(a).logDet).toBeCloseTo(Math.log(11), 14)
})

test('a matrix that is not positive definite is refused with its pivot', () => {
  expect(() => cholesky(matrix(2, 2, [1, 2, 2, 1]))).toThrow('a 2 x 2 matrix is not positive definite: pivot 1 is -3')
  expect(() => cholesky(matrix(1, 1, [Number.NaN]))).toThrow('pivot 0 is NaN')
  expect(() => matrix(2, 2, [1])).toThrow('a matrix of 2 x 2 has 4 values, not 1')
  expect(() => multiply(matrix(2, 2), matrix(3, 1))).toThrow('2 x 2 times 3 x 1: the inner sizes differ')
})
