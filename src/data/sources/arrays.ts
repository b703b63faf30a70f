/** Images in arrays of numbers: where each pixel lies, and which level its number stands for. */
import { setImmediate } from 'node:timers/promises'
import { type ImageShape, imageShape, imageSize } from '../images.js'
import { WHITE } from '../levels.js'
import { type ByteSource, type Cursor, withCursor } from './bytes.js'
import { bytesOfType, type NumberType, type Values, valuesOf } from './numbers.js'
import type { Decodable, Labels, OpenedSource, PartName, Warning } from './reader.js'

/** Numbers in a file. */
export interface StoredArray {
  /** For errors: the file, and the array's name in it. */
  readonly name: string
  readonly shape: readonly number[]
  readonly type: NumberType
  /** Fractions that are whole numbers may be stored as bytes. */
  readonly isReal: boolean
  readonly isBigEndian: boolean
  /** The first index varies fastest: Fortran's and MATLAB's order. */
  readonly isFirstFastest: boolean
  readonly bytes: ByteSource
  /** Where the numbers begin in `bytes`. */
  readonly offset: number
  /** Bytes that may follow the numbers. */
  readonly padding: number
}

/** Where images lie in an array. */
export interface Layout extends ImageShape {
  readonly count: number
  /** The numbers of one image lie together; otherwise those of one pixel of all images do. */
  readonly isImageTogether: boolean
  /** Of pixel j of an image, the channels of a pixel side by side, the number among those of the image; undefined: j itself. */
  readonly order?: Int32Array
}

/** Images and what belongs to them. */
export interface ImageArray {
  readonly array: StoredArray
  readonly layout: Layout
  readonly labels?: Labels | undefined
  readonly files: readonly string[]
}

/** Levels that are decoded at once. */
const BLOCK = 2 ** 22

/** Larger where each block has to unpack the whole array again. */
const UNPACKED_BLOCK = 2 ** 26

/** Levels of one image. */
const LARGEST_IMAGE = 2 ** 26

/** A layout, by the distances within one image of the numbers of neighbouring rows, columns and channels. */
export function layoutOf(
  { count, isImageTogether, ...image }: Omit<Layout, 'order'>,
  [row, column, channel]: readonly [row: number, column: number, channel: number],
  name: string,
): Layout {
  const shape = imageShape(image)
  const { rows, columns, channels } = shape
  if (![count, rows, columns, channels].every(size => Number.isSafeInteger(size) && size > 0))
    throw new Error(`${name}: the header says ${describe({ ...shape, count })}; all must be positive`)
  if (imageSize(shape) > LARGEST_IMAGE)
    throw new Error(`${name}: images of ${rows}x${columns} pixels are too large; ${LARGEST_IMAGE} levels are the most`)
  if (isImageTogether && row === columns * channels && column === channels && channel === 1)
    return { ...shape, count, isImageTogether }
  const order = Int32Array.from({ length: imageSize(shape) }, (_, j) => {
    const pixel = Math.floor(j / channels)
    return Math.floor(pixel / columns) * row + (pixel % columns) * column + (j % channels) * channel
  })
  return { ...shape, count, isImageTogether, order }
}

/**
 * The images of the parts of one source. Fractions are read as [0, 1] if those of all parts lie there, otherwise as [0, 255]. Throws an Error
 * that names the array and the place of the first number outside.
 */
export async function openArrays(
  parts: Partial<Record<PartName, ImageArray>>,
  warnings: readonly Warning[] = [],
): Promise<OpenedSource> {
  const all = Object.entries(parts)
  for (const [, { array, layout }] of all) requireSize(array, layout)
  const real = all.map(([, part]) => part).filter(({ array }) => array.isReal)
  const largest = await largestOf(real)
  const isUnit = largest <= 1 + ROUNDING
  const realFiles = [...new Set(real.flatMap(({ files }) => files))] // the scale of each depends on all
  const decodables = all.map(([name, part]) => {
    const isReal = part.array.isReal
    return [name, decodable(isReal ? { ...part, files: realFiles } : part, isUnit && isReal)]
  })
  return {
    parts: Object.fromEntries(decodables),
    warnings,
  }
}

/** Fractions may be outside of [0, 1] by so much, as resized images are. */
const ROUNDING = 1e-6

function decodable({ array, layout, labels, files }: ImageArray, isUnit: boolean): Decodable {
  const { count } = layout
  const isFlat = array.type === 'uint8' && !isUnit && layout.isImageTogether && !layout.order
  const place = isFlat ? array.bytes.place : undefined
  return {
    ...imageShape(layout),
    count,
    ...(labels && { labels }),
    ...((isUnit || array.type === 'bool') && { isScaled: true }),
    ...(place && { flat: { path: place.path, offset: place.offset + array.offset } }),
    files,
    blocks: () =>
      layout.isImageTogether ? blocksOfImages(array, layout, isUnit) : blocksOfPixels(array, layout, isUnit),
  }
}

async function* blocksOfImages(array: StoredArray, layout: Layout, isUnit: boolean): AsyncGenerator<Uint8Array> {
  const size = imageSize(layout)
  let from = 0
  for await (const values of chunks(array, layout, Math.max(1, Math.floor(BLOCK / size)) * size)) {
    const levels = levelsOf(values, isUnit, at => refuse(array, layout, from + at, values[at] as number))
    yield layout.order ? reordered(levels, layout.order) : levels
    from += values.length
  }
}

/** All numbers in their own order, `length` at a time. */
async function* chunks(array: StoredArray, layout: Layout, length: number): AsyncGenerator<Values> {
  const cursor = array.bytes.open()
  try {
    await cursor.skip(array.offset)
    const total = layout.count * imageSize(layout)
    for (let from = 0; from < total; from += length)
      yield await numbers(cursor, array, layout, from, Math.min(length, total - from))
    await requireEnd(cursor, array, layout)
  } finally {
    await cursor.close()
  }
}

/** Each pixel's numbers are read for as many images as fit in a block; a packed array is unpacked once for each block. */
async function* blocksOfPixels(array: StoredArray, layout: Layout, isUnit: boolean): AsyncGenerator<Uint8Array> {
  const { count } = layout
  const size = imageSize(layout)
  const most = Math.max(1, Math.floor((array.bytes.place ? BLOCK : UNPACKED_BLOCK) / size))
  const pixelOf = inverse(layout)
  for (let from = 0; from < count; from += most) {
    const held = Math.min(most, count - from)
    yield await withCursor(array.bytes, async cursor => {
      const levels = new Uint8Array(held * size)
      await cursor.skip(array.offset)
      for (let stored = 0; stored < size; stored++) {
        const at = stored * count + from
        await cursor.skip((stored === 0 ? from : count - held) * bytesOfType[array.type])
        const values = await numbers(cursor, array, layout, at, held)
        const column = levelsOf(values, isUnit, i => refuse(array, layout, at + i, values[i] as number))
        for (let i = 0; i < held; i++) levels[i * size + (pixelOf[stored] as number)] = column[i] as number
      }
      await cursor.skip((count - from - held) * bytesOfType[array.type])
      await requireEnd(cursor, array, layout)
      return levels
    })
  }
}

async function numbers(
  cursor: Cursor,
  array: StoredArray,
  layout: Layout,
  from: number,
  length: number,
): Promise<Values> {
  const size = bytesOfType[array.type]
  const bytes = await cursor.read(length * size)
  if (bytes.length < length * size) throw sizeError(array, layout, from * size + bytes.length)
  return valuesOf(bytes, array.type, array.isBigEndian)
}

/** Reads on to the end: only there are checksums compared. */
async function requireEnd(cursor: Cursor, array: StoredArray, layout: Layout): Promise<void> {
  const more = await cursor.read(array.padding + 1)
  if (more.length > array.padding) throw sizeError(array, layout, undefined)
}

/** What is known without unpacking. */
function requireSize(array: StoredArray, layout: Layout): void {
  if (array.bytes.size === undefined) return
  const found = array.bytes.size - array.offset
  const more = found - layout.count * imageSize(layout) * bytesOfType[array.type]
  if (more < 0 || more > array.padding) throw sizeError(array, layout, found)
}

function sizeError(array: StoredArray, layout: Layout, found: number | undefined): Error {
  const size = layout.count * imageSize(layout) * bytesOfType[array.type]
  const fault = found !== undefined && found < size ? 'is truncated' : 'has extra bytes'
  const says = `the header says ${describe(layout)}, ${size} bytes`
  return new Error(`${array.name}: the file ${fault}: ${says}, but ${found ?? 'more'} follow it`)
}

const describe = ({ count, rows, columns, channels }: Omit<Layout, 'isImageTogether'>): string =>
  `${count} images of ${rows}x${columns} pixels${channels === 1 ? '' : ` in ${channels} channels`}`

/** The largest of all fractions; -Infinity if there are none. */
async function largestOf(parts: readonly ImageArray[]): Promise<number> {
  let largest = Number.NEGATIVE_INFINITY
  for (const { array, layout } of parts) {
    let from = 0
    for await (const values of chunks(array, layout, BLOCK / 8)) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number
        if (!(value >= -ROUNDING && value <= WHITE)) refuse(array, layout, from + i, value)
        if (value > largest) largest = value
      }
      from += values.length
      await setImmediate() // a signal can end the program
    }
  }
  return largest
}

function levelsOf(values: Values, isUnit: boolean, refuseAt: (index: number) => never): Uint8Array {
  if (values instanceof Uint8Array && !isUnit) return values
  const levels = new Uint8Array(values.length)
  const scale = isUnit ? WHITE : 1
  const isReal = isUnit || values instanceof Float32Array || values instanceof Float64Array
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    const level = nearest(scale * value)
    const isLevel = level >= 0 && level <= WHITE && (isReal || level === value)
    if (!isLevel) refuseAt(i)
    levels[i] = level
  }
  return levels
}

/** The nearest whole number; of two, the even one, as NumPy's `rint` and IEEE 754 have it. */
function nearest(value: number): number {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

function refuse(array: StoredArray, layout: Layout, index: number, value: number): never {
  const { count, columns, channels, isImageTogether } = layout
  const size = imageSize(layout)
  const image = isImageTogether ? Math.floor(index / size) : index % count
  const j = inverse(layout)[isImageTogether ? index % size : Math.floor(index / count)] as number
  const pixel = Math.floor(j / channels)
  const place = `image ${image}, row ${Math.floor(pixel / columns)}, column ${pixel % columns}`
  const right = array.isReal ? 'numbers in [0, 1] or in [0, 255]' : 'whole numbers from 0 to 255'
  throw new Error(`${array.name}: ${value} at ${place} (counted from 0); ${right} were expected`)
}

/** The pixel of each number of an image. */
function inverse({ order, ...layout }: Layout): Int32Array {
  const pixels = new Int32Array(imageSize(layout))
  for (let j = 0; j < pixels.length; j++) pixels[order ? (order[j] as number) : j] = j
  return pixels
}

/** Whole images with the pixels of each in another order. */
export function reordered(levels: Uint8Array, order: Int32Array): Uint8Array {
  const pixels = new Uint8Array(levels.length)
  for (let image = 0; image < levels.length; image += order.length)
    for (let j = 0; j < order.length; j++) pixels[image + j] = levels[image + (order[j] as number)] as number
  return pixels
}
