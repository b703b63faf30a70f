// Ticks: round, inside, even and readable.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { roundTicks } from '../../src/plots/ticks.js'

function labels(low: number, high: number, count: number, whole = false): string[] {
  const { values, format } = roundTicks(low, high, count, whole)
  return values.map(format)
}

describe('roundTicks', () => {
  it('uses a proper minus sign, and none for zero', () => {
    expect(labels(-11, 6, 4)).toEqual(['\u221210', '\u22125', '0', '5'])
  })

  it('gives all ticks the same number of decimals', () => {
    expect(labels(0, 1, 4)).toEqual(['0.0', '0.2', '0.4', '0.6', '0.8', '1.0'])
  })

  it('groups thousands', () => {
    expect(labels(0, 4000, 4)).toEqual(['0', '1,000', '2,000', '3,000', '4,000'])
  })

  it('writes very large and very small values as powers of ten', () => {
    expect(labels(0, 3e12, 3)).toEqual(['0e0', '1e12', '2e12', '3e12'])
    expect(labels(-2e-6, 2e-6, 4)).toEqual(['\u22122e\u22126', '\u22121e\u22126', '0e0', '1e\u22126', '2e\u22126'])
  })

  it('stays at whole numbers where epochs are counted', () => {
    expect(labels(0.5, 1.5, 9, true)).toEqual(['1'])
    expect(labels(1, 3, 9, true)).toEqual(['1', '2', '3'])
  })

  it('gives between half and twice the ticks wanted, all inside, for any range', () => {
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
