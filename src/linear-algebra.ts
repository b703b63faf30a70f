/** Dense linear algebra in double precision for the few matrices of an M step. Matrices are row-major Float64Arrays of size * size. */

/** Σ_i a_i b_i. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** Σ_i a_i. */
export function sum(a: Float64Array): number {
  let total = 0
  for (const value of a) total += value
  return total
}

/** Row `i` of a matrix with rows of length `width`: a view, not a copy. */
export function row(matrix: Float64Array, i: number, width: number): Float64Array {
  return matrix.subarray(i * width, (i + 1) * width)
}

/** A matrix that has no Cholesky factor. */
export class NotPositiveDefinite extends Error {
  constructor(
    readonly index: number,
    readonly pivot: number,
  ) {
    super(`the matrix is not positive definite: its pivot ${index} is ${pivot}`)
    this.name = 'NotPositiveDefinite'
  }
}

/** A pivot below this share of its diagonal entry is rounding, not variance. */
const SMALLEST_PIVOT = 1e-15

/** The lower triangular L with L L^T = `matrix`, symmetric, of which the lower half is read. Throws NotPositiveDefinite. */
export function cholesky(matrix: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const given = matrix[i * size + j] as number
      const rest = given - dot(lower.subarray(i * size, i * size + j), lower.subarray(j * size, j * size + j))
      if (i > j) lower[i * size + j] = rest / (lower[j * size + j] as number)
      else if (rest > SMALLEST_PIVOT * given) lower[i * size + i] = Math.sqrt(rest)
      else throw new NotPositiveDefinite(i, rest)
    }
  }
  return lower
}

/** The inverse of a lower triangular matrix: lower triangular. */
export function invertLower(lower: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    const diagonal = lower[i * size + i] as number
    const target = row(inverse, i, size)
    // row i of L^-1 = (e_i - Σ_j<i L_ij row j) / L_ii
    for (let j = 0; j < i; j++) addScaled(target, -(lower[i * size + j] as number), row(inverse, j, size), j + 1)
    for (let j = 0; j < i; j++) target[j] = (target[j] as number) / diagonal
    target[i] = 1 / diagonal
  }
  return inverse
}

/** P^T P of a lower triangular P: the inverse of L L^T when P = L^-1. */
export function gramOfLower(lower: Float64Array, size: number): Float64Array {
  const gram = new Float64Array(size * size)
  for (let a = 0; a < size; a++) {
    const source = row(lower, a, size)
    for (let i = 0; i <= a; i++) addScaled(row(gram, i, size), source[i] as number, source, a + 1)
  }
  return gram
}

/** Matrix times vector. */
export function multiply(matrix: Float64Array, vector: Float64Array): Float64Array {
  const width = vector.length
  return Float64Array.from({ length: matrix.length / width }, (_, i) => dot(row(matrix, i, width), vector))
}

/** Σ_i log M_ii; of a Cholesky factor, half the log determinant of its matrix. */
export function sumLogDiagonal(matrix: Float64Array, size: number): number {
  let total = 0
  for (let i = 0; i < size; i++) total += Math.log(matrix[i * size + i] as number)
  return total
}

/** target += scale * source, over the first `length` entries. */
function addScaled(target: Float64Array, scale: number, source: Float64Array, length: number): void {
  for (let i = 0; i < length; i++) target[i] = (target[i] as number) + scale * (source[i] as number)
}
