/** Maps of p(z|x) for single images, over the region of a two-dimensional latent space that holds its mass. */
import * as tf from '#tfjs'
import { decode, encode, type Vae } from '../models/vae.js'
import { priorAxes } from './prior-axes.js'

/** A square in the latent plane. */
export interface PlaneSquare {
  centre: readonly [number, number]
  /** Half the side length. */
  radius: number
}

export interface PosteriorMap extends PlaneSquare {
  /** p(z|x) divided by its maximum: [side, side]. Columns are z_1 ascending, rows z_2 descending. */
  density: Float32Array
  side: number
  /** Mean and standard deviation of q(z|x). */
  mu: readonly [number, number]
  sigma: readonly [number, number]
}

export interface MapOptions {
  /** The posterior is located within ±extent standard deviations of p(z) around its mean, on a grid of search² points. */
  extent: number
  search: number
  /** Points per side of the map. */
  side: number
}

/** Posterior mass that may lie outside the map, per axis. */
const OUTSIDE = 1e-3

/** Standard deviations of q(z|x) that the map covers on each side of its mean. */
const DEVIATIONS = 2.2

/** The maps of images x [images, pixels]; the square of each holds nearly all mass of its p(z|x) and q(z|x). */
export async function posteriorMaps(
  vae: Vae,
  x: tf.Tensor2D,
  { extent, search, side }: MapOptions,
): Promise<PosteriorMap[]> {
  const gaussians = await readGaussians(vae, x)
  const { mean, deviation } = await priorAxes(vae)
  const plane = { centre: mean as Pair, radius: extent * Math.max(...deviation) } as const
  const found = (await relativeDensities(vae, x, plane, search)).map(density => bounds(density, search, plane))
  const maps: PosteriorMap[] = []
  for (const [i, { mu, sigma }] of gaussians.entries()) {
    const square = squareAround(found[i] as Bounds, mu, sigma)
    const image = tf.slice(x, [i, 0], [1, vae.pixels])
    const [density] = (await relativeDensities(vae, image, square, side)) as [Float32Array]
    image.dispose()
    maps.push({ ...square, density, side, mu, sigma })
  }
  return maps
}

export type Pair = readonly [number, number]
export type Bounds = readonly [first: Pair, second: Pair]

/** The square that holds what was `found` and q(z|x) to 2.2 standard deviations. */
export function squareAround(found: Bounds, mu: Pair, sigma: Pair): PlaneSquare {
  const axis = (d: 0 | 1) => {
    const reach = DEVIATIONS * sigma[d]
    return [Math.min(found[d][0], mu[d] - reach), Math.max(found[d][1], mu[d] + reach)] as const
  }
  const [first, second] = [axis(0), axis(1)]
  const radius = 0.55 * Math.max(first[1] - first[0], second[1] - second[0])
  return { centre: [middle(first), middle(second)], radius }
}

const middle = ([low, high]: readonly [number, number]): number => (low + high) / 2

/** Mean and standard deviation of q(z|x) for each image. */
async function readGaussians(vae: Vae, x: tf.Tensor): Promise<{ mu: Pair; sigma: Pair }[]> {
  const both = tf.tidy(() => {
    const [mean, logVar] = encode(vae, x).heads as [tf.Tensor, tf.Tensor]
    return tf.concat([mean, tf.exp(tf.mul(logVar, 0.5))], 1) // [images, 4]
  })
  const rows = (await both.array()) as number[][]
  both.dispose()
  return rows.map(([m1 = 0, m2 = 0, s1 = 0, s2 = 0]) => ({ mu: [m1, m2], sigma: [s1, s2] }))
}

/** p(z|x) divided by its maximum on a grid of side² points, for each image: [side, side], rows in descending z_2. */
async function relativeDensities(
  vae: Vae,
  x: tf.Tensor,
  { centre, radius }: PlaneSquare,
  side: number,
): Promise<Float32Array[]> {
  const images = x.shape[0] as number
  const at = (i: number) => radius * ((2 * i) / (side - 1) - 1)
  const logs = Array.from({ length: images }, () => new Float32Array(side * side))
  for (let row = 0; row < side; row++) {
    const joint = tf.tidy(() => {
      const z = tf.tensor2d(Array.from({ length: side }, (_, i) => [centre[0] + at(i), centre[1] - at(row)]))
      const prior = tf.reshape(vae.latents.prior.logProb(z), [side, 1])
      return tf.transpose(tf.add(decode(vae, z).logProbOfEach(x), prior)) // [images, side]
    })
    const values = await joint.data<'float32'>()
    joint.dispose()
    logs.forEach((log, i) => void log.set(values.subarray(i * side, (i + 1) * side), row * side))
  }
  return logs.map(log => {
    const max = log.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    return log.map(value => Math.exp(value - max))
  })
}

/** The smallest ranges of z_1 and z_2 that hold all but `OUTSIDE` of the mass. */
export function bounds(density: Float32Array, side: number, { centre, radius }: PlaneSquare): Bounds {
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
  ]
}

/** First and last index of the range that holds all but `OUTSIDE` of the sum, extended by one on each side. */
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
