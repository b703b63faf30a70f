/**
 * log p(x), ELBO and gap of one image by quadrature over a plane of z, in the page: a coarse grid finds where p(z|x) is, a fine one on the
 * square that holds it and q(z|x) integrates. The sums are those of `elbo posterior`, whose one grid is finer elsewhere.
 */
import * as tf from '#tfjs'
import { halfIntegrals, integrals, qMasses, type RowSums } from '../../evaluation/grid-sums.js'
import { bounds, type Pair, type PlaneSquare, squareAround } from '../../evaluation/posterior-map.js'
import { sumRow } from '../../evaluation/row-sums.js'
import { decode, encode } from '../../models/vae.js'
import type { ModelAt } from '../model/classes.js'
import { nextFrame, valuesOf } from '../model/model.js'

export interface PlaneIntegrals extends PlaneSquare {
  /** In nats; logPx = elbo + gap. */
  logPx: number
  elbo: number
  gap: number
  /** Change of log p(x) with half the points along each axis, a cautious bound on its error. */
  change: number
  /** The integral of q(z|x) over the square: 1, unless it extends beyond. */
  qMass: number
  /** p(z|x) divided by its maximum: [side, side], z_1 ascending, z_2 ascending. */
  density: Float32Array
  side: number
}

/** p(z|x) is looked for in [-EXTENT, EXTENT]^2. */
const EXTENT = 6
const SEARCH = 61
const SIDES = [81, 161] as const

/** Change with half the points, in nats, that asks for the finer grid. */
const FINE_ENOUGH = 5e-4

/** The integrals of image x [1, values] under a model of two latent dimensions; undefined if the signal stopped it. */
export async function planeIntegrals(
  model: ModelAt,
  x: tf.Tensor,
  { mu, sigma }: { mu: Pair; sigma: Pair },
  signal: AbortSignal,
): Promise<PlaneIntegrals | undefined> {
  const everywhere = { centre: [0, 0], radius: EXTENT } as const
  const coarse = await overSquare(model, x, everywhere, SEARCH, signal)
  if (coarse === undefined) return undefined
  // `bounds` reads rows from the top.
  const found = bounds(flipped(relative(coarse.logs), SEARCH), SEARCH, everywhere)
  const square = squareAround(found, mu, sigma)
  for (const side of SIDES) {
    const grid = await overSquare(model, x, square, side, signal)
    if (grid === undefined) return undefined
    const result = integrate(grid, square, side)
    if (result.change < FINE_ENOUGH || side === SIDES.at(-1)) return result
  }
  return undefined
}

interface Grid {
  rows: RowSums[]
  /** log p(x, z): [side, side]. */
  logs: Float32Array
}

async function overSquare(
  model: ModelAt,
  x: tf.Tensor,
  { centre, radius }: PlaneSquare,
  side: number,
  signal: AbortSignal,
): Promise<Grid | undefined> {
  const at = (i: number) => radius * ((2 * i) / (side - 1) - 1)
  const logs = new Float32Array(side * side)
  const rows: RowSums[] = []
  for (let row = 0; row < side; row++) {
    if (signal.aborted) return undefined
    const points = Array.from({ length: side }, (_, i) => [centre[0] + at(i), centre[1] + at(row)])
    const { log, sums } = tf.tidy(() => {
      const vae = model()
      const z = tf.tensor2d(points)
      const prior = tf.reshape(vae.latents.prior.logProb(z), [side, 1])
      const joint = tf.add(decode(vae, z).logProbOfEach(x), prior) // [side, 1]
      const logQ = encode(vae, x).logProb(tf.reshape(z, [side, 1, 2]))
      return { log: joint, sums: sumRow(joint, logQ, side) }
    })
    const names = Object.keys(sums)
    const [values, ...each] = await valuesOf(log, ...Object.values(sums))
    logs.set(values as Float32Array, row * side)
    rows.push(Object.fromEntries(names.map((name, i) => [name, each[i]])) as unknown as RowSums)
    if (row % 8 === 7) await nextFrame()
  }
  return { rows, logs }
}

function integrate({ rows, logs }: Grid, square: PlaneSquare, side: number): PlaneIntegrals {
  const cell = ((2 * square.radius) / (side - 1)) ** 2
  const first = ({ logPx, elbo, gap }: ReturnType<typeof integrals>) => ({
    logPx: logPx[0] as number,
    elbo: elbo[0] as number,
    gap: gap[0] as number,
  })
  const [whole, half] = [first(integrals(rows, 1, cell)), first(halfIntegrals(rows, 1, 4 * cell))]
  const qMass = qMasses(rows, 1, cell)[0] as number
  return { ...square, ...whole, change: Math.abs(half.logPx - whole.logPx), qMass, density: relative(logs), side }
}

function relative(logs: Float32Array): Float32Array {
  const max = logs.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  return logs.map(value => Math.exp(value - max))
}

/** The rows in the opposite order. */
function flipped(density: Float32Array, side: number): Float32Array {
  const turned = new Float32Array(density.length)
  for (let row = 0; row < side; row++)
    turned.set(density.subarray(row * side, (row + 1) * side), (side - 1 - row) * side)
  return turned
}
