/**
 * Gibbs sampling of a Gaussian N(mean, precision^-1), one coordinate after another: z_l ~ N(mean_l - sum_m≠l P_lm (z_m - mean_m) / P_ll, 1 / P_ll).
 * With P = D + L + Lᵀ (diagonal, strictly lower) a whole sweep is one linear step (Goodman & Sokal 1989, section 8):
 * (D + L) (z' - mean) = -Lᵀ (z - mean) + D^1/2 epsilon.
 */
import { invertLower, type Matrix, mapMatrix, multiply, transpose } from '../symmetric.js'

/** A sweep for rows: z' = mean + (z - mean) carry + epsilon noise, both [dimensions, dimensions]. */
export interface GibbsSweep<T> {
  readonly carry: T
  readonly noise: T
}

/** The sweep over all coordinates in order, from a positive definite precision matrix. */
export function gibbsSweep(precision: Matrix): GibbsSweep<Matrix> {
  const lower = mapMatrix(precision, (value, i, j) => (j <= i ? value : 0))
  const right = transpose(invertLower(lower)) // (D + L)^-T
  const carry = mapMatrix(precision, (value, i, j) => (j < i ? -value : 0)) // -L
  const noise = mapMatrix(precision, (value, i, j) => (i === j ? Math.sqrt(value) : 0)) // D^1/2
  return { carry: multiply(carry, right), noise: multiply(noise, right) }
}
