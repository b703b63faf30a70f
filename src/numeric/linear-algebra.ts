/**
 * Linear algebra in double precision on the host, in addition to ml-matrix: the Cholesky factor A = L Lᵀ with an error that names the
 * failed pivot, inverses and determinants from L, and rows of flat tables [rows, width].
 */
import { Matrix } from 'ml-matrix'

/** Σ_i a_i b_i. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Σ_i a_i. */
export function sum(a: Iterable<number>): number {
  let total = 0
  for (const value of a) total += value
  return total
}

/** Row `i` of a table with rows of length `width`: a view, not a copy. */
export function row(table: Float64Array, i: number, width: number): Float64Array {
  return table.subarray(i * width, (i + 1) * width)
}

/** Matrix `i` of a table of [size, size] matrices: a copy. */
export function square(table: Float64Array, i: number, size: number): Matrix {
  return Matrix.from1DArray(size, size, row(table, i, size * size))
}

/** Matrix times vector. */
export function apply(matrix: Matrix, vector: ArrayLike<number>): number[] {
  return matrix.mmul(Matrix.columnVector(vector)).to1DArray()
}

/** Thrown for a matrix that has no Cholesky factor. */
export class NotPositiveDefinite extends Error {
  constructor(
    readonly index: number,
    readonly pivot: number,
  ) {
    super(`the matrix is not positive definite: its pivot ${index} is ${pivot}`)
    this.name = 'NotPositiveDefinite'
  }
}

/** A pivot below this fraction of its diagonal entry is rounding error, not variance. */
const SMALLEST_PIVOT = 1e-15

/** The lower triangular L with L Lᵀ = `matrix`, which is symmetric; only its lower half is read. Throws NotPositiveDefinite. */
export function cholesky(matrix: Matrix): Matrix {
  const size = matrix.rows
  const rows = Array.from({ length: size }, () => new Float64Array(size))
  rows.forEach((target, i) => {
    for (let j = 0; j <= i; j++) {
      const [given, other] = [matrix.get(i, j), rows[j] as Float64Array]
      const rest = given - dot(target.subarray(0, j), other)
      if (i > j) target[j] = rest / (other[j] as number)
      else if (rest > SMALLEST_PIVOT * given) target[i] = Math.sqrt(rest)
      else throw new NotPositiveDefinite(i, rest)
    }
  })
  return new Matrix(rows)
}

/** The inverse of a lower triangular matrix; only the lower triangle is read. */
export function invertLower(lower: Matrix): Matrix {
  const size = lower.rows
  const rows = Array.from({ length: size }, () => new Float64Array(size))
  rows.forEach((target, i) => {
    target[i] = 1
    // row i of L^-1 = (e_i - Σ_j<i L_ij row j) / L_ii
    for (let j = 0; j < i; j++) addScaled(target, -lower.get(i, j), rows[j] as Float64Array, j + 1)
    const diagonal = lower.get(i, i)
    for (let k = 0; k <= i; k++) target[k] = (target[k] as number) / diagonal
  })
  return new Matrix(rows)
}

/** Pᵀ P of a lower triangular P, exactly symmetric: the inverse of L Lᵀ when P = L^-1. */
export function gramOfLower(lower: Matrix): Matrix {
  const rows = Array.from({ length: lower.rows }, () => new Float64Array(lower.rows))
  for (let a = 0; a < lower.rows; a++) {
    const source = lower.getRow(a)
    for (let i = 0; i <= a; i++) addScaled(rows[i] as Float64Array, source[i] as number, source, a + 1)
  }
  return new Matrix(rows)
}

/** log det A of A = L Lᵀ. */
export function logDeterminant(lower: Matrix): number {
  return 2 * sum(lower.diagonal().map(Math.log))
}

/** A^-1 and log det A of a symmetric positive definite matrix. Throws NotPositiveDefinite. */
export function invert(matrix: Matrix): { inverse: Matrix; logDet: number } {
  const lower = cholesky(matrix)
  return { inverse: gramOfLower(invertLower(lower)), logDet: logDeterminant(lower) }
}

/** target += scale * source, over the first `length` entries. */
function addScaled(target: Float64Array, scale: number, source: ArrayLike<number>, length: number): void {
  for (let i = 0; i < length; i++) target[i] = (target[i] as number) + scale * (source[i] as number)
}
