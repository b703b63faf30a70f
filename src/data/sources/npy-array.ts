/** NumPy's npy format, versions 1 to 3: magic, the length of a header, the header as a Python dictionary, then the numbers. */
import { shortened } from '../../settings/setting.js'
import { type Layout, layoutOf, type StoredArray } from './arrays.js'
import { type ByteSource, withCursor } from './bytes.js'
import type { NumberType } from './numbers.js'
import { parseRawShape } from './raw-shape.js'
import type { ReadOptions, Warning } from './reader.js'

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] // \x93NUMPY

/** NumPy itself refuses headers of arrays of numbers above 10,000 bytes. */
const LONGEST_HEADER = 65_536

export const isNpy = (start: Uint8Array): boolean => MAGIC.every((byte, i) => start[i] === byte)

/** The array in `bytes`; `name` is for errors. Throws an Error if the header is damaged or the array does not hold numbers. */
export async function npyArray(bytes: ByteSource, name: string): Promise<StoredArray> {
  const { header, offset } = await withCursor(bytes, async cursor => {
    const start = await cursor.read(8)
    if (!isNpy(start)) throw new Error(`${name}: does not begin like a NumPy array`)
    const version = start[6] ?? 0
    if (version < 1 || version > 3)
      throw new Error(`${name}: version ${version} of NumPy's format; 1, 2 and 3 are known`)
    const size = Buffer.from(await cursor.read(version === 1 ? 2 : 4))
    if (size.length < (version === 1 ? 2 : 4)) throw new Error(`${name}: the file is truncated in its header`)
    const length = version === 1 ? size.readUInt16LE() : size.readUInt32LE()
    if (length > LONGEST_HEADER)
      throw new Error(`${name}: a header of ${length} bytes; at most ${LONGEST_HEADER} are read`)
    const text = await cursor.read(length)
    if (text.length < length) throw new Error(`${name}: the file is truncated in its header`)
    return { header: Buffer.from(text).toString('latin1'), offset: 8 + size.length + length }
  })
  const { type, isBigEndian } = parseType(header, name)
  return {
    name,
    shape: parseShape(header, name),
    type,
    isReal: type.startsWith('float'),
    isBigEndian,
    isFirstFastest: parseOrder(header, name),
    bytes,
    offset,
    padding: 0,
  }
}

const types: Readonly<Record<string, NumberType>> = {
  b1: 'bool',
  i1: 'int8',
  u1: 'uint8',
  i2: 'int16',
  u2: 'uint16',
  i4: 'int32',
  u4: 'uint32',
  i8: 'int64',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
}

function parseType(header: string, name: string): { type: NumberType; isBigEndian: boolean } {
  const [, order, code = ''] = /'descr':\s*'([<>|=]?)([^']*)'/.exec(header) ?? []
  const type = types[code]
  if (type) return { type, isBigEndian: order === '>' }
  if (code.startsWith('O'))
    throw new Error(`${name}: an array of Python objects (pickle), which is not read; save an array of numbers`)
  if (code)
    throw new Error(
      `${name}: the type '${shortened(code)}' of NumPy; whole numbers, fractions of 16 to 64 bits or bool are read`,
    )
  throw new Error(`${name}: the header of the array says no type of numbers; records are not read`)
}

function parseOrder(header: string, name: string): boolean {
  const [, order] = /'fortran_order':\s*(True|False)/.exec(header) ?? []
  if (order === undefined) throw new Error(`${name}: the header of the array says no order (fortran_order)`)
  return order === 'True'
}

function parseShape(header: string, name: string): number[] {
  const [, text] = /'shape':\s*\(([\d,\sL]*)\)/.exec(header) ?? []
  if (text === undefined) throw new Error(`${name}: the header of the array says no shape`)
  return text
    .split(',')
    .map(size => size.trim())
    .filter(size => size !== '')
    .map(size => Number.parseInt(size, 10))
}

/** Which numbers of an npy array are images: [N, H, W], [N, H, W, C], [N, C, H, W], or rows of pixels with `--raw-shape`. */
export function npyLayout(array: StoredArray, options: ReadOptions): { layout: Layout; warnings: Warning[] } {
  const { name, shape } = array
  const [count = 0, ...sizes] = shape
  const [a = 0, b = 0, c = 0] = sizes
  if (sizes.length === 1) return { layout: rowsOfPixels(array, options), warnings: [] }
  if (sizes.length === 2)
    return { layout: placed(array, count, { rows: a, columns: b, channels: 1 }, [0, 1, 2]), warnings: [] }
  const [isFirst, isLast] = [isChannels(a), isChannels(c)]
  if (sizes.length !== 3 || !(isFirst || isLast))
    throw new Error(
      `${name}: the shape is (${shape.join(', ')}); (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels C was expected`,
    )
  if (!isLast) return { layout: placed(array, count, { rows: b, columns: c, channels: a }, [1, 2, 0]), warnings: [] }
  const layout = placed(array, count, { rows: a, columns: b, channels: c }, [0, 1, 2])
  return { layout, warnings: isFirst ? [ambiguous(array)] : [] }
}

const isChannels = (size: number): boolean => size === 1 || size === 3 || size === 4

const ambiguous = ({ name, shape }: StoredArray): Warning => ({
  kind: 'channels',
  message: `${name}: the shape (${shape.join(', ')}) is read as (N, H, W, C); if it is (N, C, H, W), save it with the channels last`,
})

/** `axes`: which sizes after the first one are rows, columns and channels. */
function placed(
  { name, shape, isFirstFastest }: StoredArray,
  count: number,
  image: { rows: number; columns: number; channels: number },
  axes: readonly [number, number, number],
): Layout {
  const [a = 0, b = 1, c = 1] = shape.slice(1)
  const steps = isFirstFastest ? [1, a, a * b] : [b * c, c, 1]
  const [row, column, channel] = axes.map(axis => steps[axis] ?? 1) as [number, number, number]
  return layoutOf({ ...image, count, isImageTogether: !isFirstFastest }, [row, column, channel], name)
}

/** The count is the array's own: those of several parts differ. */
function rowsOfPixels({ name, shape, isFirstFastest }: StoredArray, { rawShape }: ReadOptions): Layout {
  const [count = 0, pixels = 0] = shape
  const found = `${name}: the shape is (${shape.join(', ')})`
  if (rawShape === null)
    throw new Error(`${found}; say the rows and columns of an image by --raw-shape ${count}xROWSxCOLUMNS`)
  const { rows, columns, channels } = parseRawShape(rawShape)
  if (rows * columns * channels !== pixels) throw new Error(`${found}, which is not --raw-shape ${shortened(rawShape)}`)
  const steps = [columns * channels, channels, 1] as const
  return layoutOf({ rows, columns, channels, count, isImageTogether: !isFirstFastest }, steps, name)
}
