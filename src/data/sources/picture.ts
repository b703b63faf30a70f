/** Decodes one picture with sharp (libvips): PNG, JPEG, WebP, GIF, TIFF and AVIF, as uint8 levels. */
import type { Metadata } from 'sharp'
import type { ImageShape } from '../images.js'
import { transposedImage, transposedShape, withChannels } from './levels.js'
import { loadSharp } from './load-sharp.js'
import type { ReadOptions } from './reader.js'

/** The most pixels of one picture: a few kilobytes of PNG can stand for gigabytes of levels. */
const MOST_PIXELS = 8192 ** 2

const formats: readonly string[] = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif']

/** A picture: a path, or the bytes of a file. */
export type EncodedPicture = string | Uint8Array

/** What the header of a picture says; its pixels are not decoded. */
export interface PictureHeader extends Pick<ImageShape, 'rows' | 'columns'> {
  /** Whether the levels are stored as colour; a palette counts as colour, whatever its entries are. */
  readonly isColour: boolean
  readonly hasAlpha: boolean
  /** Frames of an animation or pages of a TIFF. */
  readonly frames: number
}

/** What becomes of a picture. */
export interface PictureTarget extends ImageShape, Pick<ReadOptions, 'crop' | 'background' | 'transpose'> {
  /** Whether pictures of another size are resized; otherwise they are refused. */
  readonly isResized: boolean
}

/** Reads the header. Rows and columns are those after the rotation that EXIF asks for. Throws an Error whose message is the reason alone. */
export async function readHeader(picture: EncodedPicture): Promise<PictureHeader> {
  const open = await opener()
  const found = await explained(() => open(picture).metadata())
  if (!formats.includes(found.format)) throw new Error(`${found.format} pictures are not read; ${READABLE}`)
  if (found.depth !== 'uchar' && found.depth !== 'ushort')
    throw new Error(`levels of type ${found.depth}; 8 or 16 bits, unsigned, were expected`)
  return {
    rows: found.autoOrient.height,
    columns: found.autoOrient.width,
    isColour: !isGrey(found),
    hasAlpha: found.hasAlpha,
    frames: found.pages ?? 1,
  }
}

const isGrey = ({ space }: Metadata): boolean => space === 'b-w' || space === 'grey16'

/**
 * Decodes a picture to levels [rows, columns, channels], 1 or 3 channels. EXIF rotation is applied; 16 bits are cut to their upper 8;
 * transparent pixels are blended with the background; of an animation the first frame is taken; colour profiles are ignored. Throws an
 * Error whose message is the reason alone.
 */
export async function decodePicture(picture: EncodedPicture, target: PictureTarget): Promise<Uint8Array> {
  const isTransposed = target.transpose === 'on'
  const shape = isTransposed ? transposedShape(target) : target
  const open = await opener()
  const { data, info } = await explained(() => {
    const flat = open(picture).flatten({ background: target.background })
    return (target.isResized ? flat.resize(resizing(shape)) : flat)
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
  })
  if (info.height !== shape.rows || info.width !== shape.columns)
    throw new Error(`${info.height}x${info.width} pixels; ${shape.rows}x${shape.columns} were expected`)
  const levels = withChannels(data, info.channels, target.channels)
  return isTransposed ? transposedImage(levels, shape) : levels
}

/**
 * sharp's options for a size: `center` cuts the middle out of images of another ratio, otherwise they are distorted. The kernel is Lanczos's.
 * libvips shifts an image that it enlarges by half a pixel of the result.
 */
export const resizing = ({ rows, columns, crop }: Pick<PictureTarget, 'rows' | 'columns' | 'crop'>) =>
  ({ width: columns, height: rows, fit: crop === 'center' ? 'cover' : 'fill', position: 'centre' }) as const

/** Opens pictures. A damaged file is refused, but harmless oddities, which are warnings of the decoders, are not. */
async function opener() {
  const sharp = await loadSharp()
  const options = { failOn: 'error', limitInputPixels: MOST_PIXELS, autoOrient: true, ignoreIcc: true } as const
  return (picture: EncodedPicture) => sharp(picture, options)
}

const READABLE = 'PNG, JPEG, WebP, GIF, TIFF and AVIF are'

async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new Error(reason((error as Error).message), { cause: error })
  }
}

/** libvips's messages have several lines, and name its own functions. */
function reason(message: string): string {
  if (/is empty/i.test(message)) return 'there are no bytes of a picture'
  if (/unsupported image format/.test(message)) return `not a picture that can be read; ${READABLE}`
  if (/missing/.test(message)) return 'the file is missing'
  if (/pixel limit/.test(message))
    return `too many pixels; at most ${MOST_PIXELS.toLocaleString('en')} (8192x8192) are decoded`
  const [detail = 'no details'] = message
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('Warning treated'))
  return `truncated or damaged (${detail})`
}
