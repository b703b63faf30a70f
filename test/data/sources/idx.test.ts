// IDX files of every type of numbers, with the labels beside them, by the names of MNIST, EMNIST and KMNIST.
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { idx } from '../../../src/data/sources/idx.js'
import { openBy, pictures, readAll, readParts } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const header = (type: number, shape: readonly number[]): Buffer => {
  const bytes = Buffer.from([0, 0, type, shape.length, ...new Array(4 * shape.length).fill(0)])
  for (const [i, size] of shape.entries()) bytes.writeUInt32BE(size, 4 + 4 * i)
  return bytes
}

const idxFile = (shape: readonly number[], bytes: ArrayLike<number>, type = 8): Buffer =>
  Buffer.concat([header(type, shape), Uint8Array.from(bytes)])

function fileOf(content: Uint8Array, name = 'images'): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

/** `values` as big-endian numbers of `size` bytes. */
function numbers(values: readonly number[], size: number, write: (bytes: Buffer, value: number, at: number) => void) {
  const bytes = Buffer.alloc(values.length * size)
  for (const [i, value] of values.entries()) write(bytes, value, i * size)
  return bytes
}

const levels = pictures(2, 3, 4)
const units = levels.map(level => level / 255)
const small = levels.map(level => level % 128)

test.each([
  ['uint8', 8, Buffer.from(levels), levels],
  ['int8', 9, Buffer.from(small), small],
  ['int16', 11, numbers(levels, 2, (bytes, value, at) => bytes.writeInt16BE(value, at)), levels],
  ['int32', 12, numbers(levels, 4, (bytes, value, at) => bytes.writeInt32BE(value, at)), levels],
  ['float32', 13, numbers(units, 4, (bytes, value, at) => bytes.writeFloatBE(value, at)), levels],
  ['float64', 14, numbers(units, 8, (bytes, value, at) => bytes.writeDoubleBE(value, at)), levels],
])('numbers of type %s are levels', async (_name, type, bytes, expected) => {
  const file = idxFile([2, 3, 4], bytes, type)
  expect(await readAll(idx, fileOf(file))).toEqual({ shape: [2, 3, 4, 1], levels: expected, isFlat: type === 8 })
  expect(await readAll(idx, fileOf(gzipSync(file)))).toEqual({ shape: [2, 3, 4, 1], levels: expected, isFlat: false })
})

test('a fourth dimension is channels', async () => {
  const colour = pictures(2, 3, 4, 3)
  expect(await readAll(idx, fileOf(idxFile([2, 3, 4, 3], colour)))).toEqual({
    shape: [2, 3, 4, 3],
    levels: colour,
    isFlat: true,
  })
})

test.each([
  ['labels', idxFile([8], levels), 'magic number 0x00000801 means IDX labels'],
  ['a matrix', idxFile([2, 12], levels), 'magic number 0x00000802 means 2 dimensions; images have 3'],
  ['five dimensions', idxFile([1, 2, 3, 4, 1], levels), 'magic number 0x00000805 means 5 dimensions'],
  [
    'a cut',
    idxFile([3, 3, 4], levels),
    'the file is truncated: the header says 3 images of 3x4 pixels, 36 bytes, but 24',
  ],
  ['more', idxFile([1, 3, 4], levels), 'the file has extra bytes: the header says 1 images of 3x4 pixels, 12 bytes'],
  ['no images', idxFile([0, 3, 4], []), 'the header says 0 images of 3x4 pixels; all must be positive'],
  ['a short header', header(8, [1, 1, 1, 1]).subarray(0, 18), '18 bytes are too few for an IDX header of 20 bytes'],
  ['a negative number', idxFile([1, 1, 1], [255], 9), '-1 at image 0, row 0, column 0 (counted from 0)'],
])('%s: refused with the reason, gzipped or not', async (_name, bytes, message) => {
  for (const path of [fileOf(bytes), fileOf(gzipSync(bytes))])
    await expect(readAll(idx, path)).rejects.toThrow(`${path}: ${message.replace(', but 24', '')}`)
})

test.each([
  ['gzipped twice', gzipSync(gzipSync(idxFile([2, 3, 4], levels))), 'this is a gzip file within a gzip file'],
  ['a zip archive', Buffer.from(`PK\x03\x04${'x'.repeat(20)}`), 'this is a zip archive, not an IDX file of images'],
  ['empty', Buffer.alloc(0), 'the file is empty; expected an IDX file of images'],
  ['damaged', gzipSync(idxFile([2, 3, 4], levels)).subarray(0, -9), 'truncated or damaged gzip file'],
])('a file with the name of images that is none: %s', async (_name, bytes, message) => {
  const path = fileOf(bytes, 'train-images-idx3-ubyte.gz')
  await expect(readAll(idx, path)).rejects.toThrow(`${path}: ${message}`)
})

test('a gzip file is unpacked as far as its header promises, and a header that promises too much is refused', async () => {
  const zeros = gzipSync(Buffer.alloc(2 ** 26), { level: 1 })
  const bomb = fileOf(Buffer.concat([gzipSync(idxFile([2, 3, 4], levels)), ...new Array(64).fill(zeros)])) // 4 GiB
  const before = process.memoryUsage().rss
  await expect(readAll(idx, bomb)).rejects.toThrow('24 bytes, but more follow it')
  await expect(readAll(idx, fileOf(gzipSync(header(8, [1, 2 ** 31, 2 ** 31]))))).rejects.toThrow('pixels are too large')
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  const huge = fileOf(header(8, [2 ** 31, 28, 28]))
  await expect(readAll(idx, huge)).rejects.toThrow('the header says 2147483648 images of 28x28 pixels')
  truncateSync(huge, 16 + 2 ** 31 * 784)
  expect((await openBy(idx, huge)).parts.all).toMatchObject({ count: 2 ** 31, flat: { path: huge, offset: 16 } })
})

test('blocks are pieces of some 4 MB, in order', async () => {
  const path = fileOf(gzipSync(idxFile([3, 1, 3_000_000], new Uint8Array(9_000_000)), { level: 1 }))
  const { parts } = await openBy(idx, path)
  const lengths: number[] = []
  for await (const block of parts.all?.blocks() ?? []) lengths.push(block.length)
  expect(lengths).toEqual([3_000_000, 3_000_000, 3_000_000])
})

const images = idxFile([2, 3, 4], levels)
const labels = idxFile([2], [7, 0])

function folderOf(files: Readonly<Record<string, Uint8Array>>): string {
  const folder = temporaryFolder()
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  return folder
}

test.each([
  ['MNIST', 'train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
  ['dots', 'train-images.idx3-ubyte', 'train-labels.idx1-ubyte', 't10k-images.idx3-ubyte', 't10k-labels.idx1-ubyte'],
  [
    'EMNIST',
    'emnist-letters-train-images-idx3-ubyte',
    'emnist-letters-train-labels-idx1-ubyte',
    'emnist-letters-test-images-idx3-ubyte',
    'emnist-letters-test-labels-idx1-ubyte',
  ],
])(
  'a folder with the names of %s has two parts with labels, gzipped or not',
  async (set, train, trainLabels, test, testLabels) => {
    const folder = folderOf({ [train]: images, [trainLabels]: labels, [test]: images, [testLabels]: labels })
    const packed = folderOf({
      [`${train}.gz`]: gzipSync(images),
      [`${trainLabels}.gz`]: gzipSync(labels),
      [`${test}.gz`]: gzipSync(images),
      [testLabels]: labels,
    })
    const part = { shape: [2, 3, 4, 1], levels, labels: [7, 0], names: ['0', '1', '2', '3', '4', '5', '6', '7'] }
    expect(await readParts(idx, folder)).toEqual({ train: { ...part, isFlat: true }, test: { ...part, isFlat: true } })
    expect(await readParts(idx, packed)).toEqual({
      train: { ...part, isFlat: false },
      test: { ...part, isFlat: false },
    })
    expect(await readAll(idx, join(folder, train))).toEqual({ ...part, isFlat: true })
    const kinds = (await openBy(idx, folder)).warnings.map(({ kind }) => kind)
    expect(kinds).toEqual(set === 'EMNIST' ? ['orientation', 'orientation'] : [])
    expect((await openBy(idx, folder, { transpose: 'on' })).warnings).toEqual([])
  },
)

test('a folder that lacks a file, or has several sets, is refused', async () => {
  const train = { 'train-images-idx3-ubyte': images }
  await expect(openBy(idx, folderOf(train))).rejects.toThrow('no t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz')
  const several = folderOf({ ...train, 'emnist-digits-train-images-idx3-ubyte': images })
  await expect(openBy(idx, several)).rejects.toThrow('several sets of images')
  const empty = temporaryFolder()
  mkdirSync(join(empty, 'x'))
  await expect(openBy(idx, empty)).rejects.toThrow('not recognised')
})

test('labels of another number of images are left out, and that is said; damaged ones are refused', async () => {
  const [name, labelsName] = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte']
  const other = folderOf({ [name]: images, [labelsName]: idxFile([3], [1, 2, 3]) })
  const { parts, warnings } = await openBy(idx, join(other, name))
  expect(parts.all?.labels).toBeUndefined()
  expect(warnings).toMatchObject([
    { kind: 'labels', message: expect.stringContaining(`${labelsName}: the shape is (3)`) },
  ])
  const cut = folderOf({ [name]: images, [labelsName]: labels.subarray(0, -1) })
  await expect(openBy(idx, join(cut, name))).rejects.toThrow(
    `${labelsName}: the file is truncated: 2 labels were expected`,
  )
  const none = folderOf({ [name]: images, [labelsName]: images })
  await expect(openBy(idx, join(none, name))).rejects.toThrow('not an IDX file of labels, as its name says')
})
