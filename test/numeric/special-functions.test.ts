// Special functions against SciPy and their definitions.
import { expect, test } from 'vitest'
import { digamma, logGamma, multivariateLogGamma } from '../../src/numeric/special-functions.js'
import { readReference } from '../support/reference.js'

const { special } = readReference('mixtures')

const relative = (value: number, expected: number) => Math.abs(value - expected) / Math.max(1, Math.abs(expected))

test('logGamma and digamma agree with SciPy to 13 digits', () => {
  special.x.forEach((x: number, i: number) => {
    expect(relative(logGamma(x), special.logGamma[i]), `logGamma(${x})`).toBeLessThan(1e-13)
    expect(relative(digamma(x), special.digamma[i]), `digamma(${x})`).toBeLessThan(1e-13)
  })
  expect(() => logGamma(0)).toThrow('a positive number was expected')
  expect(() => digamma(-1)).toThrow('a positive number was expected')
})

test('multivariateLogGamma agrees with SciPy to 13 digits', () => {
  for (const [p, x, expected] of special.multivariate)
    expect(relative(multivariateLogGamma(p, x), expected), `p = ${p}`).toBeLessThan(1e-13)
})
