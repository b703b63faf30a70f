// Safetensors files: bit for bit there and back, and every kind of damage noticed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../../src/files/safetensors.js'

const decode = (bytes: Uint8Array) => decodeSafetensors(Buffer.from(bytes), 'x.safetensors')

const example = () =>
  encodeSafetensors({
    tensors: new Map<string, StoredTensor>([
      ['encoder/kernel', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, -0, 1e-38) }],
      ['x', { shape: [4], data: Uint8Array.of(0, 1, 254, 255) }],
      ['scalar', { shape: [], data: Float32Array.of(7) }],
    ]),
    metadata: { position: '{"epoch":3}' },
  })

/** Rewrites the header as another program might, without fixing the digest. */
function withHeader(change: (header: Record<string, { shape: number[]; data_offsets: number[] }>) => void): Buffer {
  const file = example()
  const length = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, 8 + length))
  change(header)
  const bytes = Buffer.from(JSON.stringify(header))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([size, bytes, file.subarray(8 + length)])
}

test('tensors come back bit for bit, with their shapes and the metadata', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ minLength: 1 }), fc.float32Array({ noNaN: true, noDefaultInfinity: true }), {
        maxKeys: 4,
      }),
      fc
        .dictionary(fc.string(), fc.string(), { noNullPrototype: true })
        .filter(metadata => !Object.hasOwn(metadata, '__proto__')),
      (values, metadata) => {
        // the format keeps '__metadata__' for itself, the codec 'sha256', JavaScript the order of integer keys
        const names = Object.keys(values).filter(name => !/^(__\w+__|\d+)$/.test(name))
        const tensors = new Map(
          names.map(name => [name, { shape: [values[name]?.length ?? 0], data: values[name] as Float32Array }]),
        )
        delete metadata.sha256
        const decoded = decode(encodeSafetensors({ tensors, metadata }))
        expect([...decoded.tensors.keys()].sort()).toEqual([...tensors.keys()].sort())
        for (const [name, { data }] of tensors) expect(decoded.tensors.get(name)?.data).toEqual(data)
        expect(decoded.metadata).toMatchObject(metadata)
      },
    ),
  )
})

test('the numbers start at a multiple of eight bytes and the same content gives the same bytes', () => {
  expect(Number(example().readBigUInt64LE(0)) % 8).toBe(0)
  expect(example().equals(example())).toBe(true)
})

test('a path of 64 zeros, or of the digest itself, is not taken for the digest', () => {
  const tensors = new Map<string, StoredTensor>()
  const zeros = { source: `/data/${'0'.repeat(64)}`, position: '"sha256":"x"' }
  expect(decode(encodeSafetensors({ tensors, metadata: zeros })).metadata).toMatchObject(zeros)
  const { sha256 } = decode(encodeSafetensors({ tensors, metadata: {} })).metadata
  const digest = { source: `/data/${sha256}` }
  expect(decode(encodeSafetensors({ tensors, metadata: digest })).metadata).toMatchObject(digest)
})

test('a deeply nested header is one line', () => {
  const header = Buffer.from(`{"__metadata__":{},"a":${'['.repeat(100_000)}`)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  expect(() => decode(Buffer.concat([length, header]))).toThrow('the header is JSON nested deeper than 64 levels')
})

test('a flipped bit is noticed, whichever it is', () => {
  const file = example()
  for (let at = 0; at < file.length; at++) {
    const damaged = Buffer.from(file)
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8))
    expect(() => decode(damaged), `byte ${at}`).toThrow(/^x\.safetensors: /)
  }
})

test('a cut is noticed, wherever it is', () => {
  const file = example()
  for (let length = 0; length < file.length; length++) {
    expect(() => decode(file.subarray(0, length)), `length ${length}`).toThrow(/^x\.safetensors: /)
  }
})

test('garbage gives an error that names the file', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      expect(() => decode(bytes)).toThrow(/^x\.safetensors: /)
    }),
  )
})

test.each([
  [
    'a huge header length',
    Buffer.concat([Buffer.alloc(8, 0xff), Buffer.alloc(100)]),
    'header length 18446744073709551615',
  ],
  [
    'a shape that does not fit',
    withHeader(header => void (header['encoder/kernel'] as { shape: number[] }).shape.push(2)),
    "tensor 'encoder/kernel'",
  ],
  [
    'offsets that overlap',
    withHeader(header => void Object.assign(header.x as object, { data_offsets: [0, 28] })),
    "tensor 'x'",
  ],
  ['a tensor left out', withHeader(header => void delete header.scalar), '4 bytes follow the last tensor'],
  [
    'a changed digest',
    withHeader(header => void Object.assign(header.__metadata__ as object, { sha256: 'f'.repeat(64) })),
    'sha256 does not match',
  ],
  ['no digest', withHeader(header => void Object.assign(header, { __metadata__: {} })), "no 'sha256'"],
])('a bad file is refused with its reason: %s', (_name, bytes, message) => {
  expect(() => decode(bytes)).toThrow(message)
})

test.each([Number.NaN, Number.POSITIVE_INFINITY])('a tensor with %s is refused by name and place', value => {
  const tensors = new Map([['v', { shape: [3], data: Float32Array.of(1, value, 2) }]])
  expect(() => decode(encodeSafetensors({ tensors, metadata: {} }))).toThrow(`tensor 'v': value 1 is ${value}`)
})
