// Special functions and linear algebra against SciPy and their definitions.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { cholesky, dot, gramOfLower, invertLower, multiply, NotPositiveDefinite, row } from '../src/linear-algebra.js'
import { digamma, logGamma, multivariateLogGamma } from '../src/special-functions.js'

const { special } = JSON.parse(readFileSync(new URL('reference/mixtures.json', import.meta.url), 'utf8'))

const relative = (value: number, expected: number) => Math.abs(value - expected) / Math.max(1, Math.abs(expected))

test('logGamma and digamma are those of SciPy to 13 digits', () => {
  special.x.forEach((x: number, i: number) => {
    expect(relative(logGamma(x), special.logGamma[i]), `logGamma(${x})`).toBeLessThan(1e-13)
    expect(relative(digamma(x), special.digamma[i]), `digamma(${x})`).toBeLessThan(1e-13)
  })
  expect(() => logGamma(0)).toThrow('a positive number was expected')
  expect(() => digamma(-1)).toThrow('a positive number was expected')
})

test('multivariateLogGamma is that of SciPy', () => {
  for (const [p, x, expected] of special.multivariate)
    expect(relative(multivariateLogGamma(p, x), expected), `p = ${p}`).toBeLessThan(1e-13)
})

test('a Cholesky factor, its inverse and its Gram matrix give the matrix and its inverse back', () => {
  const matrix = Float64Array.of(4, 2, -1, 2, 5, 0.5, -1, 0.5, 3)
  const lower = cholesky(matrix, 3)
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) expect(dot(row(lower, i, 3), row(lower, j, 3))).toBeCloseTo(matrix[3 * i + j] as number)
  const inverse = gramOfLower(invertLower(lower, 3), 3)
  for (let j = 0; j < 3; j++) {
    const unit = Float64Array.from([0, 1, 2], i => Number(i === j))
    multiply(inverse, multiply(matrix, unit)).forEach((value, i) => {
      expect(value).toBeCloseTo(unit[i] as number, 12)
    })
  }
})

test('a matrix that is not positive definite has no Cholesky factor', () => {
  expect(() => cholesky(Float64Array.of(1, 2, 2, 1), 2)).toThrow(NotPositiveDefinite)
  expect(() => cholesky(Float64Array.of(Number.NaN), 1)).toThrow('its pivot 0 is NaN')
})
