/** The IDX format of MNIST: big-endian magic 00 00 08 dimensions, one 32-bit size per dimension, then unsigned bytes. */
import { gunzipSync } from 'node:zlib'
import { readWhole } from '../../files/files.js'
import type { Images } from '../images.js'

const IMAGES = 0x00000803

/** Reads an IDX file of grey images, optionally gzipped. Throws an `Error` that names the file and the fault. */
export function readIdxImages(path: string): Images {
  return parseIdxImages(inflate(readWhole(path), path), path)
}

/** Parses the bytes of an IDX file of images; `path` is for error messages. */
export function parseIdxImages(bytes: Uint8Array, path: string): Images {
  if (bytes.length === 0) throw new Error(`${path}: the file is empty; expected an IDX file of images`)
  if (bytes.length < 16) throw new Error(`${path}: ${bytes.length} bytes are too few for an IDX header of 16 bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint32(0)
  if (magic !== IMAGES) throw new Error(`${path}: ${describeMagic(magic)}`)
  const [count, rows, columns] = [view.getUint32(4), view.getUint32(8), view.getUint32(12)] as const
  if (count === 0 || rows === 0 || columns === 0) {
    throw new Error(`${path}: the header says ${count} images of ${rows}x${columns} pixels; all three must be positive`)
  }
  const size = count * rows * columns
  if (bytes.length - 16 !== size) {
    const fault = bytes.length - 16 < size ? 'is truncated' : 'has extra bytes'
    throw new Error(
      `${path}: the file ${fault}: the header says ${count} images of ${rows}x${columns} pixels, ` +
        `${size} bytes, but ${bytes.length - 16} follow it`,
    )
  }
  return { count, rows, columns, channels: 1, pixels: bytes.subarray(16) }
}

function describeMagic(magic: number): string {
  const found = `0x${magic.toString(16).padStart(8, '0')}`
  if (magic === 0x00000801) return `magic number ${found} means IDX labels; images have 0x00000803`
  return `magic number ${found}; expected 0x00000803, that of IDX images`
}

function inflate(bytes: Buffer, path: string): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes)
  } catch (error) {
    throw new Error(`${path}: truncated or damaged gzip file (${(error as Error).message})`)
  }
}
