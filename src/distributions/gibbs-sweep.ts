/**
 * Gibbs sampling of a Gaussian N(mean, precision^-1), one coordinate after another: z_l ~ N(mean_l - sum_m≠l P_lm (z_m - mean_m) / P_ll, 1 / P_ll).
 * With P = D + L + Lᵀ (D diagonal, L strictly lower triangular) a whole sweep is one linear step (Goodman & Sokal 1989, section 8):
 * (D + L) (z' - mean) = -Lᵀ (z - mean) + D^1/2 epsilon.
 */
import { Matrix } from 'ml-matrix'
import { invertLower } from '../numeric/linear-algebra.js'

/** A sweep of row vectors: z' = mean + (z - mean) carry + epsilon noise. Both matrices are [dimensions, dimensions]. */
export interface GibbsSweep<T> {
  readonly carry: T
  readonly noise: T
}

/**
 * The sweep over all coordinates in order, for a positive definite precision matrix.
 *
 * @example
 * const { carry, noise } = gibbsSweep(new Matrix([[2, 0.5], [0.5, 1]])) // Matrix is that of ml-matrix
 * console.log(carry.rows, noise.columns) // 2 2
 */
export function gibbsSweep(precision: Matrix): GibbsSweep<Matrix> {
  const right = invertLower(precision).transpose() // (D + L)^-T
  return {
    carry: Matrix.sub(Matrix.eye(precision.rows), precision.mmul(right)), // -L (D + L)^-T, for P = L + (D + L)ᵀ
    noise: right.clone().mulColumnVector(precision.diagonal().map(Math.sqrt)), // D^1/2 (D + L)^-T
  }
}
