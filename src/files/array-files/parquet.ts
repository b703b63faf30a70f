/**
 * Apache Parquet, a row group per block. A row of numbers is a list, as pandas, Polars and DuckDB read vectors; an image is its bytes, rows by
 * columns by channels, little endian.
 */
import type { ParquetWriter } from '#hyparquet-writer'
import type { ArrayFormat, ArraySpec, Block } from './arrays.js'
import { bytesPerNumber, rowSize } from './arrays.js'

type ParquetOptions = ConstructorParameters<typeof ParquetWriter>[0]
type SchemaElement = ParquetOptions['schema'][number]
type Column = Parameters<ParquetWriter['write']>[0]['columnData'][number]

export const parquet: ArrayFormat = {
  ending: 'parquet',
  holds: ({ shape }, rows) => shape[0] === rows,
  async open(file, specs, metadata) {
    const { ByteWriter, ParquetWriter } = await import('#hyparquet-writer')
    const bytes = new ByteWriter()
    let at = 0
    const flush = () => {
      const piece = bytes.getBytes()
      file.write(piece, at)
      at += piece.length
      bytes.index = 0
    }
    bytes.flush = flush
    bytes.finish = flush
    const shapes = Object.fromEntries(specs.map(({ name, shape }) => [name, shape.slice(1)]))
    const described = { ...metadata, shapes: JSON.stringify(shapes) }
    const writer = new ParquetWriter({
      writer: bytes,
      schema: [{ name: 'root', num_children: specs.length }, ...specs.flatMap(elementsOf)],
      kvMetadata: Object.entries(described).map(([key, value]) => ({ key, value })),
      createdBy: 'elbo',
    })
    return {
      write: block => writer.write({ columnData: specs.map(spec => columnOf(spec, block)), rowGroupSize: WHOLE_BLOCK }),
      finish: () => writer.finish(),
    }
  },
}

/** More rows than a block has. */
const WHOLE_BLOCK = 2 ** 31

/** The columns of an array in the schema, which have no missing values. */
function elementsOf(spec: ArraySpec): SchemaElement[] {
  const { name, shape } = spec
  const required = { name, repetition_type: 'REQUIRED' } as const
  if (spec.type === 'text') return [{ ...required, type: 'BYTE_ARRAY', converted_type: 'UTF8' }]
  const type = spec.type === 'float32' ? 'FLOAT' : 'INT32'
  if (shape.length === 1) return [{ ...required, type }]
  if (shape.length > 2)
    return [{ ...required, type: 'FIXED_LEN_BYTE_ARRAY', type_length: rowSize(spec) * bytesPerNumber[spec.type] }]
  return [
    { ...required, converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', type },
  ]
}

/** The rows of a block. Floating-point numbers are stored as they are: they hardly compress. */
function columnOf(spec: ArraySpec, block: Block): Column {
  const { name, shape } = spec
  const rows = block[name]
  if (rows === undefined) throw new Error(`Parquet: the array ${name} is missing`)
  const column = { name, offsetIndex: false }
  if (spec.type === 'text') return { ...column, data: [...(rows as readonly string[])] }
  const numbers = rows as Float32Array
  const plain = spec.type === 'float32' ? ({ encoding: 'PLAIN', codec: 'UNCOMPRESSED' } as const) : {}
  if (shape.length === 1) return { ...column, ...plain, data: numbers }
  if (shape.length === 2) return { ...column, ...plain, data: cut(numbers, rowSize(spec)).map(row => Array.from(row)) }
  const { buffer, byteOffset, byteLength } = numbers
  const images = cut(new Uint8Array(buffer, byteOffset, byteLength), rowSize(spec) * bytesPerNumber[spec.type])
  return { ...column, encoding: 'PLAIN', statistics: false, data: images }
}

/** Pieces of `size` values, which share memory with them. */
const cut = <T extends Float32Array | Uint8Array>(values: T, size: number): T[] =>
  Array.from({ length: values.length / size }, (_, i) => values.subarray(i * size, (i + 1) * size) as T)
