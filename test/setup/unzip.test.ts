// Unpacking single files of an archive, and the refusal of damaged ones.
import * as fs from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { unzip } from '../../src/setup/unzip.js'
import { libraryText, useSandbox, zip } from './sandbox.js'

const { inFolder } = useSandbox()

describe('unpacking', () => {
  const unpack = (bytes: Buffer, name = 'b/c') => {
    fs.writeFileSync(inFolder('a.whl'), bytes)
    return unzip(inFolder('a.whl'), new Map([[name, inFolder('out')]]))
  }

  test('writes the file that is asked for', async () => {
    await unpack(zip({ a: 'no', 'b/c': libraryText, d: 'no' }))
    expect(fs.readFileSync(inFolder('out'), 'utf8')).toBe(libraryText)
  })

  test('refuses an archive that was cut short, wherever', async () => {
    const whole = zip({ 'b/c': libraryText })
    for (const length of [0, 10, 100, whole.length - 23, whole.length - 1]) {
      await expect(unpack(whole.subarray(0, length))).rejects.toThrow(
        /a\.whl is damaged \(End of central directory record signature not found/,
      )
    }
  })

  test('refuses a file of another size than the archive says, and one that does not inflate', async () => {
    const longer = zip({ 'b/c': libraryText })
    longer.writeUInt32LE(libraryText.length + 1, longer.indexOf('PK\x01\x02') + 24)
    await expect(unpack(longer)).rejects.toThrow(/a\.whl is damaged \(b\/c: not enough bytes/)
    const broken = zip({ 'b/c': libraryText })
    broken.fill(0xff, 33, 40)
    fs.rmSync(inFolder('out'))
    await expect(unpack(broken)).rejects.toThrow(/a\.whl is damaged \(b\/c: invalid/)
  })

  const skipped = 'crc32' in zlib ? '' : ' (skipped: this Node takes no CRC-32)'

  test.skipIf(skipped !== '')(`refuses a file with the wrong CRC-32${skipped}`, async () => {
    const wrong = zip({ 'b/c': libraryText })
    const place = wrong.indexOf('PK\x01\x02') + 16
    wrong.writeUInt32LE(wrong.readUInt32LE(place) ^ 1, place)
    await expect(unpack(wrong)).rejects.toThrow(/a\.whl is damaged \(b\/c: wrong CRC-32\)/)
  })

  test('refuses an archive without the file', async () => {
    await expect(unpack(zip({ a: '' }))).rejects.toThrow(/it has no b\/c/)
  })
})
