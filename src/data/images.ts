/** Sets of images, in memory or read by position, and functions that select images from them. */
import * as tf from '#tfjs'
import { WHITE } from './levels.js'

/** The shape of one image. */
export interface ImageShape {
  readonly rows: number
  readonly columns: number
  /** 1 for grey images. */
  readonly channels: number
}

/** A set of images of one shape in memory: `pixels` holds [count, rows, columns, channels], levels 0 … 255. */
export interface Images extends ImageShape {
  readonly count: number
  /** The class of each image, from 0, where a conditional model reads it: it ends the row of the image in a batch. */
  readonly classes?: Uint8Array
  readonly pixels: Uint8Array
}

/** A set of images that is read by position, because it may not fit into memory. */
export interface StoredImages extends ImageShape {
  readonly count: number
  /** As in `Images`. */
  readonly classes?: Uint8Array
  /** The levels of images `from` … `to - 1`. */
  read(from: number, to: number): Uint8Array
  /** The levels of the images at `positions`, in that order, read without blocking; absent where they are computed from others. */
  gather?(positions: ArrayLike<number>): Promise<Uint8Array>
}

export type ImageSet = Images | StoredImages

/** The levels of images `from` … `to - 1`, or up to the last one; do not change them: they may be those of the set. */
export function levelsOf(images: ImageSet, from = 0, to = images.count): Uint8Array {
  const [start, end] = [Math.min(from, images.count), Math.min(to, images.count)]
  if (!('pixels' in images)) return images.read(start, end)
  const size = imageSize(images)
  return images.pixels.subarray(start * size, end * size)
}

/** Throws a RangeError unless there are images, with as many pixels as they should have, all of them levels 0 … 255. */
export function requirePixels(images: ImageSet): void {
  const { count, classes } = images
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`images: count is ${count}; at least 1 was expected`)
  if (classes && classes.length !== count)
    throw new RangeError(`images: ${classes.length} classes; one for each of ${count} images was expected`)
  if (!('pixels' in images)) return // their reader has checked them
  const { pixels } = images
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
export function imageShape({ rows, columns, channels = 1 }: GivenShape): ImageShape {
  if (!Number.isInteger(channels))
    throw new Error(`channels is ${JSON.stringify(channels)}; a whole number, 1 for grey images, was expected`)
  return { rows, columns, channels }
}

/** Such as `28x28`, or `32x32 in colour`. */
export const describeSize = ({ rows, columns, channels }: ImageShape): string =>
  `${rows}x${columns}${channels === 1 ? '' : channels === 3 ? ' in colour' : ` of ${channels} channels`}`

/** The number of values of one image. */
export const imageSize = ({ rows, columns, channels }: ImageShape): number => rows * columns * channels

/** Images `from` … `to - 1`, or up to the last one; they share memory or file with the set. */
export function imageRange<I extends ImageSet>(images: I, from: number, to: number): I {
  const end = Math.min(to, images.count)
  const { classes } = images
  const part = { ...images, count: end - from, ...(classes && { classes: classes.subarray(from, end) }) }
  if (!('pixels' in images)) {
    const read = (a: number, b: number) => images.read(from + a, from + b)
    return { ...part, read, ...gatherBy(images, position => from + position) }
  }
  const size = imageSize(images)
  return { ...part, pixels: images.pixels.subarray(from * size, end * size) }
}

/** `gather` of images that are selected from a stored set, of which `at` says the position. */
export const gatherBy = ({ gather }: StoredImages, at: (position: number) => number): Pick<StoredImages, 'gather'> =>
  gather ? { gather: positions => gather(Float64Array.from(positions, at)) } : {}

/** The first `count` images, or all if there are fewer. */
export const firstImages = <I extends ImageSet>(images: I, count: number): I => imageRange(images, 0, count)

/** The images of a set in memory, with its other properties. */
export type InMemory<I> = Omit<I, 'read' | 'gather' | 'pixels'> & Images

/** Copies a set into memory. */
export const inMemory = <I extends ImageSet>(images: I): InMemory<I> =>
  withPixels(images, levelsOf(images), images.count)

function withPixels<I extends ImageSet>(images: I, pixels: Uint8Array, count: number): InMemory<I> {
  const { read: _, gather: __, ...rest } = images as I & Partial<StoredImages>
  return { ...rest, count, pixels } as unknown as InMemory<I>
}

/** Copies the images at indices `order[from … to)`, in that order; by default all of `order`. */
export function gatherImages<I extends ImageSet>(
  images: I,
  order: ArrayLike<number>,
  from = 0,
  to = order.length,
): InMemory<I> {
  const size = imageSize(images)
  const pixels = new Uint8Array((to - from) * size)
  for (let i = from; i < to; i++) {
    const at = order[i] as number
    pixels.set(levelsOf(images, at, at + 1), (i - from) * size)
  }
  const { classes } = images
  const chosen = classes && {
    classes: new Uint8Array(to - from).map((_, i) => classes[order[from + i] as number] as number),
  }
  return withPixels({ ...images, ...chosen }, pixels, to - from)
}

/** The number of values of an image in a batch: its levels, then its class if the set has classes. */
export const rowSize = (images: ImageSet): number => imageSize(images) + (images.classes ? 1 : 0)

/** The rows of images `from` … `to - 1` in a batch, or up to the last one; do not change them: they may be the levels of the set. */
export function rowsOf(images: ImageSet, from = 0, to = images.count): Uint8Array {
  const { classes } = images
  const levels = levelsOf(images, from, to)
  return classes ? endedByClass(levels, classes.subarray(from, to)) : levels
}

/** The rows of a batch from levels that were read: those of image `at(i)` are row i, which ends with its class if the set has classes. */
export function rowsOfLevels(images: ImageSet, levels: Uint8Array, at: (i: number) => number): Uint8Array {
  const { classes } = images
  if (!classes) return levels
  return endedByClass(
    levels,
    new Uint8Array(levels.length / imageSize(images)).map((_, i) => classes[at(i)] as number),
  )
}

/** Rows of levels, each ended by its class. */
function endedByClass(levels: Uint8Array, classes: Uint8Array): Uint8Array {
  const size = levels.length / classes.length
  const rows = new Uint8Array(levels.length + classes.length)
  classes.forEach((number, i) => {
    rows.set(levels.subarray(i * size, (i + 1) * size), i * (size + 1))
    rows[i * (size + 1) + size] = number
  })
  return rows
}

/** The rows of `size` images starting at `from`, concatenated and padded with black images (of class 0) beyond the last one. */
export function imagesFrom(images: ImageSet, from: number, size: number): Uint8Array {
  const batch = new Uint8Array(size * rowSize(images))
  batch.set(rowsOf(images, from, from + size))
  return batch
}

/** Interleaves sources of the same count and shape: image 0 of each source, then image 1 of each, and so on. */
export function alternateImages(sources: readonly [Images, ...Images[]]): Images {
  const [first] = sources
  const [{ count }, shape] = [first, imageShape(first)]
  const size = imageSize(shape)
  const pixels = new Uint8Array(sources.length * count * size)
  sources.forEach((source, s) => {
    for (let i = 0; i < count; i++) pixels.set(imageRange(source, i, i + 1).pixels, (i * sources.length + s) * size)
  })
  return { ...shape, count: sources.length * count, pixels }
}

/** The levels of all images as float32: [count, values per image]. */
export const imageTensor = (images: ImageSet): tf.Tensor2D =>
  tf.tensor2d(Float32Array.from(levelsOf(images)), [images.count, imageSize(images)])

/** Images that are read at once where all have to be seen. */
const BLOCK = 5000

/** The mean image, with values in [0, 1]: [values per image]. */
export function meanImage(images: ImageSet): Float32Array {
  const pieces = Array.from({ length: Math.ceil(images.count / BLOCK) }, (_, i) => BLOCK * i)
  return meanOfPieces(images, pieces, BLOCK)
}

/** Images of a stored set over which its mean is estimated. */
const MOST_AVERAGED = 100_000

/**
 * The mean image to start a training from, as `meanImage`. Of a stored set of more than 100,000 images it is the mean of as many at most, evenly spaced: each is
 * a read at another place of the file, and the standard error of a pixel is below 0.002.
 */
export function startingMean(images: ImageSet): Float32Array {
  const step = 'pixels' in images ? 1 : Math.ceil(images.count / MOST_AVERAGED)
  if (step <= 1) return meanImage(images)
  const chosen = Array.from({ length: Math.ceil(images.count / step) }, (_, i) => step * i)
  return meanOfPieces(images, chosen, 1)
}

/** The mean over pieces of up to `length` images, by the first image of each. */
function meanOfPieces(images: ImageSet, pieces: readonly number[], length: number): Float32Array {
  const size = imageSize(images)
  const sums = new Float64Array(size)
  let values = 0
  for (const from of pieces) {
    const levels = levelsOf(images, from, from + length)
    values += levels.length
    for (let i = 0; i < levels.length; i += size)
      for (let j = 0; j < size; j++) sums[j] = (sums[j] as number) + (levels[i + j] as number)
  }
  return Float32Array.from(sums, sum => sum / (values / size) / WHITE)
}
