/** The safetensors format, block by block, with the digest that every safetensors file of this program has. A text is a row of UTF-8 bytes, padded with zeros. */
import { createHash } from 'node:crypto'
import { digestPlace, headerBytes, ZERO_DIGEST } from '../safetensors.js'
import type { FileInPieces } from '../written-in-pieces.js'
import type { ArrayFormat, ArraySpec, TextLayout } from './arrays.js'
import { rowBytes, writeSideBySide } from './arrays.js'

const DTYPES = { uint8: 'U8', int32: 'I32', float32: 'F32', text: 'U8' } as const

const texts: TextLayout = {
  bytes: ({ bytes }) => bytes,
  put: (text, into) => void into.write(text),
}

export const safetensors: ArrayFormat = {
  ending: 'safetensors',
  holds: () => true,
  open(file, specs, { sha256: _, ...metadata }) {
    const described = { ...metadata, sha256: ZERO_DIGEST }
    const { header, places } = layout(specs, described)
    file.write(header, 0)
    return {
      write: writeSideBySide(file, places, texts),
      finish: () => file.write(Buffer.from(digestOf(file), 'latin1'), digestPlace(described)),
    }
  },
}

/** The header, and where each array begins. */
function layout(specs: readonly ArraySpec[], metadata: Record<string, string>) {
  let offset = 0
  const entries = specs.map(spec => {
    const start = offset
    offset += (spec.shape[0] as number) * rowBytes(spec, texts)
    return { spec, start, entry: { dtype: DTYPES[spec.type], shape: shapeOf(spec), data_offsets: [start, offset] } }
  })
  const header = headerBytes(metadata, Object.fromEntries(entries.map(({ spec, entry }) => [spec.name, entry])))
  return { header, places: new Map(entries.map(({ spec, start }) => [spec, header.length + start])) }
}

const shapeOf = (spec: ArraySpec): number[] =>
  spec.type === 'text' ? [spec.shape[0], spec.longest.bytes] : [spec.shape[0] as number, ...spec.shape.slice(1)]

/** Bytes that are hashed at once. */
const PIECE = 2 ** 22

/** The SHA-256 of what is written so far. */
function digestOf(file: FileInPieces): string {
  const hash = createHash('sha256')
  for (let at = 0; ; at += PIECE) {
    const bytes = file.read(at, PIECE)
    hash.update(bytes)
    if (bytes.length < PIECE) return hash.digest('hex')
  }
}
