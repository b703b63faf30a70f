/** Pictures of trained models: latent points and their mean images, as grey levels. */
import * as tf from '#tfjs'
import { type ImageSet, type ImageShape, type Images, levelsOf } from '../data/images.js'
import { toLevels, unitValues } from '../data/levels.js'
import { type PriorAxes, priorAxes } from '../evaluation/prior-axes.js'
import { mostProbable } from '../inference/decoder/most-probable.js'
import { type Decoder, decode, encode, samplePrior, type Vae } from '../models/vae.js'
import { type PathName, paths } from '../numeric/paths.js'
import type { Key } from '../random.js'

/** Mean images, and the latent point of each. */
export interface Picture extends Images {
  z: number[][]
}

/** The pictures that every trained model can draw. */
export interface Pictures {
  /** Mean images of `count` draws of z from the prior. */
  sample(key: Key, count: number): Promise<Picture>
  /** For each image (as the model reads it, 0 … 255) the mean image given its latents. */
  reconstruct(images: ImageSet): Promise<Picture>
}

export const vaePictures = (vae: Vae): Pictures => ({
  sample: (key, count) => sample(vae, key, count),
  reconstruct: async images => decodeGrid(vae, await encodeModes(vae, images)),
})

/** For a decoder without an encoder: each image is reconstructed from its most probable z. */
export const decoderPictures = (model: Decoder): Pictures => ({
  sample: (key, count) => sample(model, key, count),
  async reconstruct(images) {
    const x = tf.tensor2d(unitValues(levelsOf(images)), [images.count, model.pixels])
    const z = await mostProbable(model, x)
    x.dispose()
    return decodeGrid(model, await readMatrix(z))
  },
})

/** `count` draws z ~ p(z). */
async function sample(model: Decoder, key: Key, count: number): Promise<Picture> {
  return decodeGrid(model, await readMatrix(tf.tidy(() => samplePrior(model, key, count))))
}

/** `steps` points of a path between the codes of consecutive pairs of images: one row of z per point. */
export async function interpolate(vae: Vae, images: ImageSet, steps: number, path: PathName): Promise<Picture> {
  const means = await encodeModes(vae, images)
  const walks: number[][] = []
  for (let i = 0; i + 1 < means.length; i += 2) {
    const [from, to] = [means[i] as number[], means[i + 1] as number[]]
    for (let t = 0; t < steps; t++) walks.push(paths[path](from, to, t / (steps - 1)))
  }
  return decodeGrid(vae, walks)
}

/** The plane of a two-dimensional z within ±extent standard deviations of p(z), `side` by `side` points; z_2 increases upwards. */
export async function manifold(vae: Decoder, side: number, extent: number): Promise<Picture> {
  const axes = await priorAxes(vae)
  const at = (i: number) => (side === 1 ? 0 : (2 * i) / (side - 1) - 1) * extent
  const plane = Array.from({ length: side * side }, (_, i) => [
    placeOn(axes, 0, at(i % side)),
    placeOn(axes, 1, -at(Math.floor(i / side))),
  ])
  return decodeGrid(vae, plane)
}

/** z_j that is `deviations` standard deviations of p(z_j) from its mean. */
const placeOn = ({ mean, deviation }: PriorAxes, j: number, deviations: number): number =>
  (mean[j] as number) + (deviation[j] as number) * deviations

/** What a traversal shows: a row for each of `dimensions`, with `steps` points of it within ±extent standard deviations of p(z); the others as in `centre` [latent]. */
export interface Traversal {
  dimensions: readonly number[]
  centre: readonly number[]
  steps: number
  extent: number
}

/** Images along single dimensions of z: one row of points per dimension, whose other dimensions are those of the centre. */
export async function traverse(vae: Decoder, { dimensions, centre, steps, extent }: Traversal): Promise<Picture> {
  const axes = await priorAxes(vae)
  const at = (step: number) => ((2 * step) / (steps - 1) - 1) * extent
  const points = dimensions.flatMap(dimension =>
    Array.from({ length: steps }, (_, step) =>
      centre.map((value, j) => (j === dimension ? placeOn(axes, j, at(step)) : value)),
    ),
  )
  return decodeGrid(vae, points)
}

const PIECE = 1000

/** The mean images of p(x|z) for each z. */
export async function decodeGrid(vae: Decoder, z: number[][]): Promise<Picture> {
  const pixels = new Uint8Array(z.length * vae.pixels)
  for (let start = 0; start < z.length; start += PIECE) {
    const means = tf.tidy(() => decode(vae, tf.tensor2d(z.slice(start, start + PIECE))).mean)
    const values = await means.data<'float32'>()
    means.dispose()
    pixels.set(toLevels(values), start * vae.pixels)
  }
  return { ...vae.image, count: z.length, pixels, z }
}

/** The most probable z of each image, as the model reads it. */
export function encodeModes(vae: Vae, images: ImageSet): Promise<number[][]> {
  const x = () => tf.tensor2d(unitValues(levelsOf(images)), [images.count, vae.pixels])
  return readMatrix(tf.tidy(() => encode(vae, x()).mode))
}

async function readMatrix(matrix: tf.Tensor): Promise<number[][]> {
  const rows = (await matrix.array()) as number[][]
  matrix.dispose()
  return rows
}

/** Reads latents [count, latent] and images [count, values of an image] in [0, 1], and frees them. */
export async function readPicture(z: tf.Tensor, image: tf.Tensor, shape: ImageShape): Promise<Picture> {
  const [rows, means] = await Promise.all([z.array() as Promise<number[][]>, image.data<'float32'>()])
  tf.dispose([z, image])
  return { ...shape, count: rows.length, pixels: toLevels(means), z: rows }
}
