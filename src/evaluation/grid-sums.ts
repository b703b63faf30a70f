/** Integrals over a grid of z from the sums of its rows, in double precision and scaled to avoid overflow. */

/** Per image, in nats: logPx = elbo + gap. */
export interface Integrals {
  logPx: Float64Array
  elbo: Float64Array
  /** KL(q(z|x) || p(z|x)). */
  gap: Float64Array
}

/** Sums over some points, per image [images]. Each sum is scaled by e^-max, with the maximum over these points. */
export interface PointSums<T = Float32Array> {
  /** Maximum of log p(x, z). */
  jointMax: T
  /** Sum of p(x, z), scaled by jointMax. */
  joint: T
  /** Maximum of log q(z|x). */
  qMax: T
  /** Sum of q(z|x), scaled by qMax. */
  q: T
  /** Sum of q(z|x) log(p(x, z) / q(z|x)), scaled by qMax. */
  ratio: T
}

/** Sums over a row: over all its points, and over every second one with a separate scale, because q may nearly vanish there. */
export type RowSums<T = Float32Array> = PointSums<T> & { [Name in keyof PointSums as `${Name}Even`]: T } & {
  /** Sum of p(x, z) at the two end points, scaled by jointMax. */
  jointEnds: T
}

/** The integrals of the first `count` images, from all rows of a grid with cells of size `cell`. */
export function integrals(rows: readonly RowSums[], count: number, cell: number): Integrals {
  return integrate(rows, count, cell)
}

/** The same integrals from every second point along each axis; `cell` is the size of these larger cells. */
export function halfIntegrals(rows: readonly RowSums[], count: number, cell: number): Integrals {
  const evenRows = rows.filter((_, row) => row % 2 === 0)
  return integrate(evenRows.map(evenPoints), count, cell)
}

/** The integral of q(z|x) over the grid: 1, unless q extends beyond the grid or is narrower than a cell. */
export function qMasses(rows: readonly PointSums[], count: number, cell: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    const max = largest(rows, 'qMax', i)
    return Math.exp(max + Math.log(total(rows, 'q', { name: 'qMax', max }, i) * cell))
  })
}

/** The fraction of p(z|x) that lies on the border points of the grid: the maximum over images. */
export function borderShare(rows: readonly RowSums[], count: number): number {
  const ends = rows.map((row, r) => (rows.length > 1 && (r === 0 || r === rows.length - 1) ? row.joint : row.jointEnds))
  const shares = Array.from({ length: count }, (_, i) => {
    const max = largest(rows, 'jointMax', i)
    const scaled = (values: (row: number) => number) =>
      rows.reduce((sum, { jointMax }, r) => sum + values(r) * Math.exp((jointMax[i] as number) - max), 0)
    return scaled(r => ends[r]?.[i] as number) / scaled(r => rows[r]?.joint[i] as number)
  })
  return Math.max(...shares)
}

const evenPoints = (row: RowSums): PointSums => ({
  jointMax: row.jointMaxEven,
  joint: row.jointEven,
  qMax: row.qMaxEven,
  q: row.qEven,
  ratio: row.ratioEven,
})

function integrate(rows: readonly PointSums[], count: number, cell: number): Integrals {
  const result = { logPx: new Float64Array(count), elbo: new Float64Array(count), gap: new Float64Array(count) }
  for (let i = 0; i < count; i++) {
    const joint = { name: 'jointMax', max: largest(rows, 'jointMax', i) } as const
    const q = { name: 'qMax', max: largest(rows, 'qMax', i) } as const
    const logPx = joint.max + Math.log(total(rows, 'joint', joint, i) * cell)
    // E_q[log p(x, z) - log q(z|x)], normalised by the sum of q over the grid.
    const elbo = total(rows, 'ratio', q, i) / total(rows, 'q', q, i)
    result.logPx[i] = logPx
    result.elbo[i] = elbo
    result.gap[i] = logPx - elbo
  }
  return result
}

interface Scale {
  name: 'jointMax' | 'qMax'
  /** Maximum over all rows. */
  max: number
}

/** The sum of image i over all rows, scaled by e^-max. */
const total = (rows: readonly PointSums[], name: 'joint' | 'q' | 'ratio', scale: Scale, i: number): number =>
  rows.reduce((sum, row) => sum + (row[name][i] as number) * Math.exp((row[scale.name][i] as number) - scale.max), 0)

const largest = (rows: readonly PointSums[], name: Scale['name'], i: number): number =>
  rows.reduce((max, row) => Math.max(max, row[name][i] as number), Number.NEGATIVE_INFINITY)
