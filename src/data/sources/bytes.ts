/** Bytes of a file, or of what is packed in a file, read in order: memory holds no more than is asked for. */
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { withFile } from '../../files/reading.js'

/** Bytes that can be read as often as needed. */
export interface ByteSource {
  /** Undefined where only unpacking tells. */
  readonly size: number | undefined
  /** Where the bytes lie in a file as they are. */
  readonly place?: { readonly path: string; readonly offset: number }
  open(): Cursor
}

/** A position in bytes. */
export interface Cursor {
  /** The next `length` bytes; fewer where they end. */
  read(length: number): Promise<Uint8Array>
  skip(length: number): Promise<void>
  close(): Promise<void>
}

/** What `use` makes of bytes from the first one on. */
export async function withCursor<T>(source: ByteSource, use: (cursor: Cursor) => Promise<T>): Promise<T> {
  const cursor = source.open()
  try {
    return await use(cursor)
  } finally {
    await cursor.close()
  }
}

/** The bytes of a regular file from `offset` on: `length` of them, or as many as the file has. */
export function fileBytes(path: string, offset = 0, length = Number.POSITIVE_INFINITY): ByteSource {
  const size = Math.max(0, Math.min(length, withFile(path, path, file => file.size) - offset))
  return { size, place: { path, offset }, open: () => cursorInFile(path, offset, offset + size) }
}

/** The file is opened for each piece, so that nothing is left open where a reader stops early. */
function cursorInFile(path: string, from: number, end: number): Cursor {
  let at = from
  return {
    async read(length) {
      const bytes = withFile(path, path, file => file.read(at, Math.max(0, Math.min(length, end - at))))
      at += bytes.length
      return bytes
    },
    async skip(length) {
      at += length
    },
    async close() {},
  }
}

/** A whole file, unpacked if it is gzipped, whatever its name. */
export function bytesOf(path: string): ByteSource {
  const file = fileBytes(path)
  const [first, second] = withFile(path, path, opened => opened.read(0, 2))
  if (first !== 0x1f || second !== 0x8b) return file
  const gunzip = () => createGunzip({ chunkSize: PIECE })
  return unpackedBytes(path, 'gzip file', gunzip, () => piecesOf(file))
}

/** What a stream of zlib's format holds; `name` is for errors. */
export const inflatedBytes = (packed: ByteSource, name: string): ByteSource =>
  unpackedBytes(
    name,
    'compressed data',
    () => createInflate({ chunkSize: PIECE }),
    () => piecesOf(packed),
  )

/** What raw deflated bytes hold, whose CRC-32 is known. As a gzip file they are unpacked and checked by zlib itself. */
export function checkedInflatedBytes(
  packed: ByteSource,
  { crc32, size }: { crc32: number; size: number },
  name: string,
) {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32)
  trailer.writeUInt32LE(size % 2 ** 32, 4)
  const unpacked = unpackedBytes(
    name,
    'compressed data',
    () => createGunzip({ chunkSize: PIECE }),
    async function* () {
      yield Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
      yield* piecesOf(packed)
      yield trailer
    },
  )
  return { ...unpacked, size }
}

/** Bytes that are unpacked at once. */
const PIECE = 2 ** 18

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  const cursor = source.open()
  for (let piece = await cursor.read(PIECE); piece.length > 0; piece = await cursor.read(PIECE)) yield piece
}

type Unpack = () => ReturnType<typeof createGunzip>

function unpackedBytes(
  name: string,
  kind: string,
  unpack: Unpack,
  packed: () => AsyncIterable<Uint8Array>,
): ByteSource {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const stream = unpack()
    pipeline(Readable.from(packed()), stream, () => {}) // the loop below gets its errors
    try {
      yield* stream
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (!code?.startsWith('Z_')) throw error
      throw new Error(`${name}: truncated or damaged ${kind} (${message})`, { cause: error })
    }
  }
  return { size: undefined, open: () => cursorInPieces(pieces()) }
}

function cursorInPieces(pieces: AsyncGenerator<Uint8Array>): Cursor {
  let piece: Uint8Array = new Uint8Array()
  const take = async (length: number, use: (bytes: Uint8Array) => void): Promise<void> => {
    for (let missing = length; missing > 0; ) {
      if (piece.length === 0) {
        const next = await pieces.next()
        if (next.done) return
        piece = next.value
      }
      const part = piece.subarray(0, missing)
      piece = piece.subarray(part.length)
      missing -= part.length
      use(part)
    }
  }
  return {
    async read(length) {
      const parts: Uint8Array[] = []
      await take(length, part => parts.push(part))
      return Buffer.concat(parts)
    },
    skip: length => take(length, () => {}),
    async close() {
      await pieces.return(undefined)
    },
  }
}
