// Bytes without a header, of the shape that the user says.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
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
