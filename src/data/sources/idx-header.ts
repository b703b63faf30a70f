/** The header of an IDX file: 00 00 TYPE DIMENSIONS, then one big-endian 32-bit size per dimension; the numbers follow, big-endian. */
import type { NumberType } from './numbers.js'

export interface IdxHeader {
  readonly type: NumberType
  readonly shape: readonly number[]
  /** In bytes. */
  readonly length: number
}

/** Bytes that hold any header of images or labels. */
export const LONGEST_IDX_HEADER = 20

const types: Readonly<Record<number, NumberType>> = {
  8: 'uint8',
  9: 'int8',
  11: 'int16',
  12: 'int32',
  13: 'float32',
  14: 'float64',
}

/** The header of images, of 3 or 4 dimensions. Throws an Error that names `path` and says what else the file is. */
export function parseIdxImagesHeader(start: Uint8Array, path: string): IdxHeader {
  if (start.length === 0) throw new Error(`${path}: the file is empty; expected an IDX file of images`)
  const header = parseIdxHeader(start)
  if (header && (header.shape.length === 3 || header.shape.length === 4)) return header
  const needed = isIdx(start) && start[3] === 4 ? 20 : 16
  if (start.length < needed)
    throw new Error(`${path}: ${start.length} bytes are too few for an IDX header of ${needed} bytes`)
  const magic = Buffer.from(start.buffer, start.byteOffset, 4).readUInt32BE()
  throw new Error(`${path}: ${describeMagic(magic)}`)
}

/** The header of labels, of one dimension; undefined if the bytes are none. */
export function parseIdxLabelsHeader(start: Uint8Array): IdxHeader | undefined {
  const header = parseIdxHeader(start)
  return header?.shape.length === 1 ? header : undefined
}

/** Whether bytes begin like an IDX file, of whatever dimensions. */
export const isIdx = (start: Uint8Array): boolean =>
  start.length >= 4 && start[0] === 0 && start[1] === 0 && (start[2] ?? 0) in types && start[3] !== 0

function parseIdxHeader(start: Uint8Array): IdxHeader | undefined {
  const type = types[start[2] ?? 0]
  const dimensions = start[3] ?? 0
  const length = 4 + 4 * dimensions
  if (!isIdx(start) || type === undefined || dimensions > 4 || start.length < length) return undefined
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  return { type, length, shape: Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i)) }
}

/** What else a file given as images often is, by its first bytes. */
const otherFormats = [
  { begins: [0x1f, 0x8b], name: 'a gzip file within a gzip file', remedy: 'unpack it once' },
  { begins: [0x50, 0x4b], name: 'a zip archive', remedy: 'unpack it' },
  { begins: [0xfd, 0x37, 0x7a, 0x58], name: 'an xz file', remedy: 'unpack it' },
  { begins: [0x42, 0x5a, 0x68], name: 'a bzip2 file', remedy: 'unpack it' },
  { begins: [0x28, 0xb5, 0x2f, 0xfd], name: 'a zstd file', remedy: 'unpack it' },
  { begins: [0x89, 0x50, 0x4e, 0x47], name: 'a PNG image', remedy: 'convert the images to IDX' },
  { begins: [0xff, 0xd8, 0xff], name: 'a JPEG image', remedy: 'convert the images to IDX' },
  { begins: [0x93, 0x4e, 0x55, 0x4d], name: 'a NumPy array', remedy: 'convert the images to IDX' },
]

const hex = (bytes: readonly number[]): string => bytes.map(byte => byte.toString(16).padStart(2, '0')).join('')

/** What the first four bytes of a file mean that is no IDX file of images. */
function describeMagic(magic: number): string {
  const found = `0x${magic.toString(16).padStart(8, '0')}`
  const other = otherFormats.find(
    ({ begins }) => magic >>> (32 - 8 * begins.length) === Number.parseInt(hex(begins), 16),
  )
  if (other) return `this is ${other.name}, not an IDX file of images; ${other.remedy}`
  const [type, dimensions] = [(magic >> 8) & 255, magic & 255]
  if (magic >>> 16 !== 0) return `magic number ${found}; expected 0x00000803, that of IDX images`
  if (dimensions === 1 && type in types) return `magic number ${found} means IDX labels; images have 0x00000803`
  if (type in types && dimensions > 1)
    return `magic number ${found} means ${dimensions} dimensions; images have 3 (count, rows, columns) or 4 (and channels)`
  return `magic number ${found}; expected 0x00000803, that of IDX images`
}
