/**
 * The safetensors format: 8 bytes of header length (little endian), a JSON header of names, dtypes, shapes and offsets,
 * then the numbers. Other programs can read it. The metadata entry `sha256` detects every changed byte: it is the digest
 * of the whole file with that entry's 64 digits set to 0.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

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

const ZERO_DIGEST = '0'.repeat(64)
const LONGEST_HEADER = 100_000_000 // the format's own limit

const size = z.number().int().nonnegative()
const headerSchema = z.intersection(
  z.object({ __metadata__: z.record(z.string(), z.string()).default({}) }),
  z.record(z.string(), z.unknown()),
)
const entrySchema = z.object({
  dtype: z.enum(['F32', 'U8']),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
})

/** The bytes of a file with these tensors and this metadata, plus `sha256`. The same input gives the same bytes. */
export function encodeSafetensors({ tensors, metadata }: Safetensors): Buffer {
  let offset = 0
  const entries = [...tensors].map(([name, { shape, data }]) => {
    const dtype = data instanceof Float32Array ? 'F32' : 'U8'
    const start = offset
    offset += data.byteLength
    return [name, { dtype, shape, data_offsets: [start, offset] }] as const
  })
  const header = JSON.stringify({ __metadata__: { ...metadata, sha256: ZERO_DIGEST }, ...Object.fromEntries(entries) })
  const padded = Buffer.from(header.padEnd(header.length + ((8 - (Buffer.byteLength(header) % 8)) % 8)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const parts = [...tensors.values()].map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  const file = Buffer.concat([length, padded, ...parts])
  file.write(digest(file), file.indexOf(ZERO_DIGEST), 'latin1')
  return file
}

/**
 * Decodes such a file. Checks the header, every size and offset, that all numbers are finite, and the digest.
 * `path` is for error messages, which name the file, the field and what is wrong with it.
 */
export function decodeSafetensors(file: Buffer, path: string): Safetensors {
  const fail = (message: string): never => {
    throw new Error(`${path}: ${message}`)
  }
  if (file.length < 8) fail(`the file has ${file.length} bytes; a safetensors file begins with an 8-byte header length`)
  const headerLength = file.readBigUInt64LE(0)
  if (headerLength > LONGEST_HEADER || headerLength > file.length - 8) {
    fail(
      `header length ${headerLength} is more than the file's ${file.length} bytes can hold: truncated, or not safetensors`,
    )
  }
  const end = 8 + Number(headerLength)
  const header = parseHeader(file.toString('utf8', 8, end), fail)
  const { __metadata__: metadata, ...entries } = header
  const tensors = new Map<string, StoredTensor>()
  let expected = 0
  for (const [name, raw] of Object.entries(entries)) {
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
    if (end + expected > file.length) fail(`tensor '${name}': the file ends before its numbers: truncated`)
    const data = dtypes[dtype].view(file.subarray(end + offsets[0], end + offsets[1]))
    const broken = data.findIndex(value => !Number.isFinite(value))
    if (broken >= 0) fail(`tensor '${name}': value ${broken} is ${data[broken]}, not a finite number`)
    tensors.set(name, { shape, data })
  }
  if (end + expected !== file.length) fail(`${file.length - end - expected} bytes follow the last tensor`)
  verifyDigest(file, metadata, fail)
  return { tensors, metadata }
}

function parseHeader(text: string, fail: (message: string) => never) {
  try {
    return headerSchema.parse(JSON.parse(text))
  } catch (error) {
    if (error instanceof z.ZodError) return fail(`header: ${z.prettifyError(error).replaceAll('\n', ' ')}`)
    return fail('the header is not JSON: damaged, or not safetensors')
  }
}

function verifyDigest(file: Buffer, metadata: Record<string, string>, fail: (message: string) => never): void {
  const stored = metadata.sha256
  if (stored === undefined) fail("metadata has no 'sha256': not written by elbo")
  const copy = Buffer.from(file)
  const at = /^[0-9a-f]{64}$/.test(stored ?? '') ? file.indexOf(stored as string) : -1
  if (at >= 0) copy.write(ZERO_DIGEST, at, 'latin1')
  if (digest(copy) !== stored) fail('sha256 does not match: the file was changed or damaged after it was written')
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
