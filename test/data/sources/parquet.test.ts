// Parquet files of images, as the Hugging Face hub stores them: columns, labels, compressions, shards, and files that are refused.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asTheyAre } from '../../../src/data/dataset.js'
import { parquet } from '../../../src/data/sources/parquet.js'
import { numberedLabels } from '../../../src/data/sources/parquet-labels.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { expected, fill, fixture, levelsOf, openWith } from './reading.js'

const levels: number[] = expected.tables.flat()

test('the hub’s column of images, its labels and their names are read over several row groups', async () => {
  const { parts, warnings } = await openWith(parquet, fixture('hub.parquet'))
  expect(parts.all).toMatchObject({ count: 5, rows: 3, columns: 4, channels: 1, files: [fixture('hub.parquet')] })
  expect(parts.all?.labels).toEqual({ names: ['ant', 'bee', 'cat'], values: Int32Array.of(2, 0, 1, 1, 0) })
  expect(await levelsOf(parts.all)).toEqual(levels)
  expect(warnings).toEqual([])
})

const asBytes = ['none', 'gzip', 'zstd', 'brotli', 'lz4', 'nameless']

test.each(asBytes)('bytes without names of files, %s.parquet', async name => {
  const { all } = (await openWith(parquet, fixture(`${name}.parquet`))).parts
  expect(all?.labels).toEqual({ names: ['0', '1', '2'], values: Int32Array.of(2, 0, 1, 1, 0) })
  expect(await levelsOf(all)).toEqual(levels)
})

test('labels may be texts, be absent, or be there in part', async () => {
  const texts = await openWith(parquet, fixture('texts.parquet'))
  expect(texts.parts.all?.labels).toEqual({ names: ['a', 'b', 'c'], values: Int32Array.of(1, 0, 2, 0, 1) })
  const none = await openWith(parquet, fixture('unlabelled.parquet'))
  expect([none.parts.all?.labels, none.warnings]).toEqual([undefined, []])
  const some = await openWith(parquet, fixture('partly-labelled.parquet'))
  expect(some.parts.all?.labels).toBeUndefined()
  expect(some.warnings).toEqual([
    { kind: 'missing-labels', message: "1 of 5 images of the part 'all' have no label, so its labels are not read" },
  ])
})

test('labels have one numbering in all parts, and none if they are beyond their names', () => {
  const numbered = numberedLabels(
    new Map([
      ['train', ['b', 'c']],
      ['test', ['a', 'b']],
    ]),
  )
  expect(numbered.labels.get('test')).toEqual({ names: ['a', 'b', 'c'], values: Int32Array.of(0, 1) })
  expect(numberedLabels(new Map([['train', [0, 3]]]), ['x', 'y'])).toEqual({
    labels: new Map(),
    warnings: [
      { kind: 'wrong-labels', message: 'the column of labels has numbers beyond its classes, so labels are not read' },
    ],
  })
})

test('a folder of shards has parts', async () => {
  const folder = fill(temporaryFolder(), {
    'data/train-00000-of-00002.parquet': 'hub.parquet',
    'data/train-00001-of-00002.parquet': 'zstd.parquet',
    'data/test-00000-of-00001.parquet': 'hub.parquet',
    'data/validation-00000-of-00001.parquet': 'unlabelled.parquet',
  })
  const { parts } = await openWith(parquet, folder, { key: null })
  expect(parts.train?.count).toBe(10)
  expect(parts.train?.labels?.values).toEqual(Int32Array.of(2, 0, 1, 1, 0, 2, 0, 1, 1, 0))
  expect(await levelsOf(parts.train)).toEqual([...levels, ...levels])
  expect(parts.test?.labels?.names).toEqual(['ant', 'bee', 'cat'])
  expect(parts.validation?.labels).toBeUndefined()
})

test.each([
  [['train/0000.parquet', 'test/0000.parquet'], { train: 5, test: 5 }],
  [['a.parquet', 'b.parquet'], { all: 10 }],
  [['train.parquet', 'valid.parquet'], { train: 5, validation: 5 }],
])('files %j are parts', async (paths, counts) => {
  const folder = fill(temporaryFolder(), Object.fromEntries(paths.map(path => [path, 'hub.parquet'])))
  const { parts } = await openWith(parquet, folder)
  expect(Object.fromEntries(Object.entries(parts).map(([name, { count }]) => [name, count]))).toEqual(counts)
})

test('a pattern selects files, all of one part', async () => {
  const folder = fill(temporaryFolder(), {
    'train-1.parquet': 'hub.parquet',
    'train-2.parquet': 'hub.parquet',
    'x.parquet': 'no-images.parquet',
  })
  expect((await openWith(parquet, join(folder, 'train-*.parquet'))).parts.all?.count).toBe(10)
  await expect(openWith(parquet, join(folder, 'y*.parquet'))).rejects.toThrow('y*.parquet: no Parquet files are there')
})

test.each([
  [
    ['train-00000-of-00003.parquet', 'train-00002-of-00003.parquet'],
    'shard 1 of 3 (from 0) is missing beside train-00000-of-00003.parquet',
  ],
  [['a/train-0.parquet', 'b/train-0.parquet'], 'several data sets are in it'],
])('shards %j are refused', async (paths, message) => {
  const folder = fill(temporaryFolder(), Object.fromEntries(paths.map(path => [path, 'hub.parquet'])))
  await expect(openWith(parquet, folder)).rejects.toThrow(`${folder}: ${message}`)
})

test('files that are of no part are told', async () => {
  const folder = fill(temporaryFolder(), { 'train-0.parquet': 'hub.parquet', 'extra-0.parquet': 'hub.parquet' })
  const message = `${folder}: ${join(folder, 'extra-0.parquet')} is not read, as its name is not that of a part (train, validation, test)`
  expect((await openWith(parquet, folder)).warnings).toEqual([{ kind: 'unread-files', message }])
})

test.each([
  ['two-images.parquet', null, 'several columns may hold images: left, right; choose one with --key'],
  ['two-images.parquet', 'name', '--key name: this column holds no encoded images; the columns are left, right, name'],
  ['two-images.parquet', 'middle', '--key middle: this column is not there; the columns are left, right, name'],
  [
    'no-images.parquet',
    null,
    'no column of encoded images (bytes, or a struct with bytes); the columns are label, name',
  ],
])('%s with --key %s is refused', async (name, key, message) => {
  await expect(openWith(parquet, fixture(name), { key })).rejects.toThrow(`${fixture(name)}: ${message}`)
})

test.each(['left', 'right'])('--key chooses the column %s', async key => {
  expect(await levelsOf((await openWith(parquet, fixture('two-images.parquet'), { key })).parts.all)).toEqual(levels)
})

test('rows without the bytes of a picture are named, or left out', async () => {
  const path = fixture('elsewhere.parquet')
  await expect(openWith(parquet, path)).rejects.toThrow(`${path}, row 3 (d.png): there are no bytes of a picture`)
  const { parts, warnings } = await openWith(parquet, path, { skipBroken: 'on' })
  expect(await levelsOf(parts.all)).toEqual(levels.slice(0, 36))
  expect(warnings[0]?.message).toBe(
    `2 of 5 images cannot be read and are left out; ${path}, row 3 (d.png): there are no bytes of a picture`,
  )
})

test('pictures in tables are resized as files are', async () => {
  const { all } = (await openWith(parquet, fixture('hub.parquet'), { resize: '6x8', channels: 'colour' })).parts
  expect(all).toMatchObject({ rows: 6, columns: 8, channels: 3 })
  expect(await levelsOf(all)).toHaveLength(5 * 6 * 8 * 3)
})

test('a file that is damaged in two places is refused once, and later errors are not left unheard', async () => {
  const path = join(temporaryFolder(), 'x.parquet')
  const bytes = Buffer.from(
    readFileSync(fixture('hub.parquet')).toString('latin1').replaceAll('image\x04path', 'image\x04qath'),
    'latin1',
  )
  bytes.fill(0xff, 4, 100)
  writeFileSync(path, bytes)
  const unheard: unknown[] = []
  const listener = (error: unknown) => unheard.push(error)
  process.on('unhandledRejection', listener)
  await expect(openWith(parquet, path)).rejects.toThrow(`${path}: truncated or damaged Parquet file (`)
  await setTimeout(100)
  process.off('unhandledRejection', listener)
  expect(unheard).toEqual([])
})

test.each(['hub', 'zstd', 'none', 'gzip'])(
  'a damaged %s.parquet is refused in one line that names it, or read rightly',
  async name => {
    const path = join(temporaryFolder(), 'x.parquet')
    const probe = { path, isFolder: false, start: Uint8Array.of(), isGzipped: false }
    const whole = readFileSync(fixture(`${name}.parquet`))
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      flip: fc.integer({ min: 1, max: 255 }),
      cut: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ at, flip, cut }) => {
        const bytes = Buffer.from(whole)
        bytes[at] = (bytes[at] as number) ^ flip
        writeFileSync(path, cut ? bytes.subarray(0, at) : bytes)
        try {
          const read = await levelsOf((await parquet.open(path, asTheyAre, probe)).parts.all)
          // Rows can be mistaken for one another: most pages have no checksum.
          for (let i = 0; i < read.length; i += 12) expect(expected.tables).toContainEqual(read.slice(i, i + 12))
        } catch (error) {
          expect((error as Error).message).toMatch(/^\S+x\.parquet[:,] [^\n]+$/)
        }
      }),
      { numRuns: 200 },
    )
  },
)
