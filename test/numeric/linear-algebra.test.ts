// The Cholesky factor, inverses and determinants of random symmetric positive definite matrices.
import fc from 'fast-check'
import { Matrix } from 'ml-matrix'
import { expect, test } from 'vitest'
import {
  apply,
  cholesky,
  invert,
  invertLower,
  logDeterminant,
  NotPositiveDefinite,
  square,
} from '../../src/numeric/linear-algebra.js'
import { keyAt, streamKey, uniformValues } from '../../src/random.js'

/** B Bᵀ + I / 10 of a seeded size x size matrix B in ±1. */
function randomPositive(size: number, seed: number): Matrix {
  const values = uniformValues(keyAt(streamKey(1, 'matrices'), seed), size * size)
  const b = Matrix.from1DArray(size, size, values).mul(2).sub(1)
  return b.mmul(b.transpose()).add(Matrix.eye(size, size, 0.1))
}

const largestDifference = (a: Matrix, b: Matrix) => Matrix.sub(a, b).abs().max()

const cases = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 1e6 }))

test('for random matrices L Lᵀ is the matrix, and its inverse times the matrix is the identity', () => {
  fc.assert(
    fc.property(cases, ([size, seed]) => {
      const a = randomPositive(size, seed)
      const lower = cholesky(a)
      expect(largestDifference(lower.mmul(lower.transpose()), a)).toBeLessThan(1e-12)
      expect(largestDifference(invertLower(lower).mmul(lower), Matrix.eye(size))).toBeLessThan(1e-11)
      const { inverse } = invert(a)
      expect(largestDifference(inverse.mmul(a), Matrix.eye(size))).toBeLessThan(1e-10)
      expect(inverse.isSymmetric()).toBe(true)
    }),
    { numRuns: 50 },
  )
})

test('the log determinant is that of a matrix known by hand', () => {
  const a = new Matrix([
    [4, 1],
    [1, 3],
  ])
  expect(logDeterminant(cholesky(a))).toBeCloseTo(Math.log(11), 14)
  expect(invert(a).logDet).toBeCloseTo(Math.log(11), 14)
})

test('a matrix is taken from its place in a table, and applied to a vector', () => {
  const table = Float64Array.of(0, 0, 0, 0, 1, 2, 3, 4)
  expect(apply(square(table, 1, 2), [1, -1])).toEqual([-1, -1])
})

test('a matrix that is not positive definite is refused with its pivot', () => {
  const indefinite = Matrix.from1DArray(2, 2, [1, 2, 2, 1])
  expect(() => cholesky(indefinite)).toThrow(NotPositiveDefinite)
  expect(() => cholesky(indefinite)).toThrow('the matrix is not positive definite: its pivot 1 is -3')
  expect(() => cholesky(new Matrix([[Number.NaN]]))).toThrow('its pivot 0 is NaN')
})
