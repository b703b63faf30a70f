// Ticks: round, inside, even and readable.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logTicks, roundTicks } from '../../src/plots/ticks.js'

function labels(low: number, high: number, count: number, whole = false): string[] {
  const { values, format } = roundTicks(low, high, count, whole)
  return values.map(format)
}

describe('roundTicks', () => {
  test('uses a proper minus sign, and none for zero', () => {
    expect(labels(-11, 6, 4)).toEqual(['\u221210', '\u22125', '0', '5'])
  })

  test('gives all ticks the same number of decimals', () => {
    expect(labels(0, 1, 4)).toEqual(['0.0', '0.2', '0.4', '0.6', '0.8', '1.0'])
  })

  test('groups thousands', () => {
    expect(labels(0, 4000, 4)).toEqual(['0', '1,000', '2,000', '3,000', '4,000'])
  })

  test('writes very large and very small values as powers of ten', () => {
    expect(labels(0, 3e12, 3)).toEqual(['0e0', '1e12', '2e12', '3e12'])
    expect(labels(-2e-6, 2e-6, 4)).toEqual(['\u22122e\u22126', '\u22121e\u22126', '0e0', '1e\u22126', '2e\u22126'])
  })

  test('stays at whole numbers where epochs are counted', () => {
    expect(labels(0.5, 1.5, 9, true)).toEqual(['1'])
    expect(labels(1, 3, 9, true)).toEqual(['1', '2', '3'])
  })

  test('gives between half and twice the ticks wanted, all inside, for any range', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        fc.pre(high - low > 1e-3)
        const { values, step } = roundTicks(low, high, 6)
        expect(values.length).toBeGreaterThanOrEqual(3)
        expect(values.length).toBeLessThanOrEqual(12)
        for (const tick of values) {
          expect(tick).toBeGreaterThanOrEqual(low - step * 1e-6)
          expect(tick).toBeLessThanOrEqual(high + step * 1e-6)
        }
      }),
    )
  })
})

describe('logTicks', () => {
  const logLabels = (low: number, high: number) => {
    const { values, format } = logTicks(Math.log10(low), Math.log10(high), 9)
    return values.map(format)
  }

  test.each([
    [50_000, 1_000_000, ['50K', '100K', '200K', '500K', '1M']],
    [1, 9, ['1', '2', '3', '4', '5', '6', '7', '8', '9']],
    [0.05, 30, ['0.05', '0.1', '0.2', '0.5', '1', '2', '5', '10', '20']],
    [1, 10_000, ['1', '3', '10', '30', '100', '300', '1K', '3K', '10K']],
    [2e-6, 2e-3, ['3e\u22126', '1e\u22125', '3e\u22125', '0.0001', '0.0003', '0.001']],
    [1, 1e7, ['1', '10', '100', '1K', '10K', '100K', '1M', '10M']],
    [1.15e6, 1.95e6, ['1.2M', '1.3M', '1.4M', '1.5M', '1.6M', '1.7M', '1.8M', '1.9M']],
  ])('from %d to %d are round', (low, high, expected) => {
    expect(logLabels(low, high)).toEqual(expected)
  })

  test('gives three ticks at least and fourteen at most, all inside, for any range', () => {
    const exponent = fc.double({ min: -6, max: 12, noNaN: true })
    fc.assert(
      fc.property(exponent, exponent, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        fc.pre(high - low > 0.05)
        const { values } = logTicks(low, high, 9)
        expect(values.length).toBeGreaterThanOrEqual(3)
        expect(values.length).toBeLessThanOrEqual(14)
        for (const tick of values) {
          expect(tick).toBeGreaterThanOrEqual(low - 1e-6)
          expect(tick).toBeLessThanOrEqual(high + 1e-6)
        }
      }),
    )
  })
})
