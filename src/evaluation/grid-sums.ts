/** Integrals over a grid of z from the sums of its rows, in double precision, scaled so that nothing overflows. */

/** Per image, in nats: logPx = elbo + gap. */
export interface Integrals {
  logPx: Float64Array
  elbo: Float64Array
  /** KL(q(z|x) || p(z|x)). */
  gap: Float64Array
}

/** Of one row, per image [images]: sums over its points of values scaled by e^-max, of all points and of every second one. */
export interface RowSums<T = Float32Array> {
  /** Of log p(x, z). */
  jointMax: T
  joint: T
  jointEven: T
  /** Of the row's first and last point. */
  jointEnds: T
  /** Of log q(z|x). */
  qMax: T
  q: T
  qEven: T
  /** Of q(z|x) log(p(x, z) / q(z|x)), scaled as q is. */
  ratio: T
  ratioEven: T
}

/** The first `count` images, from all rows of a grid whose cells have the size `cell`. */
export function integrals(rows: readonly RowSums[], count: number, cell: number): Integrals {
  return over(rows, count, cell, { joint: 'joint', q: 'q', ratio: 'ratio' })
}

/** The same by every second point along each axis: cells are `cell` times 2^axes large. */
export function halfIntegrals(rows: readonly RowSums[], count: number, cell: number): Integrals {
  const every = rows.filter((_, row) => row % 2 === 0)
  return over(every, count, cell, { joint: 'jointEven', q: 'qEven', ratio: 'ratioEven' })
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

type Sum = keyof RowSums

function over(
  rows: readonly RowSums[],
  count: number,
  cell: number,
  names: Record<'joint' | 'q' | 'ratio', Sum>,
): Integrals {
  const result = { logPx: new Float64Array(count), elbo: new Float64Array(count), gap: new Float64Array(count) }
  for (let i = 0; i < count; i++) {
    const [jointMax, qMax] = [largest(rows, 'jointMax', i), largest(rows, 'qMax', i)]
    const total = (name: Sum, scale: 'jointMax' | 'qMax', max: number) =>
      rows.reduce((sum, row) => sum + (row[name][i] as number) * Math.exp((row[scale][i] as number) - max), 0)
    const logPx = jointMax + Math.log(total(names.joint, 'jointMax', jointMax) * cell)
    // E_q[log p(x, z) - log q(z|x)], with q's own sum over the grid below it
    const elbo = total(names.ratio, 'qMax', qMax) / total(names.q, 'qMax', qMax)
    result.logPx[i] = logPx
    result.elbo[i] = elbo
    result.gap[i] = logPx - elbo
  }
  return result
}

const largest = (rows: readonly RowSums[], name: 'jointMax' | 'qMax', i: number): number =>
  rows.reduce((max, row) => Math.max(max, row[name][i] as number), Number.NEGATIVE_INFINITY)
