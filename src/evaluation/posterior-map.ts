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

/** The maps of images x [images, pixels]; the square of each holds nearly all of its p(z|x) and of its q(z|x). */
export async function posteriorMaps(
  vae: Vae,
  x: tf.Tensor2D,
  { extent, search, side }: MapOptions,
): Promise<PosteriorMap[]> {
  const gaussians = await readGaussians(vae, x)
  const plane = { centre: [0, 0], radius: extent } as const
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

type Pair = readonly [number, number]
type Bounds = readonly [first: Pair, second: Pair]

function squareAround(found: Bounds, mu: Pair, sigma: Pair): PlaneSquare {
  const axis = (d: 0 | 1) => {
    const reach = DEVIATIONS * sigma[d]
    return [Math.min(found[d][0], mu[d] - reach), Math.max(found[d][1], mu[d] + reach)] as const
  }
  const [first, second] = [axis(0), axis(1)]
  const radius = 0.55 * Math.max(first[1] - first[0], second[1] - second[0])
  return { centre: [middle(first), middle(second)], radius }
}

const middle = ([low, high]: readonly [number, number]): number => (low + high) / 2

/** The numbers of q(z|x), image by image. */
async function readGaussians(vae: Vae, x: tf.Tensor): Promise<{ mu: Pair; sigma: Pair }[]> {
  const both = tf.tidy(() => {
    const [mean, logVar] = encode(vae, x).heads as [tf.Tensor, tf.Tensor]
    return tf.concat([mean, tf.exp(tf.mul(logVar, 0.5))], 1) // [images, 4]
  })
  const rows = (await both.array()) as number[][]
  both.dispose()
  return rows.map(([m1 = 0, m2 = 0, s1 = 0, s2 = 0]) => ({ mu: [m1, m2], sigma: [s1, s2] }))
}

/** p(z|x) over its largest value on a grid of side² points, image by image: [side, side], from the largest z_2 downwards. */
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
    logs.forEach((own, i) => void own.set(values.subarray(i * side, (i + 1) * side), row * side))
  }
  return logs.map(own => {
    const max = own.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    return own.map(value => Math.exp(value - max))
  })
}

/** The smallest ranges of columns and rows, outside of each end of which next to nothing lies, in z. */
function bounds(density: Float32Array, side: number, { centre, radius }: PlaneSquare): Bounds {
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
