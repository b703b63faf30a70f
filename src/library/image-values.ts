/** Images of a caller of the library: arrays or tensors, in and out. */
import * as tf from '#tfjs'
import type { ImageShape, Images } from '../data/images.js'
import { toLevels, unitValues, WHITE } from '../data/levels.js'

/**
 * A set of images, [count, rows, columns] or [count, rows, columns, 1]: levels 0 … 255 in a Uint8Array, or grey values in [0, 1] in a
 * Float32Array or a tensor, which are rounded to the nearest level.
 */
export type ImageValues = tf.Tensor | { readonly data: Uint8Array | Float32Array; readonly shape: readonly number[] }

/** Grey values in [0, 1]: [count, rows, columns]. */
export interface ImageArray {
  readonly data: Float32Array
  readonly shape: readonly [count: number, rows: number, columns: number]
}

/** Throws an Error of one line that names `what` unless these are images, of the size `of` if given. */
export async function readImages(what: string, values: ImageValues, of?: ImageShape): Promise<Images> {
  const { data, shape } =
    values instanceof tf.Tensor ? { data: await values.data(), shape: values.shape } : Object(values)
  const images = { ...shapeOf(what, shape), pixels: levelsOf(what, data) }
  const expected = images.count * images.rows * images.columns
  if (images.pixels.length !== expected)
    throw new Error(`${what}: ${images.pixels.length} values, but the shape [${shape}] has ${expected}`)
  if (of && (images.rows !== of.rows || images.columns !== of.columns))
    throw new Error(
      `${what}: images of ${images.rows}x${images.columns} pixels, but the model has ${of.rows}x${of.columns}`,
    )
  return images
}

function shapeOf(what: string, shape: unknown): ImageShape & { count: number } {
  const isShape = Array.isArray(shape) && shape.every(size => Number.isInteger(size) && size > 0)
  const [count, rows, columns, channels = 1] = isShape ? (shape as number[]) : []
  if (!isShape || (shape.length !== 3 && shape.length !== 4) || channels !== 1)
    throw new Error(
      `${what}: the shape is ${JSON.stringify(shape)}; [count, rows, columns] of grey images was expected`,
    )
  return { count: count as number, rows: rows as number, columns: columns as number, channels }
}

function levelsOf(what: string, data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (!(data instanceof Float32Array) && !(data instanceof Int32Array))
    throw new Error(`${what}: the data must be a Uint8Array of levels or a Float32Array of grey values in [0, 1]`)
  const most = data instanceof Float32Array ? 1 : WHITE
  const wrong = data.findIndex(value => !(value >= 0 && value <= most))
  if (wrong >= 0) throw new Error(`${what}: value ${wrong} is ${data[wrong]}; numbers from 0 to ${most} were expected`)
  return data instanceof Float32Array ? toLevels(data) : Uint8Array.from(data)
}

/** Levels as grey values. */
export const imageArray = ({ count, rows, columns, pixels }: Images): ImageArray => ({
  data: unitValues(pixels),
  shape: [count, rows, columns],
})
