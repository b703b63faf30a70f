// Bytes without a header, of the shape that the user says, and files that no reader takes.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { asTheyAre } from '../../../src/data/dataset.js'
import { openSource } from '../../../src/data/sources/open-source.js'
import { raw } from '../../../src/data/sources/raw.js'
import { pictures, readAll } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const path = join(temporaryFolder(), 'images.bin')

test('bytes are levels, read in place unless they are gzipped', async () => {
  const levels = pictures(2, 3, 4, 3)
  writeFileSync(path, Uint8Array.from(levels))
  expect(await readAll(raw, path, { rawShape: '2x3x4x3' })).toEqual({ shape: [2, 3, 4, 3], levels, isFlat: true })
  expect(await readAll(raw, path, { rawShape: '6x3x4' })).toEqual({ shape: [6, 3, 4, 1], levels, isFlat: true })
  writeFileSync(path, gzipSync(Uint8Array.from(levels)))
  expect(await readAll(raw, path, { rawShape: '6x3x4' })).toEqual({ shape: [6, 3, 4, 1], levels, isFlat: false })
})

test.each([
  ['5x3x4', 'the file has extra bytes: the header says 5 images of 3x4 pixels, 60 bytes, but 72 follow it'],
  ['7x3x4', 'the file is truncated: the header says 7 images of 3x4 pixels, 84 bytes, but 72 follow it'],
  ['0x3x4', '--raw-shape 0x3x4: expected COUNTxROWSxCOLUMNS'],
  ['3x4', '--raw-shape 3x4: expected COUNTxROWSxCOLUMNS or COUNTxROWSxCOLUMNSxCHANNELS, such as 1000x28x28'],
])('--raw-shape %s of 72 bytes is refused', async (rawShape, message) => {
  writeFileSync(path, new Uint8Array(72))
  await expect(readAll(raw, path, { rawShape })).rejects.toThrow(message)
})

test.each([
  ['a zip archive', Buffer.from('504b030414000000', 'hex')],
  ['packed by xz', Buffer.from('fd377a585a000004', 'hex')],
  ['packed by bzip2', Buffer.from('425a683931415926', 'hex')],
  ['packed by Zstandard', Buffer.from('28b52ffd24088100', 'hex')],
  ['packed by gzip twice', gzipSync(gzipSync(new Uint8Array(72)))],
])('a file that is %s is refused by that name', async (packing, bytes) => {
  writeFileSync(path, bytes)
  await expect(openSource(path, asTheyAre)).rejects.toThrow(`${path}: this file is ${packing}; unpack it`)
})

test('a file of an unknown format is refused with the formats that are known', async () => {
  writeFileSync(path, new Uint8Array(72))
  await expect(openSource(path, asTheyAre)).rejects.toThrow(
    /: an unknown format; --data takes .*, Parquet, pictures, or bytes without a header with --raw-shape$/,
  )
})
