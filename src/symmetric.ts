/** Symmetric positive definite matrices on the host in double precision, by Cholesky's factor A = L Lᵀ. Matrices are row-major. */

export interface Matrix {
  readonly rows: number
  readonly columns: number
  /** [rows, columns]. */
  readonly values: Float64Array
}

/** Row-major `values` [rows, columns], or zeros. */
export function matrix(
  rows: number,
  columns: number,
  values: ArrayLike<number> = new Float64Array(rows * columns),
): Matrix {
  if (values.length !== rows * columns)
    throw new Error(`a matrix of ${rows} x ${columns} has ${rows * columns} values, not ${values.length}`)
  return { rows, columns, values: Float64Array.from(values) }
}

export function identity(size: number): Matrix {
  const result = matrix(size, size)
  for (let i = 0; i < size; i++) result.values[i * size + i] = 1
  return result
}

export function transpose({ rows, columns, values }: Matrix): Matrix {
  const result = matrix(columns, rows)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result.values[j * rows + i] = values[i * columns + j] as number
  return result
}

/** A B. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows)
    throw new Error(`${a.rows} x ${a.columns} times ${b.rows} x ${b.columns}: the inner sizes differ`)
  const result = matrix(a.rows, b.columns)
  for (let i = 0; i < a.rows; i++) {
    const row = result.values.subarray(i * b.columns, (i + 1) * b.columns)
    for (let k = 0; k < a.columns; k++) {
      const factor = a.values[i * a.columns + k] as number
      for (let j = 0; j < b.columns; j++) row[j] = (row[j] as number) + factor * (b.values[k * b.columns + j] as number)
    }
  }
  return result
}

/** f of each element and its row and column. */
export function mapMatrix(
  { rows, columns, values }: Matrix,
  f: (value: number, i: number, j: number) => number,
): Matrix {
  return { rows, columns, values: values.map((value, at) => f(value, Math.floor(at / columns), at % columns)) }
}

/** Row i of a matrix, shared with it. */
export function rowOf({ columns, values }: Matrix, i: number): Float64Array {
  return values.subarray(i * columns, (i + 1) * columns)
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

/** The lower triangular L of A = L Lᵀ. Throws if A is not positive definite. */
export function cholesky(a: Matrix): Matrix {
  const lower = matrix(a.rows, a.rows)
  for (let i = 0; i < a.rows; i++) {
    const row = rowOf(lower, i)
    for (let j = 0; j <= i; j++) {
      const rest = (a.values[i * a.rows + j] as number) - dot(row.subarray(0, j), rowOf(lower, j))
      if (i === j && !(rest > 0))
        throw new Error(`a ${a.rows} x ${a.rows} matrix is not positive definite: pivot ${i} is ${rest}`)
      row[j] = i === j ? Math.sqrt(rest) : rest / (lower.values[j * a.rows + j] as number)
    }
  }
  return lower
}

/** log det A of A = L Lᵀ. */
export function logDeterminant(lower: Matrix): number {
  let sum = 0
  for (let i = 0; i < lower.rows; i++) sum += Math.log(lower.values[i * lower.rows + i] as number)
  return 2 * sum
}

/** L⁻¹ of a lower triangular matrix, by forward substitution. */
export function invertLower(lower: Matrix): Matrix {
  const size = lower.rows
  const inverse = matrix(size, size)
  for (let i = 0; i < size; i++) {
    const row = rowOf(inverse, i)
    const pivot = lower.values[i * size + i] as number
    row[i] = 1 / pivot
    for (let k = 0; k < i; k++) {
      const factor = (lower.values[i * size + k] as number) / pivot
      for (let j = 0; j <= k; j++) row[j] = (row[j] as number) - factor * (inverse.values[k * size + j] as number)
    }
  }
  return inverse
}

/** A⁻¹ of A = L Lᵀ, exactly symmetric. */
export function invertFactored(lower: Matrix): Matrix {
  const columns = transpose(invertLower(lower))
  const size = lower.rows
  const inverse = matrix(size, size)
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      const value = dot(rowOf(columns, i), rowOf(columns, j)) // (L⁻ᵀ L⁻¹)_ij
      inverse.values[i * size + j] = value
      inverse.values[j * size + i] = value
    }
  return inverse
}

/** A⁻¹ and log det A of a symmetric positive definite matrix. */
export function invert(a: Matrix): { inverse: Matrix; logDet: number } {
  const lower = cholesky(a)
  return { inverse: invertFactored(lower), logDet: logDeterminant(lower) }
}
