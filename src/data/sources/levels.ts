/** Functions on the uint8 levels of images [count, rows, columns, channels] that readers share. */
import { UsageError } from '../../settings/setting.js'
import { type ImageShape, imageSize } from '../images.js'
import type { ReadOptions } from './reader.js'

/** The largest side that `--resize` accepts. */
const LARGEST_SIDE = 8192

/**
 * The size that `resize` asks for: `ROWSxCOLUMNS`, or one number for both; undefined if it asks for none. Throws a `UsageError` that names the
 * flag.
 */
export function sizeAsked(
  { resize }: Pick<ReadOptions, 'resize'>,
  flag = '--resize',
): Pick<ImageShape, 'rows' | 'columns'> | undefined {
  if (resize === null) return undefined
  const [, first, second = first] = /^(\d{1,5})(?:x(\d{1,5}))?$/.exec(resize) ?? []
  const [rows, columns] = [Number(first), Number(second)]
  const isSide = (side: number) => side >= 1 && side <= LARGEST_SIDE
  if (isSide(rows) && isSide(columns)) return { rows, columns }
  throw new UsageError(
    `${flag} ${resize}: expected ROWSxCOLUMNS or one number for both, such as 32 or 32x24, of at most ${LARGEST_SIDE}`,
  )
}

/** The number of channels that the options ask for, given what the images have. */
export const channelsAsked = ({ channels }: Pick<ReadOptions, 'channels'>, found: number): number =>
  channels === 'as-is' ? found : channels === 'grey' ? 1 : 3

/**
 * Colour as grey and grey as colour; the same array if there is nothing to do. `from` and `to` are 1 or 3. Grey is the luma of ITU-R BT.601,
 * 0.299 R + 0.587 G + 0.114 B, rounded as in Pillow's `convert('L')`: what torchvision calls grey.
 */
export function withChannels(levels: Uint8Array, from: number, to: number): Uint8Array {
  if (from === to) return levels
  const count = levels.length / from
  const result = new Uint8Array(count * to)
  if (to === 1) {
    for (let i = 0; i < count; i++) result[i] = luma(at(levels, 3 * i), at(levels, 3 * i + 1), at(levels, 3 * i + 2))
  } else {
    for (let i = 0; i < count; i++) result.fill(at(levels, i), 3 * i, 3 * i + 3)
  }
  return result
}

const at = (levels: Uint8Array, index: number): number => levels[index] as number

/** In units of 2^-16. */
const luma = (red: number, green: number, blue: number): number =>
  (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16

/** One image with rows and columns swapped; `shape` is that of `levels`. */
export function transposedImage(levels: Uint8Array, shape: ImageShape): Uint8Array {
  const { rows, columns, channels } = shape
  const result = new Uint8Array(imageSize(shape))
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let channel = 0; channel < channels; channel++)
        result[(column * rows + row) * channels + channel] = at(levels, (row * columns + column) * channels + channel)
  return result
}

/** A shape with rows and columns swapped. */
export const transposedShape = <S extends Pick<ImageShape, 'rows' | 'columns'>>(shape: S): S => ({
  ...shape,
  rows: shape.columns,
  columns: shape.rows,
})

/** Levels in a block of decoded images. */
const BLOCK = 2 ** 22

/** The number of images in a block. */
export const imagesPerBlock = (shape: ImageShape): number =>
  Math.min(Math.max(Math.floor(BLOCK / imageSize(shape)), 1), 1024)
