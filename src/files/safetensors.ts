/**
 * The safetensors format: 8 bytes of header length (little endian), a JSON header of names, dtypes, shapes and offsets,
 * then the numbers. Other programs can read it. The metadata entry `sha256` detects every changed byte: it is the digest
 * of the whole file with that entry's 64 digits set to 0.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { parseJson } from '../settings/json.js'
import { withFile } from './reading.js'

export interface StoredTensor {
  shape: number[]
  data: Float32Array | Uint8Array
}

export interface Safetensors {
  tensors: Map<string, StoredTensor>
  metadata: Record<string, string>
}

const dtypes = {
  F32: { bytes: 4, view: (bytes: Uint8Array) => new Float32Array(Uint8Array.from(bytes).buffer) },
  U8: { bytes: 1, view: (bytes: Uint8Array) => Uint8Array.from(bytes) },
}

/** The digest while it is computed. */
export const ZERO_DIGEST = '0'.repeat(64)
/** The header begins after its length. */
const HEADER_AT = 8
const LONGEST_HEADER = 100_000_000 // the format's own limit

const size = z.number().int().nonnegative()
const headerSchema = z.record(z.string(), z.unknown())
const metadataSchema = z.record(z.string(), z.string()).default({})
const entrySchema = z.object({
  dtype: z.enum(['F32', 'U8']),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
})

interface Layout {
  metadata: Record<string, string>
  entries: Map<string, { dtype: 'F32' | 'U8'; shape: number[]; start: number; end: number }>
}

type Fail = (message: string) => never

/** The bytes of a file with these tensors and this metadata, plus `sha256`. The same input gives the same bytes. */
export function encodeSafetensors({ tensors, metadata: { sha256: _, ...metadata } }: Safetensors): Buffer {
  let offset = 0
  const entries = [...tensors].map(([name, { shape, data }]) => {
    const dtype = data instanceof Float32Array ? 'F32' : 'U8'
    const start = offset
    offset += data.byteLength
    return [name, { dtype, shape, data_offsets: [start, offset] }] as const
  })
  const described = { ...metadata, sha256: ZERO_DIGEST }
  const header = headerBytes(described, Object.fromEntries(entries))
  const parts = [...tensors.values()].map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  const file = Buffer.concat([header, ...parts])
  file.write(digest(file), digestPlace(described), 'latin1')
  return file
}

/** The length of a header and the header itself, which says what the tensors are. */
export function headerBytes(metadata: Record<string, string>, entries: Record<string, object>): Buffer {
  const header = JSON.stringify({ __metadata__: metadata, ...entries })
  const padded = Buffer.from(header.padEnd(header.length + ((8 - (Buffer.byteLength(header) % 8)) % 8)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  return Buffer.concat([length, padded])
}

/**
 * Decodes such a file. Checks the header, every size and offset, that all numbers are finite, and the digest.
 * `path` is for error messages, which name the file, the field and what is wrong with it.
 */
export function decodeSafetensors(file: Buffer, path: string): Safetensors {
  const fail = failing(path)
  const headerLength = headerLengthOf(file, file.length, fail)
  const begin = HEADER_AT + headerLength
  const { entries, metadata } = readLayout(file.toString('utf8', HEADER_AT, begin), file.length - begin, fail)
  const tensors = new Map<string, StoredTensor>()
  for (const [name, { dtype, shape, start, end }] of entries) {
    const data = dtypes[dtype].view(file.subarray(begin + start, begin + end))
    const broken = data.findIndex(value => !Number.isFinite(value))
    if (broken >= 0) fail(`tensor '${name}': value ${broken} is ${data[broken]}, not a finite number`)
    tensors.set(name, { shape, data })
  }
  verifyDigest(file, metadata, fail)
  return { tensors, metadata }
}

/** The metadata of such a file; reads its header and nothing else of it. Checks what the header and the file's size can tell: no digest, no number. */
export function readSafetensorsMetadata(path: string, shownAs = path): Record<string, string> {
  const fail = failing(shownAs)
  return withFile(path, shownAs, ({ read, size }) => {
    const headerLength = headerLengthOf(read(0, Math.min(HEADER_AT, size)), size, fail)
    const header = read(HEADER_AT, headerLength).toString()
    return readLayout(header, size - HEADER_AT - headerLength, fail).metadata
  })
}

const failing =
  (path: string): Fail =>
  message => {
    throw new Error(`${path}: ${message}`)
  }

function headerLengthOf(start: Buffer, size: number, fail: Fail): number {
  if (size < HEADER_AT) fail(`the file has ${size} bytes; a safetensors file begins with an 8-byte header length`)
  const headerLength = start.readBigUInt64LE(0)
  if (headerLength > LONGEST_HEADER || headerLength > size - HEADER_AT) {
    fail(`header length ${headerLength} is more than the file's ${size} bytes can hold: truncated, or not safetensors`)
  }
  return Number(headerLength)
}

/** Where each tensor lies in the `size` bytes after the header: end to end, and nothing follows. */
function readLayout(text: string, size: number, fail: Fail): Layout {
  const { metadata, described } = parseHeader(text, fail)
  const entries: Layout['entries'] = new Map()
  let expected = 0
  for (const [name, raw] of Object.entries(described)) {
    const entry = entrySchema.safeParse(raw)
    if (!entry.success) return fail(`tensor '${name}': ${z.prettifyError(entry.error).replaceAll('\n', ' ')}`)
    const { dtype, shape, data_offsets: offsets } = entry.data
    const bytes = shape.reduce((product, n) => product * n, dtypes[dtype].bytes)
    if (offsets[0] !== expected || offsets[1] - offsets[0] !== bytes) {
      fail(
        `tensor '${name}': offsets ${offsets.join('-')}, but shape [${shape}] of ${dtype} belongs at ${expected}-${expected + bytes}`,
      )
    }
    expected = offsets[1]
    if (expected > size) fail(`tensor '${name}': the file ends before its numbers: truncated`)
    entries.set(name, { dtype, shape, start: offsets[0], end: offsets[1] })
  }
  if (expected !== size) fail(`${size - expected} bytes follow the last tensor`)
  return { metadata, entries }
}

function parseHeader(text: string, fail: Fail) {
  let given: unknown
  try {
    given = parseJson(text)
  } catch (error) {
    return fail(`the header is ${(error as Error).message}: damaged, or not safetensors`)
  }
  const parsed = headerSchema.safeParse(given)
  if (!parsed.success) return fail(`header: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`)
  const { __metadata__: stored, ...described } = parsed.data
  const metadata = metadataSchema.safeParse(stored)
  if (!metadata.success) return fail(`header: __metadata__: ${z.prettifyError(metadata.error).replaceAll('\n', ' ')}`)
  return { metadata: metadata.data, described }
}

function verifyDigest(file: Buffer, metadata: Record<string, string>, fail: Fail): void {
  const { sha256: given, ...others } = metadata
  const stored = given ?? fail("metadata has no 'sha256': not written by elbo")
  const copy = Buffer.from(file)
  const at = digestPlace({ ...others, sha256: stored })
  if (stored.length === ZERO_DIGEST.length && copy.toString('latin1', at, at + stored.length) === stored)
    copy.write(ZERO_DIGEST, at, 'latin1')
  if (digest(copy) !== stored) fail('sha256 does not match: the file was changed or damaged after it was written')
}

/** Where the digest stands: the metadata open the header, and `sha256` is their last entry. Its digits may occur elsewhere too. */
export function digestPlace(metadata: Record<string, string>): number {
  const opening = `{"__metadata__":${JSON.stringify(metadata)}`
  return HEADER_AT + Buffer.byteLength(opening) - '"}'.length - ZERO_DIGEST.length
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
