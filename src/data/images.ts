/** Sets of images in memory, and functions that select images from them. */
import * as tf from '#tfjs'
import { WHITE } from './levels.js'

/** The shape of one image. */
export interface ImageShape {
  readonly rows: number
  readonly columns: number
  /** 1 for grey images. */
  readonly channels: number
}

/** A set of images of one shape: `pixels` holds [count, rows, columns, channels], levels 0 … 255. */
export interface Images extends ImageShape {
  readonly count: number
  readonly pixels: Uint8Array
}

/** Throws a RangeError unless there are images, with as many pixels as they should have, all of them levels 0 … 255. */
export function requirePixels(images: Images): void {
  const { count, pixels } = images
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`images: count is ${count}; at least 1 was expected`)
  const expected = count * imageSize(images)
  if (pixels.length !== expected)
    throw new RangeError(`images: ${pixels.length} pixels; ${count} images of this shape have ${expected}`)
  if (pixels instanceof Uint8Array) return
  // Callers without types may pass other arrays, whose values would be cut to bytes.
  const wrong = (pixels as number[]).findIndex(level => !Number.isInteger(level) || level < 0 || level > WHITE)
  if (wrong >= 0)
    throw new RangeError(`images: pixel ${wrong} is ${pixels[wrong]}; whole numbers from 0 to ${WHITE} were expected`)
}

/** A shape whose `channels` default to 1, grey. */
export type GivenShape = Pick<ImageShape, 'rows' | 'columns'> & Partial<Pick<ImageShape, 'channels'>>

/** Copies the shape only, without other properties of the object. */
export const imageShape = ({ rows, columns, channels = 1 }: GivenShape): ImageShape => ({ rows, columns, channels })

/** The number of values of one image. */
export const imageSize = ({ rows, columns, channels }: ImageShape): number => rows * columns * channels

/** Images `from` … `to - 1`, or up to the last one; they share memory with the set. */
export function imageRange<I extends Images>(images: I, from: number, to: number): I {
  const end = Math.min(to, images.count)
  const size = imageSize(images)
  return { ...images, count: end - from, pixels: images.pixels.subarray(from * size, end * size) }
}

/** The first `count` images, or all if there are fewer. */
export const firstImages = <I extends Images>(images: I, count: number): I => imageRange(images, 0, count)

/** Copies the images at indices `order[from … to)`, in that order; by default all of `order`. */
export function gatherImages<I extends Images>(images: I, order: ArrayLike<number>, from = 0, to = order.length): I {
  const size = imageSize(images)
  const pixels = new Uint8Array((to - from) * size)
  for (let i = from; i < to; i++) {
    const at = (order[i] as number) * size
    pixels.set(images.pixels.subarray(at, at + size), (i - from) * size)
  }
  return { ...images, count: to - from, pixels }
}

/** The levels of `size` images starting at `from`, concatenated and padded with black images beyond the last one. */
export function imagesFrom(images: Images, from: number, size: number): Uint8Array {
  const width = imageSize(images)
  const batch = new Uint8Array(size * width)
  batch.set(images.pixels.subarray(from * width, (from + size) * width))
  return batch
}

/** Interleaves sources of the same count and shape: image 0 of each source, then image 1 of each, and so on. */
export function alternateImages(sources: readonly [Images, ...Images[]]): Images {
  const [{ count, ...shape }] = sources
  const size = imageSize(shape)
  const pixels = new Uint8Array(sources.length * count * size)
  sources.forEach((source, s) => {
    for (let i = 0; i < count; i++) pixels.set(imageRange(source, i, i + 1).pixels, (i * sources.length + s) * size)
  })
  return { ...shape, count: sources.length * count, pixels }
}

/** The levels of all images as float32: [count, values per image]. */
export const imageTensor = (images: Images): tf.Tensor2D =>
  tf.tensor2d(Float32Array.from(images.pixels), [images.count, imageSize(images)])

/** The mean image, with values in [0, 1]: [values per image]. */
export function meanImage(images: Images): Float32Array {
  const size = imageSize(images)
  const sums = new Float64Array(size)
  for (let i = 0; i < images.pixels.length; i += size)
    for (let j = 0; j < size; j++) sums[j] = (sums[j] as number) + (images.pixels[i + j] as number)
  return Float32Array.from(sums, sum => sum / images.count / WHITE)
}
