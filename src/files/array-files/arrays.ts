/** Arrays with one row per image that are written to a file block by block: what they are, and what a format is. */
import type { FileInPieces } from '../written-in-pieces.js'

/** An array [rows, ...]; `shape` holds all sizes. A text is one string per row. */
export type ArraySpec = NumberSpec | TextSpec

interface NumberSpec {
  name: string
  type: 'uint8' | 'int32' | 'float32'
  shape: readonly number[]
}

interface TextSpec {
  name: string
  type: 'text'
  shape: readonly [rows: number]
  /** The longest text, in code points and in bytes of UTF-8. */
  longest: { characters: number; bytes: number }
}

/** The next rows of some arrays, by name. */
export type Block = Readonly<Record<string, Uint8Array | Int32Array | Float32Array | readonly string[]>>

export interface ArrayWriter {
  /** Appends rows. */
  write(block: Block): void
  /** To be called once all rows are written. */
  finish(): void
}

export interface ArrayFormat {
  /** The ending of its files, without a dot. */
  readonly ending: string
  /** Whether it can hold an array; others are left out. */
  holds(spec: ArraySpec, rows: number): boolean
  /** Begins a file of these arrays, all of which it can hold. `metadata` is stored where the format has a place for it. */
  open(
    file: FileInPieces,
    specs: readonly ArraySpec[],
    metadata: Readonly<Record<string, string>>,
  ): ArrayWriter | Promise<ArrayWriter>
}

/** A text array of these values. */
export const textSpec = (name: string, values: readonly string[]): ArraySpec => ({
  name,
  type: 'text',
  shape: [values.length],
  longest: values.reduce(
    ({ characters, bytes }, text) => ({
      characters: Math.max(characters, [...text].length),
      bytes: Math.max(bytes, Buffer.byteLength(text)),
    }),
    { characters: 1, bytes: 1 },
  ),
})

export const bytesPerNumber = { uint8: 1, int32: 4, float32: 4 } as const

/** The number of values in a row of an array. */
export const rowSize = ({ shape }: ArraySpec): number => shape.slice(1).reduce((product, size) => product * size, 1)

/** How a format stores a text: the bytes of each, and their encoding. */
export interface TextLayout {
  bytes(longest: TextSpec['longest']): number
  /** Writes a text into bytes that are zero. */
  put(text: string, into: Buffer): void
}

/** Bytes of a row of an array. */
export const rowBytes = (spec: ArraySpec, texts: TextLayout): number =>
  spec.type === 'text' ? texts.bytes(spec.longest) : rowSize(spec) * bytesPerNumber[spec.type]

/** Rows as they lie in a file, little endian. */
export function bytesOfRows(spec: ArraySpec, rows: Block[string], texts: TextLayout): Buffer {
  if (spec.type !== 'text') {
    const { buffer, byteOffset, byteLength } = rows as Float32Array
    return Buffer.from(buffer, byteOffset, byteLength)
  }
  const size = rowBytes(spec, texts)
  const bytes = Buffer.alloc(size * rows.length)
  ;(rows as readonly string[]).forEach((text, i) => {
    texts.put(text, bytes.subarray(i * size, (i + 1) * size))
  })
  return bytes
}

/** Arrays that lie one after the other in a file: `places` says where each begins. `onWrite` sees the bytes of each array in their order. */
export function writeSideBySide(
  file: FileInPieces,
  places: ReadonlyMap<ArraySpec, number>,
  texts: TextLayout,
  onWrite: (spec: ArraySpec, bytes: Buffer) => void = () => {},
): ArrayWriter['write'] {
  const next = new Map([...places].map(([spec, at]) => [spec.name, { spec, at }]))
  return block => {
    for (const [name, rows] of Object.entries(block)) {
      const place = next.get(name)
      if (place === undefined) continue
      const bytes = bytesOfRows(place.spec, rows, texts)
      file.write(bytes, place.at)
      onWrite(place.spec, bytes)
      place.at += bytes.length
    }
  }
}
