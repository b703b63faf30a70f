/** Integrals over a grid of z from the sums of its rows, in double precision, scaled so that nothing overflows. */

/** Per image, in nats: logPx = elbo + gap. */
export interface Integrals {
  logPx: Float64Array
  elbo: Float64Array
  /** KL(q(z|x) || p(z|x)). */
  gap: Float64Array
}

/** Of some points, per image [images]: sums of values scaled by e^-max, with the largest of these points. */
export interface PointSums<T = Float32Array> {
  /** Of log p(x, z). */
  jointMax: T
  joint: T
  /** Of log q(z|x). */
  qMax: T
  q: T
  /** Of q(z|x) log(p(x, z) / q(z|x)), scaled as q is. */
  ratio: T
}

/** Of one row: of all its points; of every second one, with a scale of its own, as q may be next to nothing there; of p(x, z) at its ends. */
export type RowSums<T = Float32Array> = PointSums<T> & { [Name in keyof PointSums as `${Name}Even`]: T } & {
  /** Scaled as `joint` is. */
  jointEnds: T
}

/** The first `count` images, from all rows of a grid whose cells have the size `cell`. */
export function integrals(rows: readonly RowSums[], count: number, cell: number): Integrals {
  return over(rows, count, cell)
}

/** The same by every second point along each axis: cells are `cell` times 2^axes large. */
export function halfIntegrals(rows: readonly RowSums[], count: number, cell: number): Integrals {
  const every = rows.filter((_, row) => row % 2 === 0)
  return over(every.map(evenPoints), count, cell)
}

/** The sum over the grid of q(z|x) times the cell: 1, unless q leaves the grid or is narrower than a cell. */
export function qMasses(rows: readonly PointSums[], count: number, cell: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    const max = largest(rows, 'qMax', i)
    return Math.exp(max + Math.log(total(rows, 'q', { of: 'qMax', max }, i) * cell))
  })
}

/** The largest share of any of the images' p(z|x) that lies on the grid's outermost points. */
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

function over(rows: readonly PointSums[], count: number, cell: number): Integrals {
  const result = { logPx: new Float64Array(count), elbo: new Float64Array(count), gap: new Float64Array(count) }
  for (let i = 0; i < count; i++) {
    const joint = { of: 'jointMax', max: largest(rows, 'jointMax', i) } as const
    const q = { of: 'qMax', max: largest(rows, 'qMax', i) } as const
    const logPx = joint.max + Math.log(total(rows, 'joint', joint, i) * cell)
    // E_q[log p(x, z) - log q(z|x)], with q's own sum over the grid below it
    const elbo = total(rows, 'ratio', q, i) / total(rows, 'q', q, i)
    result.logPx[i] = logPx
    result.elbo[i] = elbo
    result.gap[i] = logPx - elbo
  }
  return result
}

interface Scale {
  of: 'jointMax' | 'qMax'
  /** Of all rows. */
  max: number
}

/** Of image i over all rows, scaled by e^-max. */
const total = (rows: readonly PointSums[], name: 'joint' | 'q' | 'ratio', { of, max }: Scale, i: number): number =>
  rows.reduce((sum, row) => sum + (row[name][i] as number) * Math.exp((row[of][i] as number) - max), 0)

const largest = (rows: readonly PointSums[], name: Scale['of'], i: number): number =>
  rows.reduce((max, row) => Math.max(max, row[name][i] as number), Number.NEGATIVE_INFINITY)
