// CIFAR's binary files: planes of colour become pixels, in one file or a folder of several.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cifar } from '../../../src/data/sources/cifar.js'
import { openBy, readAll, readParts } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const SIDE = 32

/** Of a picture whose colours are known at each place: red the row, green the column, blue the number of the picture. */
const colourAt = (n: number, row: number, column: number): [number, number, number] => [row, column, n]

function record(n: number, labels: readonly number[]): Buffer {
  const pixels = Buffer.alloc(3 * SIDE * SIDE)
  for (let row = 0; row < SIDE; row++)
    for (let column = 0; column < SIDE; column++)
      for (const [plane, level] of colourAt(n, row, column).entries())
        pixels[plane * SIDE * SIDE + row * SIDE + column] = level
  return Buffer.concat([Uint8Array.from(labels), pixels])
}

const interleaved = (...pictures: readonly number[]): number[] =>
  pictures.flatMap(n =>
    Array.from({ length: SIDE * SIDE }, (_, i) => colourAt(n, Math.floor(i / SIDE), i % SIDE)).flat(),
  )

function folderOf(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const digits = Array.from({ length: 10 }, (_, i) => String(i))

test('five training files are one part, in their order, with the names of the classes', async () => {
  const names = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ')
  const folder = folderOf({
    'data_batch_1.bin': Buffer.concat([record(1, [3]), record(2, [0])]),
    ...Object.fromEntries([2, 3, 4, 5].map(i => [`data_batch_${i}.bin`, record(i + 1, [i])])),
    'test_batch.bin': record(9, [9]),
    'batches.meta.txt': `${names.join('\n')}\n\n`,
    'readme.html': '<html>',
  })
  expect(await readParts(cifar, folder)).toEqual({
    train: {
      shape: [6, 32, 32, 3],
      levels: interleaved(1, 2, 3, 4, 5, 6),
      labels: [3, 0, 2, 3, 4, 5],
      names,
      isFlat: false,
    },
    test: { shape: [1, 32, 32, 3], levels: interleaved(9), labels: [9], names, isFlat: false },
  })
  expect((await openBy(cifar, folder)).warnings).toEqual([])
})

test('one file is read alone', async () => {
  const folder = folderOf({ 'data_batch_3.bin': record(7, [1]) })
  expect(await readAll(cifar, join(folder, 'data_batch_3.bin'))).toMatchObject({ labels: [1], names: digits })
  expect((await openBy(cifar, folder)).warnings).toMatchObject([
    {
      kind: 'missing-files',
      message: expect.stringContaining('1 of 5 training files and 0 of 1 test files of CIFAR-10'),
    },
  ])
})

test('CIFAR-100 has a coarse and a fine label; the fine one is read', async () => {
  const folder = folderOf({ 'train.bin': record(1, [5, 99]), 'test.bin': record(2, [6, 42]) })
  const parts = await readParts(cifar, folder)
  expect(parts.train).toMatchObject({ levels: interleaved(1), labels: [99] })
  expect(parts.test).toMatchObject({ levels: interleaved(2), labels: [42] })
})

test('a cut file and another label are refused', async () => {
  const folder = folderOf({ 'test_batch.bin': record(1, [3]).subarray(1), 'data_batch_1.bin': record(1, [10]) })
  await expect(readAll(cifar, join(folder, 'test_batch.bin'))).rejects.toThrow(
    'test_batch.bin: 3072 bytes, which is no multiple of the 3073 of an image of CIFAR-10; other bytes need --raw-shape',
  )
  await expect(readAll(cifar, join(folder, 'test_batch.bin'), { rawShape: '3x32x32' })).rejects.toThrow(
    'not recognised',
  )
  await expect(readAll(cifar, join(folder, 'data_batch_1.bin'))).rejects.toThrow(
    'data_batch_1.bin: the label of image 0 (counted from 0) is 10; those of CIFAR-10 are 0 to 9',
  )
})
