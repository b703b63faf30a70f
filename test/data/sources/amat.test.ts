// Larochelle's text of zeros and ones, and the other text that is refused. make-fixtures.py wrote it.
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { amat } from '../../../src/data/sources/amat.js'
import { bits, fixture, readAll, readParts } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

function fileOf(content: string | Uint8Array, name = 'a.amat'): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

const white = (...sizes: Parameters<typeof bits>) => bits(...sizes).map(bit => 255 * bit)

const plain = { shape: [3, 4, 4, 1], levels: white(3, 4, 4), isFlat: false }

test.each(['', '/binarized_mnist_train.amat', '/binarized_mnist_valid.amat'])(
  'the folder, or any of its files, is three parts: larochelle%s',
  async name => {
    expect(await readParts(amat, fixture('larochelle') + name)).toEqual({
      train: plain,
      validation: { ...plain, shape: [1, 4, 4, 1], levels: white(1, 4, 4, 3) },
      test: { ...plain, shape: [2, 4, 4, 1], levels: white(2, 4, 4, 4) },
    })
  },
)

test('a file without its companions is read alone; a folder that lacks one is refused', async () => {
  const folder = temporaryFolder()
  cpSync(fixture('larochelle'), folder, { recursive: true })
  rmSync(join(folder, 'binarized_mnist_test.amat'))
  expect(await readAll(amat, join(folder, 'binarized_mnist_train.amat'))).toEqual(plain)
  await expect(readParts(amat, folder)).rejects.toThrow(`${folder}: no binarized_mnist_test.amat in this folder`)
})

test('zeros and ones are read however they are written', async () => {
  expect(await readAll(amat, fixture('scientific.amat'))).toEqual(plain)
  const levels = [0, 255, 255, 0, 255, 255, 0, 0]
  expect((await readAll(amat, fileOf('\n0 1\t1 0\r\n1.0 1 0  0\r\n\r\n'))).levels).toEqual(levels)
  expect((await readAll(amat, fileOf(gzipSync('0 1 1 0\n1 1 0 0'), 'a.txt.gz'))).levels).toEqual(levels)
  expect(await readAll(amat, fileOf('0 1 1\n1 1 0\n'), { rawShape: '2x1x3' })).toMatchObject({ shape: [2, 1, 3, 1] })
})

test.each([
  ['labelled', 'a table of 16 numbers and a label in the last column, as its width says; only text of 0 and 1'],
  ['0 1 0.5 1', "'0.5' in the first line; only text of 0 and 1 is read. Save other numbers as a NumPy array"],
  ['0 1 1 1\n0 1 2 1', ", line 2: '2'; 0 or 1 was expected"],
  ['0 1 1 1\n0 1 1', ', line 2: 3 values; 4 were expected, as in the first line'],
  ['0 1 1 1\n0 1 1 1 1', ', line 2: 5 values; 4 were expected'],
  ['0 1 1', '3 values in the first line are no square; say rows and columns by --raw-shape'],
  ['', '0 values in the first line'],
])('%j is refused with the place', async (text, message) => {
  const path = text === 'labelled' ? fixture('labelled.amat') : fileOf(text)
  await expect(readAll(amat, path)).rejects.toThrow(message.startsWith(',') ? path + message : `${path}: ${message}`)
})
