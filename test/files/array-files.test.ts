// Arrays written block by block: every format holds the numbers and texts that were written, and an unfinished file leaves nothing.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { zipMembers } from '../../src/data/sources/zip.js'
import { type ArraySpec, textSpec } from '../../src/files/array-files/arrays.js'
import { crc32 } from '../../src/files/array-files/crc32.js'
import { arrayFormatOf, writeArrays } from '../../src/files/array-files/write-arrays.js'
import { decodeSafetensors } from '../../src/files/safetensors.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const names = ['a,b.png', 'größe "1".png', '😀.png']
const mean = Float32Array.of(0.1, -2, 3e-8, 4, 5, 6.5)
const label = Uint8Array.of(7, 0, 255)
const specs: ArraySpec[] = [
  textSpec('name', names),
  { name: 'label', type: 'uint8', shape: [3] },
  { name: 'mean', type: 'float32', shape: [3, 2] },
]

/** Writes the three rows in two blocks; returns the path. */
async function written(ending: string, isWhole = true, path = join(temporaryFolder(), `codes.${ending}`)) {
  const format = arrayFormatOf(path)
  if (format === undefined) throw new Error(`no format for ${ending}`)
  const held = specs.filter(spec => format.holds(spec, 3))
  await writeArrays(path, { format, specs: held, metadata: { run: 'first' } }, async write => {
    write({ name: names.slice(0, 2), label: label.subarray(0, 2), mean: mean.subarray(0, 4) })
    write({ name: names.slice(2), label: label.subarray(2), mean: mean.subarray(4) })
    return isWhole
  })
  return path
}

/** The header of an npy array, and its bytes. */
function npyParts(bytes: Buffer): [header: string, data: Buffer] {
  expect(bytes.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00')
  const end = 10 + bytes.readUInt16LE(8)
  expect(end % 64).toBe(0)
  return [bytes.toString('latin1', 10, end).trim(), bytes.subarray(end)]
}

const floats = (bytes: Buffer) => new Float32Array(Uint8Array.from(bytes).buffer)

test('npz: each array is an npy file, and the checksums of the archive are those of its members', async () => {
  const path = await written('npz')
  const members = await zipMembers(path)
  expect([...members.keys()]).toEqual(['name.npy', 'label.npy', 'mean.npy'])
  const file = readFileSync(path)
  const found = new Map<string, Buffer>()
  let at = 0
  for (const name of members.keys()) {
    const start = at + 30 + name.length + 20
    const size = Number(file.readBigUInt64LE(start - 8))
    const bytes = file.subarray(start, start + size)
    expect(file.readUInt32LE(at + 14)).toBe(crc32(bytes))
    found.set(name, bytes)
    at = start + size
  }
  const [header, data] = npyParts(found.get('mean.npy') as Buffer)
  expect(header).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }")
  expect(floats(data)).toEqual(mean)
  const [textHeader, text] = npyParts(found.get('name.npy') as Buffer)
  expect(textHeader).toContain("'<U13'")
  expect(text.length).toBe(3 * 4 * 13)
  expect(text.readUInt32LE(2 * 4 * 13)).toBe('😀'.codePointAt(0))
})

test('crc32 is that of zip archives, also of bytes in pieces', () => {
  const bytes = Buffer.from('123456789')
  expect(crc32(bytes)).toBe(0xcbf43926)
  expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926)
})

test('npy holds the means alone', async () => {
  const [header, data] = npyParts(readFileSync(await written('npy')))
  expect(header).toContain("'shape': (3, 2)")
  expect(floats(data)).toEqual(mean)
})

test('CSV: a column for each number, and texts are quoted where they have to be', async () => {
  expect(readFileSync(await written('csv'), 'utf8')).toBe(
    'index,name,label,mean_0,mean_1\n0,"a,b.png",7,0.100000001,-2\n1,"größe ""1"".png",0,2.99999989e-8,4\n2,😀.png,255,5,6.5\n',
  )
})

test('safetensors: numbers, texts as bytes, metadata and a digest that matches', async () => {
  const path = await written('safetensors')
  const { tensors, metadata } = decodeSafetensors(readFileSync(path), path)
  expect(metadata.run).toBe('first')
  expect(tensors.get('mean')).toEqual({ shape: [3, 2], data: mean })
  expect(tensors.get('label')?.data).toEqual(label)
  const { shape, data } = tensors.get('name') ?? { shape: [], data: new Uint8Array() }
  const [, width = 0] = shape
  const texts = names.map((_, i) =>
    Buffer.from(data.subarray(i * width, (i + 1) * width))
      .toString()
      .replaceAll('\0', ''),
  )
  expect(texts).toEqual(names)
})

test('Parquet: a row group per block, lists of numbers, bytes of images, and metadata with their shapes', async () => {
  const path = join(temporaryFolder(), 'codes.parquet')
  const image = Uint8Array.from({ length: 12 }, (_, i) => i)
  const all: ArraySpec[] = [...specs, { name: 'image', type: 'uint8', shape: [3, 2, 2] }]
  const format = arrayFormatOf(path)
  if (format === undefined) throw new Error('no format for Parquet')
  await writeArrays(path, { format, specs: all, metadata: { run: 'first' } }, async write => {
    write({
      name: names.slice(0, 2),
      label: label.subarray(0, 2),
      mean: mean.subarray(0, 4),
      image: image.subarray(0, 8),
    })
    write({ name: names.slice(2), label: label.subarray(2), mean: mean.subarray(4), image: image.subarray(8) })
    return true
  })
  const file = await asyncBufferFromFile(path)
  const { row_groups, key_value_metadata } = await parquetMetadataAsync(file)
  expect(row_groups.map(group => Number(group.num_rows))).toEqual([2, 1])
  const metadata = Object.fromEntries((key_value_metadata ?? []).map(({ key, value = '' }) => [key, value]))
  expect(metadata.run).toBe('first')
  expect(JSON.parse(metadata.shapes ?? '')).toEqual({ name: [], label: [], mean: [2], image: [2, 2] })
  const rows = await parquetReadObjects({ file, utf8: false })
  expect(rows.map(row => row.name)).toEqual(names)
  expect(rows.map(row => row.label)).toEqual([...label])
  expect(rows.map(row => row.mean)).toEqual([0, 2, 4].map(i => [...mean.subarray(i, i + 2)]))
  expect(rows.map(row => [...row.image])).toEqual([0, 4, 8].map(i => [...image.subarray(i, i + 4)]))
})

test('a file that is not finished leaves the old one, and nothing else', async () => {
  const path = join(temporaryFolder(), 'codes.npz')
  writeFileSync(path, 'old')
  await written('npz', false, path)
  expect(readFileSync(path, 'utf8')).toBe('old')
  expect(readdirSync(join(path, '..'))).toEqual(['codes.npz'])
  await written('npz', true, path)
  expect(readFileSync(path).readUInt32LE()).toBe(0x04034b50)
})

test('a folder that does not exist is named', async () => {
  await expect(written('npz', true, join(temporaryFolder(), 'none', 'a.npz'))).rejects.toThrow(
    /cannot write .*folder does not exist/,
  )
})
