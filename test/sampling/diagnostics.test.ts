// Effective sample size and split R-hat, against ArviZ and against the known values of autoregressive chains.
import { describe, expect, test } from 'vitest'
import { streamKey, uniformValues } from '../../src/random.js'
import { effectiveSampleSize, splitRHat } from '../../src/sampling/diagnostics.js'
import { readReference } from '../support/reference.js'

const { cases } = readReference('chains')

describe.each<{ name: string; chains: number[][]; ess: number; rHat: number | null }>(cases)(
  'ArviZ agrees on $name',
  ({ chains, ess, rHat }) => {
    test('in the effective sample size', () => expect(effectiveSampleSize(chains) / ess).toBeCloseTo(1, 9))
    if (rHat !== null) test('in split R-hat', () => expect(splitRHat(chains)).toBeCloseTo(rHat, 9))
  },
)

test('an autoregressive chain of n draws has an effective sample size of n (1 - rho) / (1 + rho)', () => {
  for (const rho of [0, 0.5, 0.9]) {
    const chains = [0, 1, 2, 3].map(i => {
      const noise = uniformValues(streamKey(i, `noise ${rho}`), 20_000)
      let x = 0
      return noise.map(value => {
        x = rho * x + value - 0.5
        return x
      })
    })
    const expected = (80_000 * (1 - rho)) / (1 + rho)
    expect(effectiveSampleSize(chains) / expected).toBeGreaterThan(0.85)
    expect(effectiveSampleSize(chains) / expected).toBeLessThan(1.15)
    expect(splitRHat(chains)).toBeLessThan(1.01)
  }
})

test('chains that never move do not count as converged', () => {
  const still = (value: number) => new Array<number>(10).fill(value)
  expect(splitRHat([still(1), still(2)])).toBe(Number.POSITIVE_INFINITY)
  expect([splitRHat([still(1)]), effectiveSampleSize([still(1)])]).toEqual([Number.NaN, Number.NaN])
  expect(() => splitRHat([[1, 2, 3]])).toThrow('chains of 3 draws: diagnostics need at least four')
})
