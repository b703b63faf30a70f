/** The principal components of the rows of a table (Pearson 1901). */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

export interface Projection {
  /** Coordinates along the first components, [rows, count]. */
  points: Float64Array
  /** The share of the rows' variance along each of them, from 0 to 1; 0 if all rows are equal. */
  shares: number[]
  /** The components, [count, width], and the mean of the rows, [width]: row = mean + points × components, up to the other components. */
  components: Float64Array
  mean: Float64Array
}

/** Projects rows [rows, width] onto their first `count` principal components. The largest entry of each component is positive. */
export function principalAxes(table: ArrayLike<number>, width: number, count: number): Projection {
  const rows = Matrix.from1DArray(table.length / width, width, table)
  const mean = Float64Array.from(rows.mean('column'))
  const centred = rows.center('column')
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(centred.transpose().mmul(centred), {
    assumeSymmetric: true,
  })
  const total = realEigenvalues.reduce((sum, value) => sum + value, 0)
  const axes = Array.from({ length: count }, (_, i) => width - 1 - i) // eigenvalues ascend
  const basis = new Matrix(axes.map(axis => upright(eigenvectorMatrix.getColumn(axis))))
  return {
    points: Float64Array.from(centred.mmul(basis.transpose()).to1DArray()),
    shares: axes.map(axis => (total > 0 ? (realEigenvalues[axis] as number) / total : 0)),
    components: Float64Array.from(basis.to1DArray()),
    mean,
  }
}

/** The direction whose largest entry is positive. */
function upright(direction: number[]): number[] {
  const largest = direction.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0)
  return direction.map(value => Math.sign(largest) * value)
}
