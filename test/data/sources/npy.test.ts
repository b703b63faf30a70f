// NumPy arrays of every type, order and layout that holds images, and those that hold none. make-fixtures.py wrote them.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { npy } from '../../../src/data/sources/npy.js'
import { bits, fixture, openBy, pictures, readAll } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const grey = { shape: [3, 4, 5, 1], levels: pictures(3, 4, 5) }

test.each([
  ['uint8', true],
  ['version-2', true],
  ['version-3', true],
  ['float16-unit', false],
  ['float32-unit', false],
  ['float64-unit', false],
  ['float32-levels', false],
  ['int64', false],
  ['uint64', false],
  ['int16-big-endian', false],
  ['float32-big-endian', false],
  ['fortran', false],
])('%s.npy has the pixels that were saved', async (name, isFlat) => {
  expect(await readAll(npy, fixture(`${name}.npy`))).toEqual({ ...grey, isFlat })
})

test.each([
  ['colour-last', true],
  ['colour-first', false],
  ['fortran-colour', false],
  ['fortran-colour-first', false],
])('%s.npy has its channels side by side', async (name, isFlat) => {
  const { warnings } = await openBy(npy, fixture(`${name}.npy`))
  expect(warnings).toEqual([])
  expect(await readAll(npy, fixture(`${name}.npy`))).toEqual({
    shape: [2, 6, 5, 3],
    levels: pictures(2, 6, 5, 3),
    isFlat,
  })
})

test('of two levels that are equally near the even one is taken, as in NumPy', async () => {
  expect((await readAll(npy, fixture('halves.npy'))).levels).toEqual([250, 250, 252, 252, 254, 254])
})

test('truth values stay 0 and 1', async () => {
  expect((await readAll(npy, fixture('bool.npy'))).levels).toEqual(bits(3, 4, 5).map(bit => 255 * bit))
})

test('where the channels could be first or last, last is taken and said', async () => {
  const { parts, warnings } = await openBy(npy, fixture('ambiguous.npy'))
  expect(parts.all).toMatchObject({ rows: 3, columns: 5, channels: 3 })
  expect(warnings).toMatchObject([
    { kind: 'channels', message: expect.stringContaining('(2, 3, 5, 3) is read as (N, H, W, C)') },
  ])
})

test('rows of pixels become images of the shape that is said', async () => {
  expect(await readAll(npy, fixture('rows-of-pixels.npy'), { rawShape: '3x4x5' })).toEqual({ ...grey, isFlat: true })
})

test.each([
  ['rows-of-pixels', 'the shape is (3, 20); say the rows and columns of an image by --raw-shape 3xROWSxCOLUMNS'],
  ['vector', 'the shape is (60)'],
  ['objects', 'an array of Python objects (pickle), which is not read'],
  ['complex', "the type 'c8' of NumPy"],
  ['records', 'the header of the array says no type of numbers; records are not read'],
  ['empty', 'the header says 0 images of 4x5 pixels; all must be positive'],
  ['int32-outside', '-3 at image 1, row 2, column 3 (counted from 0); whole numbers from 0 to 255 were expected'],
  ['int32-above', '256 at image 1, row 2, column 3 (counted from 0)'],
  [
    'float32-outside',
    '300 at image 1, row 2, column 3 (counted from 0); numbers in [0, 1] or in [0, 255] were expected',
  ],
  ['float32-nan', 'NaN at image 1, row 2, column 3'],
  ['float32-negative', '-0.5 at image 1, row 2, column 3'],
])('%s.npy is refused with the reason', async (name, message) => {
  const path = fixture(`${name}.npy`)
  await expect(readAll(npy, path)).rejects.toThrow(`${path}: ${message}`)
})

test('another shape than that of the array is refused', async () => {
  await expect(readAll(npy, fixture('rows-of-pixels.npy'), { rawShape: '3x5x5' })).rejects.toThrow(
    'the shape is (3, 20), which is not --raw-shape 3x5x5',
  )
})

test('a gzipped array is read, and a cut or longer one refused', async () => {
  const path = join(temporaryFolder(), 'images.npy.gz')
  const bytes = readFileSync(fixture('uint8.npy'))
  const written = (content: Buffer) => {
    writeFileSync(path, content)
    return readAll(npy, path)
  }
  expect(await written(gzipSync(bytes))).toEqual({ ...grey, isFlat: false })
  await expect(written(gzipSync(bytes.subarray(0, -1)))).rejects.toThrow(
    `${path}: the file is truncated: the header says 3 images of 4x5 pixels, 60 bytes, but 59 follow it`,
  )
  await expect(written(gzipSync(Buffer.concat([bytes, Buffer.alloc(1)])))).rejects.toThrow(
    '60 bytes, but more follow it',
  )
  await expect(written(gzipSync(bytes).subarray(0, -1))).rejects.toThrow(`${path}: truncated or damaged gzip file`)
  await expect(written(bytes.subarray(0, -1))).rejects.toThrow('60 bytes, but 59 follow it')
  await expect(written(Buffer.concat([bytes, Buffer.alloc(1)]))).rejects.toThrow('60 bytes, but 61 follow it')
})
