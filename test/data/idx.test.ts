// IDX files: read, gzipped or not, and refused where they are damaged.
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseIdxImages, readIdxImages } from '../../src/data/formats/idx.js'
import { idxImages } from '../support/idx-file.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const parse = (bytes: Uint8Array) => parseIdxImages(bytes, 'x.idx')

test('any images come back as they were written', () => {
  const size = fc.integer({ min: 1, max: 6 })
  fc.assert(
    fc.property(size, size, size, fc.integer({ min: 0, max: 255 }), (count, rows, columns, level) => {
      const pixels = Uint8Array.from({ length: count * rows * columns }, (_, i) => (level + i) % 256)
      const parsed = parse(idxImages({ count, rows, columns, pixels }))
      expect({ ...parsed, pixels: [...parsed.pixels] }).toEqual({
        count,
        rows,
        columns,
        channels: 1,
        pixels: [...pixels],
      })
    }),
  )
})

test('a file that is cut short anywhere, or is garbage, gives an error that names it', () => {
  const whole = idxImages({ count: 2, rows: 2, columns: 2, pixels: new Uint8Array(8) })
  for (let length = 0; length < whole.length; length++) {
    expect(() => parse(whole.subarray(0, length))).toThrow(/^x\.idx: .*/)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      expect(() => parse(bytes)).toThrow(/^x\.idx: /)
    }),
  )
})

test.each([
  ['an empty file', new Uint8Array(0), 'x.idx: the file is empty'],
  ['labels', Uint8Array.of(0, 0, 8, 1, ...new Array(12).fill(0)), 'means IDX labels'],
  ['another magic number', Uint8Array.of(1, 2, 3, 4, ...new Array(12).fill(0)), 'magic number 0x01020304'],
  [
    'a cut',
    idxImages({ count: 3, rows: 2, columns: 2, pixels: new Uint8Array(12) }).subarray(0, 20),
    'the file is truncated',
  ],
  [
    'left-over bytes',
    Buffer.concat([idxImages({ count: 1, rows: 1, columns: 1, pixels: new Uint8Array(1) }), Buffer.of(1)]),
    'has extra bytes',
  ],
  ['no images', idxImages({ count: 0, rows: 2, columns: 2, pixels: new Uint8Array(0) }), 'all three must be positive'],
])('a bad file is refused with its reason: %s', (_name, bytes, message) => {
  expect(() => parse(bytes)).toThrow(message)
})

test('gzipped files are read, damaged ones are named', () => {
  const path = join(temporaryFolder(), 'images.gz')
  const bytes = gzipSync(idxImages({ count: 1, rows: 2, columns: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) }))
  writeFileSync(path, bytes)
  expect([...readIdxImages(path).pixels]).toEqual([1, 2, 3, 4, 5, 6])
  writeFileSync(path, bytes.subarray(0, bytes.length - 6))
  expect(() => readIdxImages(path)).toThrow(`${path}: truncated or damaged gzip file`)
})

test('a gzip file is unpacked as far as its header promises', () => {
  const path = join(temporaryFolder(), 'bomb.gz')
  const zeros = Buffer.alloc(2 ** 28)
  const bomb = gzipSync(zeros, { level: 1 })
  writeFileSync(path, bomb)
  expect(() => readIdxImages(path)).toThrow(`${path}: magic number 0x00000000; expected 0x00000803`)
  const images = idxImages({ count: 2, rows: 10, columns: 10, pixels: new Uint8Array(200) })
  writeFileSync(path, Buffer.concat([gzipSync(images), ...Array.from({ length: 8 }, () => bomb)])) // 2 GiB
  const before = process.memoryUsage().rss
  expect(() => readIdxImages(path)).toThrow(
    `${path}: the file has extra bytes: the header says 2 images of 10x10 pixels, 200 bytes, but more follow it`,
  )
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28)
})

test('a header that promises more than can be held, or than the file has, is refused at once', () => {
  const path = join(temporaryFolder(), 'huge')
  const header = idxImages({ count: 2 ** 31, rows: 28, columns: 28, pixels: new Uint8Array(0) })
  writeFileSync(path, gzipSync(header))
  expect(() => readIdxImages(path)).toThrow(`${path}: 1,683,627,180,048 bytes are too many; at most `)
  writeFileSync(path, header)
  expect(() => readIdxImages(path)).toThrow(
    `${path}: the file is truncated: the header says 2147483648 images of 28x28 pixels`,
  )
  truncateSync(path, 16 + 2 ** 31 * 784)
  expect(() => readIdxImages(path)).toThrow(`${path}: 1,683,627,180,032 bytes are too many; at most `)
})
