/** Images of a caller of the library: arrays or tensors, in and out. */
import * as tf from '#tfjs'
import { describeSize, type ImageShape, type Images, imageSize } from '../data/images.js'
import { toLevels, unitValues, WHITE } from '../data/levels.js'

/**
 * A set of images, grey ones [count, rows, columns], or with channels [count, rows, columns, 1 or 3]: levels 0 … 255 in a Uint8Array, or
 * values in [0, 1] in a Float32Array or a tensor, which are rounded to the nearest level.
 */
export type ImageValues = tf.Tensor | { readonly data: Uint8Array | Float32Array; readonly shape: readonly number[] }

/** Values in [0, 1]. Only images in colour have an axis of channels. */
export interface ImageArray {
  readonly data: Float32Array
  readonly shape:
    | readonly [count: number, rows: number, columns: number]
    | readonly [count: number, rows: number, columns: number, channels: number]
}

/** Throws an Error of one line that names `what` unless these are images, of the size `of` if given. */
export async function readImages(what: string, values: ImageValues, of?: ImageShape): Promise<Images> {
  const { data, shape } =
    values instanceof tf.Tensor ? { data: await values.data(), shape: values.shape } : Object(values)
  const images = { ...shapeOf(what, shape), pixels: levelsOf(what, data) }
  const expected = images.count * imageSize(images)
  if (images.pixels.length !== expected)
    throw new Error(`${what}: ${images.pixels.length} values, but the shape [${shape}] has ${expected}`)
  if (of && describeSize(images) !== describeSize(of))
    throw new Error(`${what}: images of ${describeSize(images)} pixels, but the model has ${describeSize(of)}`)
  return images
}

function shapeOf(what: string, shape: unknown): ImageShape & { count: number } {
  const isShape = Array.isArray(shape) && shape.every(size => Number.isInteger(size) && size > 0)
  const [count, rows, columns, channels = 1] = isShape ? (shape as number[]) : []
  if (!isShape || (shape.length !== 3 && shape.length !== 4) || (channels !== 1 && channels !== 3))
    throw new Error(
      `${what}: the shape is ${JSON.stringify(shape)}; [count, rows, columns] of grey images, or [count, rows, columns, 3] of colour images, was expected`,
    )
  return { count: count as number, rows: rows as number, columns: columns as number, channels }
}

function levelsOf(what: string, data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (!(data instanceof Float32Array) && !(data instanceof Int32Array))
    throw new Error(`${what}: the data must be a Uint8Array of levels or a Float32Array of values in [0, 1]`)
  const most = data instanceof Float32Array ? 1 : WHITE
  const wrong = data.findIndex(value => !(value >= 0 && value <= most))
  if (wrong >= 0) throw new Error(`${what}: value ${wrong} is ${data[wrong]}; numbers from 0 to ${most} were expected`)
  return data instanceof Float32Array ? toLevels(data) : Uint8Array.from(data)
}

/** Levels as values in [0, 1]. */
export const imageArray = (images: Images): ImageArray => ({
  data: unitValues(images.pixels),
  shape: arrayShape(images.count, images),
})

/** The shape of `count` images as the library gives them. */
export const arrayShape = (count: number, { rows, columns, channels }: ImageShape): ImageArray['shape'] =>
  channels === 1 ? [count, rows, columns] : [count, rows, columns, channels]
