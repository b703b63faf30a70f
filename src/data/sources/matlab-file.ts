/** MATLAB's level 5 MAT-file format (The MathWorks, "MAT-File Format"): the arrays of numbers in a file, found without reading them. */
import type { StoredArray } from './arrays.js'
import { type ByteSource, type Cursor, fileBytes, inflatedBytes, withCursor } from './bytes.js'
import { bytesOfType, type NumberType } from './numbers.js'

export interface MatlabVariable {
  readonly name: string
  /** Such as `double` or `cell`. */
  readonly kind: string
  readonly shape: readonly number[]
  /** Undefined where the variable does not hold real numbers. */
  readonly array: StoredArray | undefined
}

const HEADER = 128
const MOST_VARIABLES = 10_000
const MOST_DIMENSIONS = 32
const LONGEST_NAME = 4096
const [MATRIX, COMPRESSED] = [14, 15]

/** Types of data, by number. */
const types: Readonly<Record<number, NumberType>> = {
  1: 'int8',
  2: 'uint8',
  3: 'int16',
  4: 'uint16',
  5: 'int32',
  6: 'uint32',
  7: 'float32',
  9: 'float64',
  12: 'int64',
  13: 'uint64',
}

/** Classes of arrays, by number. */
const others = ['', 'cell', 'struct', 'object', 'char', 'sparse']
const numeric = ['double', 'single', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64']
/** Functions and objects of newer versions: their layout is not documented, and they may lack shape and name. */
const undocumented = ['function', 'opaque object', 'function object']
const kinds = [...others, ...numeric, ...undocumented]
const COMPLEX = 0x0800
/** Truth values, which are stored as bytes 0 and 1. */
const LOGICAL = 0x0200

/** The variables of a file in their order. Throws an Error that names the file, or the variable, if it is damaged. */
export async function matlabVariables(path: string): Promise<MatlabVariable[]> {
  const file = fileBytes(path)
  const isBigEndian = await withCursor(file, async cursor => checkHeader(await cursor.read(HEADER), path))
  const variables: MatlabVariable[] = []
  for (let at = HEADER; at < (file.size ?? 0); ) {
    const tag = await withCursor(fileBytes(path, at, 8), cursor => cursor.read(8))
    const [type = 0, length = 0] = tag.length < 8 ? [] : words(tag, isBigEndian)
    if (tag.length < 8 || at + 8 + length > (file.size ?? 0)) throw truncated(path)
    if (type !== MATRIX && type !== COMPRESSED)
      throw new Error(`${path}: damaged: an element of type ${type} at byte ${at}, where an array was expected`)
    const bytes =
      type === MATRIX ? fileBytes(path, at, 8 + length) : inflatedBytes(fileBytes(path, at + 8, length), path)
    variables.push(await variableIn(bytes, isBigEndian, path))
    if (variables.length > MOST_VARIABLES) throw new Error(`${path}: more than ${MOST_VARIABLES} variables`)
    at += 8 + length
  }
  return variables
}

const truncated = (path: string): Error => new Error(`${path}: the MATLAB file is truncated`)

/** Whether numbers are big-endian. The header ends with a version, 1, or 2 where HDF5 follows, and a mark of the order of bytes. */
function checkHeader(header: Uint8Array, path: string): boolean {
  const bytes = Buffer.from(header)
  const text = bytes.toString('latin1')
  const isLevel5 = text.startsWith('MATLAB')
  if (isLevel5 && bytes.length < HEADER) throw truncated(path)
  const isBigEndian = text.endsWith('MI')
  const version = bytes.length < HEADER ? 0 : isBigEndian ? bytes[124] : bytes[125]
  if (text.startsWith('\x89HDF') || (isLevel5 && version === 2))
    throw new Error(`${path}: MATLAB 7.3 (HDF5), which is not read; save it in MATLAB with -v7, or as a NumPy array`)
  if (!isLevel5 || version !== 1 || !(isBigEndian || text.endsWith('IM')))
    throw new Error(`${path}: no MATLAB 5 file; save it in MATLAB with -v7, or with scipy.io.savemat`)
  return isBigEndian
}

const words = (bytes: Uint8Array, isBigEndian: boolean): number[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => view.getUint32(4 * i, !isBigEndian))
}

/** Parts of an array: flags, sizes, name, numbers. Each has a tag of 8 bytes, or of 4 with its data in the other 4. */
interface Part {
  readonly type: number
  readonly length: number
  /** Where its data begin. */
  readonly offset: number
  /** The data of short parts, which are in the tag. */
  readonly short: Uint8Array | undefined
}

async function variableIn(bytes: ByteSource, isBigEndian: boolean, path: string): Promise<MatlabVariable> {
  return withCursor(bytes, async cursor => {
    let at = 8
    await cursor.skip(at)
    const next = async (): Promise<Part> => {
      const part = await partAt(cursor, at, isBigEndian, path)
      at += 8
      return part
    }
    const dataOf = async (part: Part, most: number): Promise<Uint8Array> => {
      if (part.short) return part.short
      if (part.length > most)
        throw new Error(`${path}: damaged: ${part.length} bytes of a header; at most ${most} were expected`)
      const padded = 8 * Math.ceil(part.length / 8)
      const data = await cursor.read(padded)
      if (data.length < padded) throw truncated(path)
      at += padded
      return data.subarray(0, part.length)
    }
    const [flags = 0] = words(await dataOf(await next(), 8), isBigEndian)
    const kind = kinds[flags & 255]
    if (!kind) throw new Error(`${path}: damaged: an array of unknown class ${flags & 255}`)
    if (undocumented.includes(kind)) return { name: '', kind, shape: [], array: undefined }
    const shape = words(await dataOf(await next(), 4 * MOST_DIMENSIONS), isBigEndian)
    const name = Buffer.from(await dataOf(await next(), LONGEST_NAME)).toString()
    if (!numeric.includes(kind) || flags & COMPLEX) return { name, kind, shape, array: undefined }
    const numbers = await next()
    const isLogical = (flags & LOGICAL) !== 0
    const array = numbersOf(numbers, { name, kind, isLogical, shape, isBigEndian, bytes, path })
    return { name, kind, shape, array }
  })
}

async function partAt(cursor: Cursor, at: number, isBigEndian: boolean, path: string): Promise<Part> {
  const tag = await cursor.read(8)
  const [first = 0, length = 0] = words(tag, isBigEndian)
  if (tag.length < 8) throw truncated(path)
  const short = first >>> 16
  if (short > 4) throw new Error(`${path}: damaged: a short part of ${short} bytes; 4 are the most`)
  if (short > 0) return { type: first & 0xffff, length: short, offset: at + 4, short: tag.subarray(4, 4 + short) }
  return { type: first, length, offset: at + 8, short: undefined }
}

interface Numeric {
  readonly name: string
  readonly kind: string
  readonly isLogical: boolean
  readonly shape: readonly number[]
  readonly isBigEndian: boolean
  readonly bytes: ByteSource
  readonly path: string
}

/** Numbers that are whole may be stored as bytes, whatever their class. */
function numbersOf(
  { type, offset, length }: Part,
  { name, kind, isLogical, shape, isBigEndian, bytes, path }: Numeric,
): StoredArray {
  const stored = types[type]
  if (stored === undefined) throw new Error(`${path}: ${name}: damaged: numbers of unknown type ${type}`)
  const size = shape.reduce((product, one) => product * one, bytesOfType[stored])
  if (length !== size)
    throw new Error(`${path}: ${name}: damaged: ${length} bytes of numbers; ${shape.join('x')} numbers are ${size}`)
  const isReal = kind === 'double' || kind === 'single'
  return {
    name: `${path}: ${name}`,
    shape,
    type: isLogical && stored === 'uint8' ? 'bool' : stored,
    isReal,
    isBigEndian,
    isFirstFastest: true,
    bytes,
    offset,
    padding: 7,
  }
}
