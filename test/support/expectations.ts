/** Expectations of lists of numbers. */
import { expect } from 'vitest'

/** Every number differs from the expected one by at most `within`. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  within: number,
  name = 'numbers',
): void {
  expect(actual, name).toHaveLength(expected.length)
  Array.from(expected).forEach((value, i) => {
    const found = actual[i] as number
    expect(Math.abs(found - value), `${name}, entry ${i}: ${found} for ${value}`).toBeLessThanOrEqual(within)
  })
}

/** Every estimate is within `errors` of its standard errors of the truth. */
export function expectWithinErrors(
  estimates: ArrayLike<number>,
  truth: ArrayLike<number>,
  standardErrors: ArrayLike<number>,
  errors = 4,
): void {
  expect(estimates).toHaveLength(truth.length)
  Array.from(truth).forEach((value, i) => {
    const distance = Math.abs((estimates[i] as number) - value)
    expect(distance, `entry ${i}`).toBeLessThan(errors * (standardErrors[i] as number))
  })
}
