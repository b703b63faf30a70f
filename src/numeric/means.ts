/** Means with their standard errors, summed in double precision. */

/** A sample mean, its standard error and the number of values. */
export interface Estimate {
  mean: number
  standardError: number
  count: number
}

/**
 * The mean of independent values. Its standard error is s / sqrt(n), with n - 1 in the denominator of s^2: NaN for one value.
 *
 * @example
 * console.log(estimateMean([1, 2, 3])) // { mean: 2, standardError: 0.5773502691896257, count: 3 }
 */
export function estimateMean(values: ArrayLike<number>): Estimate {
  const count = values.length
  let sum = 0
  for (let i = 0; i < count; i++) sum += values[i] as number
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += ((values[i] as number) - mean) ** 2
  return { mean, standardError: Math.sqrt(squares / (count - 1) / count), count }
}

/** The standard error of the mean of independent estimates, from the standard error of each. */
export function errorOfMean(standardErrors: Float32Array): number {
  return Math.sqrt(standardErrors.reduce((sum, error) => sum + error * error, 0)) / standardErrors.length
}
