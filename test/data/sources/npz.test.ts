// Archives of NumPy arrays by the names that published sets use, or by --key. make-fixtures.py wrote them.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { npz } from '../../../src/data/sources/npz.js'
import { bits, fixture, openBy, pictures, readAll, readParts } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const train = { shape: [3, 4, 5, 1], levels: pictures(3, 4, 5), labels: [3, 0, 1], names: ['0', '1', '2', '3'] }
const test2 = { shape: [2, 4, 5, 1], levels: pictures(2, 4, 5, 1, 3), labels: [3, 0], names: ['0', '1', '2', '3'] }

test.each([
  ['keras', true],
  ['keras-compressed', false],
])("%s.npz has Keras's parts and labels", async (name, isFlat) => {
  expect(await readParts(npz, fixture(`${name}.npz`))).toEqual({
    train: { ...train, isFlat },
    test: { ...test2, isFlat },
  })
})

test("KMNIST's archives have their labels beside them, one file or the folder", async () => {
  expect(await readAll(npz, fixture('kmnist-train-imgs.npz'))).toEqual({ ...train, isFlat: false })
  const folder = temporaryFolder()
  for (const name of ['train-imgs', 'train-labels', 'test-imgs'])
    cpSync(fixture(`kmnist-${name}.npz`), join(folder, `kmnist-${name}.npz`))
  const { labels: _, names: __, ...unlabelled } = test2
  expect(await readParts(npz, folder)).toEqual({
    train: { ...train, isFlat: false },
    test: { ...unlabelled, isFlat: false },
  })
})

test('dSprites are the array imgs, of bytes 0 and 1; its objects are left alone', async () => {
  expect((await readAll(npz, fixture('dsprites.npz'))).levels).toEqual(bits(3, 4, 5))
})

test('a file may hold a validation part, and labels in a column', async () => {
  const parts = await readParts(npz, fixture('medmnist.npz'))
  expect(Object.keys(parts)).toEqual(['train', 'validation', 'test'])
  expect(parts.validation).toMatchObject({ levels: pictures(1, 6, 5, 3, 3), labels: [3] })
  expect(parts.test).toMatchObject({ levels: pictures(2, 6, 5, 3, 4), labels: [3, 0] })
})

test('a packed array in Fortran order is read, and rows with one 1 are labels', async () => {
  expect(await readAll(npz, fixture('one-hot.npz'))).toEqual({ ...train, isFlat: false })
})

test('fractions of all parts are scaled alike', async () => {
  const parts = await readParts(npz, fixture('jointly.npz'))
  expect([parts.train?.levels[0], parts.test?.levels[0]]).toEqual([200, 1])
})

test('other names are listed, and chosen by --key', async () => {
  const path = fixture('other-names.npz')
  expect((await readAll(npz, path, { key: 'pictures' })).levels).toEqual(pictures(3, 4, 5))
  await expect(readAll(npz, path)).rejects.toThrow(
    `${path}: no array has a usual name such as x_train or images; choose with --key: pictures, words`,
  )
  await expect(readAll(npz, path, { key: 'nothing' })).rejects.toThrow(
    `${path}: no array 'nothing'; choose with --key: pictures, words`,
  )
  await expect(readAll(npz, path, { key: 'words' })).rejects.toThrow(`${path}: words: the type 'U1' of NumPy`)
})

test('labels that are words are left out, and that is said', async () => {
  const { parts, warnings } = await openBy(npz, fixture('words.npz'))
  expect(parts.all?.labels).toBeUndefined()
  expect(warnings).toMatchObject([
    { kind: 'labels', message: expect.stringMatching(/words\.npz: labels: the type 'U1'.*without labels$/) },
  ])
})

test('the checksum of a packed array is compared', async () => {
  const path = join(temporaryFolder(), 'kmnist-test-imgs.npz')
  const bytes = readFileSync(fixture('kmnist-test-imgs.npz'))
  const directory = bytes.indexOf('PK\x01\x02')
  bytes.writeUInt8(bytes.readUInt8(directory + 16) ^ 1, directory + 16)
  writeFileSync(path, bytes)
  await expect(readAll(npz, path)).rejects.toThrow(
    `${path}: arr_0.npy: truncated or damaged compressed data (incorrect data check)`,
  )
})
