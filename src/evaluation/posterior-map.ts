/** p(z|x) of single images over the part of a two-dimensional latent plane where it is, as a picture wants it. */
import * as tf from '@tensorflow/tfjs'
import { decode, encode, type Vae } from '../models/vae.js'

/** A square of the plane. */
export interface PlaneSquare {
  /** Its middle. */
  centre: readonly [number, number]
  /** Half of its side. */
  radius: number
}

export interface PosteriorMap extends PlaneSquare {
  /** p(z|x) divided by its largest value there: [side, side], z_1 to the right, z_2 downwards from its largest. */
  density: Float32Array
  side: number
  /** Of q(z|x). */
  mu: readonly [number, number]
  sigma: readonly [number, number]
}

export interface MapOptions {
  /** The posterior is looked for in [-extent, extent]^2, on a grid of so many points a side. */
  extent: number
  search: number
  /** Points a side of the map. */
  side: number
}

/** What of the posterior may lie outside of the map. */
const OUTSIDE = 1e-3

/** Deviations of q(z|x) that are on the map, along each axis. */
const DEVIATIONS = 2.2

/** The map of one image x [1, pixels], whose square holds nearly all of p(z|x) and of q(z|x). */
export async function posteriorMap(
  vae: Vae,
  x: tf.Tensor,
  { extent, search, side }: MapOptions,
): Promise<PosteriorMap> {
  const { mu, sigma } = await readPosterior(vae, x)
  const plane = { centre: [0, 0], radius: extent } as const
  const found = bounds(await relativeDensity(vae, x, plane, search), search, plane)
  const axis = (d: 0 | 1) => {
    const reach = DEVIATIONS * sigma[d]
    return [Math.min(found[d][0], mu[d] - reach), Math.max(found[d][1], mu[d] + reach)] as const
  }
  const [first, second] = [axis(0), axis(1)]
  const centre = [middle(first), middle(second)] as const
  const square = { centre, radius: 0.55 * Math.max(first[1] - first[0], second[1] - second[0]) }
  return { ...square, density: await relativeDensity(vae, x, square, side), side, mu, sigma }
}

const middle = ([low, high]: readonly [number, number]): number => (low + high) / 2

async function readPosterior(vae: Vae, x: tf.Tensor): Promise<Pick<PosteriorMap, 'mu' | 'sigma'>> {
  const [mu, sigma] = tf.tidy(() => {
    const [mean, logVar] = encode(vae, x).heads as [tf.Tensor, tf.Tensor]
    return [tf.clone(mean), tf.exp(tf.mul(logVar, 0.5))]
  }) as [tf.Tensor, tf.Tensor]
  const [m, s] = await Promise.all([mu.data<'float32'>(), sigma.data<'float32'>()])
  tf.dispose([mu, sigma])
  return { mu: [m[0] as number, m[1] as number], sigma: [s[0] as number, s[1] as number] }
}

/** p(z|x) over its largest value on a grid of side² points: [side, side], from the largest z_2 downwards. */
async function relativeDensity(vae: Vae, x: tf.Tensor, square: PlaneSquare, side: number): Promise<Float32Array> {
  const { centre, radius } = square
  const at = (i: number) => radius * ((2 * i) / (side - 1) - 1)
  const logs = new Float32Array(side * side)
  for (let row = 0; row < side; row++) {
    const joint = tf.tidy(() => {
      const z = tf.tensor2d(Array.from({ length: side }, (_, i) => [centre[0] + at(i), centre[1] - at(row)]))
      return tf.add(tf.reshape(decode(vae, z).logProbOfEach(x), [side]), vae.latents.prior.logProb(z))
    })
    logs.set(await joint.data<'float32'>(), row * side)
    joint.dispose()
  }
  const max = logs.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  return logs.map(value => Math.exp(value - max))
}

/** The smallest ranges of columns and rows, outside of each end of which next to nothing lies, in z. */
function bounds(density: Float32Array, side: number, { centre, radius }: PlaneSquare) {
  const [columns, rows] = [new Float64Array(side), new Float64Array(side)]
  density.forEach((value, i) => {
    columns[i % side] = (columns[i % side] as number) + value
    rows[Math.floor(i / side)] = (rows[Math.floor(i / side)] as number) + value
  })
  const at = (i: number) => radius * ((2 * i) / (side - 1) - 1)
  const [left, right] = range(columns)
  const [top, bottom] = range(rows)
  return [
    [centre[0] + at(left), centre[0] + at(right)],
    [centre[1] - at(bottom), centre[1] - at(top)],
  ] as const
}

/** The first and last index between which all but `OUTSIDE` of the sum lies, and one more at each side. */
function range(sums: Float64Array): [number, number] {
  const total = sums.reduce((sum, value) => sum + value, 0)
  const cut = (values: Float64Array) => {
    let below = 0
    return values.findIndex(value => {
      below += value
      return below > (OUTSIDE / 2) * total
    })
  }
  const last = sums.length - 1
  return [Math.max(0, cut(sums) - 1), Math.min(last, last - cut(sums.toReversed()) + 1)]
}
