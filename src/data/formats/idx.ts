/** The IDX format of MNIST: big-endian magic 00 00 08 dimensions, one 32-bit size per dimension, then unsigned bytes. */
import { constants as bufferLimits } from 'node:buffer'
import { constants, gunzipSync, type ZlibOptions } from 'node:zlib'
import { type OpenFile, tooLarge, withFile } from '../../files/reading.js'
import type { Images } from '../images.js'
import { describeMagic } from '../sources/idx-header.js'

const IMAGES = 0x00000803

/** Bytes before the pixels. */
const HEADER = 16

/** Reads an IDX file of grey images, optionally gzipped. Throws an `Error` that names the file and the fault. */
export function readIdxImages(path: string): Images {
  return withFile(path, path, file => {
    const start = file.read(0, HEADER)
    if (start[0] === 0x1f && start[1] === 0x8b) return readGzipped(file, path)
    const shape = parseHeader(start, file.size, path)
    checkSize(shape, file.size - HEADER, path)
    const pixels = file.read(HEADER, file.size - HEADER)
    checkSize(shape, pixels.length, path)
    return { ...shape, channels: 1, pixels }
  })
}

/** Parses the bytes of an IDX file of images; `path` is for error messages. */
export function parseIdxImages(bytes: Uint8Array, path: string): Images {
  const shape = parseHeader(bytes, bytes.length, path)
  checkSize(shape, bytes.length - HEADER, path)
  return { ...shape, channels: 1, pixels: bytes.subarray(HEADER) }
}

type Shape = Pick<Images, 'count' | 'rows' | 'columns'>

/** The shape that the first bytes of a file of `length` bytes promise. */
function parseHeader(bytes: Uint8Array, length: number, path: string): Shape {
  if (length === 0) throw new Error(`${path}: the file is empty; expected an IDX file of images`)
  if (length < HEADER || bytes.length < HEADER)
    throw new Error(`${path}: ${length} bytes are too few for an IDX header of ${HEADER} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint32(0)
  if (magic !== IMAGES) throw new Error(`${path}: ${describeMagic(magic)}`)
  const [count, rows, columns] = [view.getUint32(4), view.getUint32(8), view.getUint32(12)] as const
  if (count === 0 || rows === 0 || columns === 0) {
    throw new Error(`${path}: the header says ${count} images of ${rows}x${columns} pixels; all three must be positive`)
  }
  return { count, rows, columns }
}

function checkSize({ count, rows, columns }: Shape, found: number, path: string): void {
  const size = count * rows * columns
  if (found === size) return
  const fault = found < size ? 'is truncated' : 'has extra bytes'
  throw new Error(`${path}: the file ${fault}: ${describeShape({ count, rows, columns })}, but ${found} follow it`)
}

const describeShape = ({ count, rows, columns }: Shape): string =>
  `the header says ${count} images of ${rows}x${columns} pixels, ${count * rows * columns} bytes`

/** Compressed bytes that surely hold an IDX header, and unpack to no more than some 70 MB. */
const START = 2 ** 16

/** The largest piece that is unpacked at once; images that fit in one are never copied. */
const LARGEST_PIECE = 2 ** 28

/** Unpacks what the header promises and no more: a few bytes of gzip can stand for any number of zeros. */
function readGzipped(file: OpenFile, path: string): Images {
  const start = gunzip(file.read(0, START), path, { finishFlush: constants.Z_SYNC_FLUSH })
  const shape = parseHeader(start, start.length, path)
  const length = HEADER + shape.count * shape.rows * shape.columns
  const limit = bufferLimits.MAX_LENGTH
  if (length > limit) throw new Error(`${path}: ${tooLarge(length, limit)}`)
  const chunkSize = Math.min(length + 64, LARGEST_PIECE)
  try {
    return parseIdxImages(gunzip(file.read(0, file.size), path, { maxOutputLength: length, chunkSize }), path)
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== 'ERR_BUFFER_TOO_LARGE') throw error
    throw new Error(`${path}: the file has extra bytes: ${describeShape(shape)}, but more follow it`)
  }
}

function gunzip(bytes: Buffer, path: string, options: ZlibOptions): Buffer {
  try {
    return gunzipSync(bytes, options)
  } catch (error) {
    throw new Error(`${path}: truncated or damaged gzip file (${(error as Error).message})`, { cause: error })
  }
}
