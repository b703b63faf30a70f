/** Means with their standard errors, summed in double precision. */

/** A sample mean, the standard error of that mean and the number of values behind it. */
export interface Estimate {
  mean: number
  standardError: number
  count: number
}

/** The mean of independent values; its standard error is s / sqrt(n), s^2 with n - 1 below it: NaN for one value. */
export function estimateMean(values: ArrayLike<number>): Estimate {
  const count = values.length
  let sum = 0
  for (let i = 0; i < count; i++) sum += values[i] as number
  const mean = sum / count
  let squares = 0
  for (let i = 0; i < count; i++) squares += ((values[i] as number) - mean) ** 2
  return { mean, standardError: Math.sqrt(squares / (count - 1) / count), count }
}

/** The standard error of the mean of estimates that are independent, each with its own error. */
export function errorOfMean(standardErrors: Float32Array): number {
  return Math.sqrt(standardErrors.reduce((sum, error) => sum + error * error, 0)) / standardErrors.length
}
