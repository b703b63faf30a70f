// MATLAB 5 files of published sets, upright whatever the order of their pixels; other arrays by --key. make-fixtures.py wrote them.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { matlab } from '../../../src/data/sources/matlab.js'
import { bits, fixture, openBy, pictures, readAll, readParts } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

test("Omniglot's letters are upright, with the alphabets as labels", async () => {
  const names = ['0', '1', '2', '3']
  expect(await readParts(matlab, fixture('chardata.mat'))).toEqual({
    train: { shape: [3, 4, 4, 1], levels: pictures(3, 4, 4), labels: [3, 0, 1], names, isFlat: false },
    test: { shape: [2, 4, 4, 1], levels: pictures(2, 4, 4, 1, 3), labels: [3, 0], names, isFlat: false },
  })
})

test('Frey faces are 28 rows of 20 pixels, read in place', async () => {
  expect(await readAll(matlab, fixture('frey_rawface.mat'))).toEqual({
    shape: [2, 28, 20, 1],
    levels: pictures(2, 28, 20),
    isFlat: true,
  })
})

test('a file of a big-endian machine has the same numbers', async () => {
  expect((await readAll(matlab, fixture('big-endian.mat'))).levels).toEqual(pictures(1, 28, 20))
})

test('Caltech silhouettes are upright, in three parts', async () => {
  const parts = await readParts(matlab, fixture('silhouettes.mat'))
  expect(parts.train).toMatchObject({ shape: [3, 4, 4, 1], levels: bits(3, 4, 4), labels: [1, 2, 3] })
  expect(parts.validation).toMatchObject({ shape: [1, 4, 4, 1], levels: bits(1, 4, 4, 3), labels: [1] })
  expect(parts.test).toMatchObject({ shape: [2, 4, 4, 1], levels: bits(2, 4, 4, 4), labels: [1, 2] })
})

test('truth values are black and white, as in NumPy arrays', async () => {
  const found = await readAll(matlab, fixture('logical.mat'), { key: 'shown', rawShape: '3x4x5' })
  expect(found.levels).toEqual(bits(3, 4, 5).map(bit => 255 * bit))
})

test.each(['other.mat', 'other-compressed.mat'])('%s: any array of numbers is chosen by --key', async name => {
  const path = fixture(name)
  for (const key of ['faces', 'rows']) {
    const options = { key, rawShape: '3x4x5' }
    expect((await readAll(matlab, path, options)).levels).toEqual(pictures(3, 4, 5))
    const { warnings } = await openBy(matlab, path, options)
    expect(warnings.map(({ kind }) => kind)).toEqual(key === 'rows' ? ['orientation'] : [])
  }
  expect((await readAll(matlab, path, { key: 'whole', rawShape: '2x4x5' })).levels).toEqual(new Array(40).fill(255))
  await expect(readAll(matlab, path)).rejects.toThrow(
    `${path}: no known set of images; choose with --key: faces (4x5x3), rows (3x20), whole (20x2)`,
  )
  await expect(readAll(matlab, path, { key: 'faces' })).rejects.toThrow(
    `${path}: faces is 4x5x3; say the shape of its images by --raw-shape COUNTxROWSxCOLUMNS`,
  )
  await expect(readAll(matlab, path, { key: 'faces', rawShape: '3x5x5' })).rejects.toThrow(
    `${path}: faces is 4x5x3, which is not --raw-shape 3x5x5`,
  )
  await expect(readAll(matlab, path, { key: 'absent' })).rejects.toThrow(`${path}: no array 'absent'; choose with`)
  await expect(readAll(matlab, path, { key: 'cells' })).rejects.toThrow(`${path}: cells is of class cell or complex`)
  await expect(readAll(matlab, path, { key: 'turning' })).rejects.toThrow(
    `${path}: turning is of class double or complex`,
  )
})

test('what is no MATLAB 5 file is named', async () => {
  const path = join(temporaryFolder(), 'a.mat')
  const written = (bytes: Uint8Array) => {
    writeFileSync(path, bytes)
    return readAll(matlab, path)
  }
  await expect(readAll(matlab, fixture('level-4.mat'))).rejects.toThrow('level-4.mat: no MATLAB 5 file; save it in')
  await expect(written(Buffer.from(`${'MATLAB 7.3 MAT-file, Platform: GLNXA64'.padEnd(124)}\0\x02IM`))).rejects.toThrow(
    `${path}: MATLAB 7.3 (HDF5), which is not read; save it in MATLAB with -v7`,
  )
  await expect(written(Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'))).rejects.toThrow('MATLAB 7.3 (HDF5)')
  const whole = readFileSync(fixture('chardata.mat'))
  await expect(written(whole.subarray(0, -1))).rejects.toThrow(`${path}: the MATLAB file is truncated`)
})
