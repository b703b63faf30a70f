// Where pictures lie: order, hidden files, links, classes, parts, patterns, broken files, and layouts that are refused.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { asTheyAre } from '../../../src/data/dataset.js'
import { type ImageSet, levelsOf as levelsInMemory } from '../../../src/data/images.js'
import { filesMatching } from '../../../src/data/sources/find-files.js'
import { openSource } from '../../../src/data/sources/open-source.js'
import * as picture from '../../../src/data/sources/picture.js'
import { pictures } from '../../../src/data/sources/pictures.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { expected, fill, fixture, levelsOf, openWith } from './reading.js'

vi.mock('../../../src/data/sources/picture.js', { spy: true })

const folderOf = (...paths: string[]): string =>
  fill(temporaryFolder(), Object.fromEntries(paths.map(path => [path, 'grey.png'])))

const namesIn = async (folder: string) => (await openWith(pictures, folder)).parts.all?.names

test('pictures come in the order of code points; hidden and other files are left out', async () => {
  const folder = folderOf(
    'b.png',
    'a.PNG',
    'Z.png',
    '10.png',
    '2.png',
    'é.png',
    '\uFF5E.png',
    '\u{1F600}.png',
    '.hidden.png',
  )
  writeFileSync(join(folder, 'labels.csv'), '')
  const names = ['10.png', '2.png', 'Z.png', 'a.PNG', 'b.png', 'é.png', '\uFF5E.png', '\u{1F600}.png']
  expect(await namesIn(folder)).toEqual(names)
  expect((await openWith(pictures, folder)).parts.all?.files).toEqual(names.map(name => join(folder, name)))
})

test('links are followed, but not into a folder that they lie in; pipes are left out', async () => {
  const folder = folderOf('a/1.png', 'b/2.png')
  const other = folderOf('3.png')
  symlinkSync(other, join(folder, 'c'))
  symlinkSync(join(folder, 'a/1.png'), join(folder, 'b/0.png'))
  symlinkSync('..', join(folder, 'a/up'))
  execFileSync('mkfifo', [join(folder, 'a/pipe.png')])
  expect(await namesIn(folder)).toEqual(['a/1.png', 'b/0.png', 'b/2.png', 'c/3.png'])
})

test('links to themselves are no folders', async () => {
  const folder = folderOf()
  mkdirSync(join(folder, 'a'))
  symlinkSync('self', join(folder, 'a/self'))
  symlinkSync(folder, join(folder, 'a/again'))
  await expect(openWith(pictures, folder)).rejects.toThrow(`pictures does not recognise ${folder}`)
})

test('a link to nothing is named', async () => {
  const folder = folderOf('a.png')
  symlinkSync('nowhere', join(folder, 'b.png'))
  await expect(openWith(pictures, folder)).rejects.toThrow(
    `${join(folder, 'b.png')}: the file is missing; --skip-broken`,
  )
})

test('folders of classes are labels, in the order of their names, with the pictures below them', async () => {
  const folder = folderOf('dog/1.png', 'cat/2.png', 'cat/more/3.png', 'cat/1.png', 'ant/x.png')
  mkdirSync(join(folder, 'empty'))
  const { all } = (await openWith(pictures, folder)).parts
  expect(all?.names).toEqual(['ant/x.png', 'cat/1.png', 'cat/2.png', 'cat/more/3.png', 'dog/1.png'])
  expect(all?.labels).toEqual({ names: ['ant', 'cat', 'dog'], values: Int32Array.of(0, 1, 1, 1, 2) })
})

test('one folder of pictures is no class', async () => {
  const { all } = (await openWith(pictures, folderOf('images/1.png', 'images/2.png'))).parts
  expect(all?.names).toEqual(['images/1.png', 'images/2.png'])
  expect(all?.labels).toBeUndefined()
})

test.each(['valid', 'val', 'validation'])(
  'train, %s and test are parts, with the same numbers of classes',
  async name => {
    const folder = folderOf('train/b/1.png', 'train/a/2.png', 'train/c/3.png', `${name}/c/4.png`, 'test/5.png')
    const { parts, warnings } = await openWith(pictures, folder)
    expect(Object.keys(parts).sort()).toEqual(['test', 'train', 'validation'])
    expect(parts.train?.names).toEqual(['train/a/2.png', 'train/b/1.png', 'train/c/3.png'])
    expect(parts.train?.labels?.values).toEqual(Int32Array.of(0, 1, 2))
    expect(parts.validation?.labels).toEqual({ names: ['a', 'b', 'c'], values: Int32Array.of(2) })
    expect(parts.test?.labels).toBeUndefined()
    expect(warnings).toEqual([])
  },
)

test('a class of the test images that no training image has, and folders that are not read, are told', async () => {
  const folder = folderOf('train/a/1.png', 'train/b/1.png', 'test/z/1.png', 'extra/1.png')
  const { warnings } = await openWith(pictures, folder)
  expect(warnings).toEqual([
    { kind: 'unknown-class', message: `${folder}: no training image is of the class 'z', which other parts have` },
    { kind: 'unread-files', message: `${folder}: only test, train are read; extra is not` },
  ])
})

test('a class may be called train', async () => {
  const { all } = (await openWith(pictures, folderOf('car/1.png', 'plane/1.png', 'train/1.png'))).parts
  expect(all?.labels?.names).toEqual(['car', 'plane', 'train'])
})

test('parts and classes of colour and grey pictures have one shape', async () => {
  const folder = fill(temporaryFolder(), { 'train/1.png': 'grey.png', 'test/1.png': 'colour.png' })
  const { parts } = await openWith(pictures, folder)
  expect(parts.train?.channels).toBe(3)
  expect(await levelsOf(parts.train)).toEqual(expected['grey.png'].colour)
})

test.each([
  [['a.png', 'cats/b.png'], 'pictures lie both directly inside (a.png) and in folders (cats/)'],
  [['train/1.png', 'val/1.png', 'valid/1.png'], 'both val/ and valid/ are validation images; only one may be there'],
])('the layout %j is refused', async (paths, message) => {
  const folder = folderOf(...paths)
  await expect(openWith(pictures, folder)).rejects.toThrow(`${folder}: ${message}`)
})

test('a part without pictures is refused', async () => {
  const folder = folderOf('train/1.png')
  mkdirSync(join(folder, 'test'))
  await expect(openWith(pictures, folder)).rejects.toThrow(`${join(folder, 'test')}: no pictures in this folder; names`)
})

test('folders without pictures are not recognised', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'a.parquet'), '')
  const probe = { path: folder, isFolder: true, start: new Uint8Array(), isGzipped: false }
  expect(pictures.recognises(probe, asTheyAre)).toBe(false)
})

test('pictures of two sizes are refused with both files and the remedy', async () => {
  const folder = fill(temporaryFolder(), { 'train/a.png': 'grey.png', 'test/b.png': 'tall.png' })
  await expect(openWith(pictures, folder)).rejects.toThrow(
    `${join(folder, 'train/a.png')}: 3x4 pixels (rows x columns), but ${join(folder, 'test/b.png')} has 5x2; ` +
      'images must have one size: give one with --resize, such as --resize 32',
  )
})

test('broken pictures are named, or left out and counted, with their labels and names', async () => {
  const folder = folderOf('a/1.png', 'a/2.png', 'b/1.png', 'b/2.png', 'b/3.png')
  for (const name of ['a/2.png', 'b/2.png']) writeFileSync(join(folder, name), 'text')
  const fault = `${join(folder, 'a/2.png')}: not a picture that can be read; PNG, JPEG, WebP, GIF, TIFF and AVIF are`
  await expect(openWith(pictures, folder)).rejects.toThrow(`${fault}; --skip-broken on leaves such images out`)
  const { parts, warnings } = await openWith(pictures, folder, { skipBroken: 'on' })
  expect(parts.all).toMatchObject({ count: 3, names: ['a/1.png', 'b/1.png', 'b/3.png'] })
  expect(parts.all?.labels?.values).toEqual(Int32Array.of(0, 1, 1))
  expect(await levelsOf(parts.all)).toHaveLength(3 * 12)
  expect(warnings).toEqual([
    { kind: 'broken-images', message: `2 of 5 images cannot be read and are left out; ${fault}` },
  ])
})

test('a picture whose header is whole but whose pixels are not is left out, or named when it is decoded', async () => {
  const folder = folderOf('a.png', 'b.png', 'c.png')
  const broken = join(folder, 'b.png')
  const bytes = readFileSync(broken)
  const data = bytes.indexOf('IDAT') + 6
  bytes.writeUInt8(bytes.readUInt8(data) ^ 1, data)
  writeFileSync(broken, bytes)
  expect((await openWith(pictures, folder, { skipBroken: 'on' })).parts.all?.names).toEqual(['a.png', 'c.png'])
  const { all } = (await openWith(pictures, folder)).parts
  await expect(levelsOf(all)).rejects.toThrow(`${broken}: truncated or damaged (`)
})

test('headers are read once: a second start reads none, and a changed, added or removed picture is noticed', async () => {
  const folder = folderOf('a.png', 'b.png', 'c.png')
  const [readHeader, open] = [vi.mocked(picture.readHeader), () => openWith(pictures, folder)]
  const count = async () => {
    readHeader.mockClear()
    return [(await open()).parts.all?.count, readHeader.mock.calls.length]
  }
  expect(await count()).toEqual([3, 3])
  expect(await count()).toEqual([3, 0])
  cpSync(join(folder, 'a.png'), join(folder, 'd.png'))
  expect(await count()).toEqual([4, 4])
  rmSync(join(folder, 'b.png'))
  expect(await count()).toEqual([3, 3])
  utimesSync(join(folder, 'c.png'), 1, 1)
  expect(await count()).toEqual([3, 3])
  expect((await openWith(pictures, folder, { resize: '8' })).parts.all?.rows).toBe(8)
  cpSync(fixture('tall.png'), join(folder, 'c.png'))
  await expect(open()).rejects.toThrow('images must have one size')
})

test('pictures are transposed once, in a training as in their reader', async () => {
  const source = fixture('tall.png')
  const { all } = (await openSource(source, { ...asTheyAre, transpose: 'on' })).parts
  expect([all?.rows, all?.columns]).toEqual([2, 5])
  expect([...levelsInMemory(all as ImageSet)]).toEqual(
    await levelsOf((await openWith(pictures, source, { transpose: 'on' })).parts.all),
  )
})

test('what a survey found is the same the second time: sizes, broken pictures, warnings', async () => {
  const folder = folderOf('a/1.png', 'a/2.png', 'b/1.png')
  writeFileSync(join(folder, 'a/2.png'), 'text')
  const [first, second] = [
    await openWith(pictures, folder, { skipBroken: 'on' }),
    await openWith(pictures, folder, { skipBroken: 'on' }),
  ]
  expect(second.warnings).toEqual(first.warnings)
  expect(second.parts.all?.names).toEqual(['a/1.png', 'b/1.png'])
  expect(await levelsOf(second.parts.all)).toEqual(await levelsOf(first.parts.all))
})

test('if all pictures are broken, the first is named', async () => {
  const folder = folderOf('a.png')
  writeFileSync(join(folder, 'a.png'), 'text')
  await expect(openWith(pictures, folder, { skipBroken: 'on' })).rejects.toThrow(
    `none of the 1 images can be read; ${join(folder, 'a.png')}: not a picture`,
  )
})

test.each([
  ['*.png', ['a.png', 'b [1].png', 'c+.png']],
  ['?.png', ['a.png']],
  ['b [1].pn*', ['b [1].png']],
  ['c+*', ['c+.png']],
  ['*/*.png', ['x/1.png']],
  ['x/**/*.png', ['x/1.png', 'x/y/2.png', 'x/y/z/3.png']],
  ['**/z/*', ['x/y/z/3.png']],
  ['x/**', ['x/1.png', 'x/y/2.png', 'x/y/z/3.png']],
  ['x/y/?.png', ['x/y/2.png']],
])('the pattern %s selects files', async (pattern, names) => {
  const folder = folderOf('a.png', 'b [1].png', 'c+.png', '.d.png', 'x/1.png', 'x/y/2.png', 'x/y/z/3.png')
  writeFileSync(join(folder, 'a.txt'), '')
  const { all } = (await openWith(pictures, join(folder, pattern))).parts
  expect(all?.names).toEqual(names.map(name => join(folder, name)))
  expect(await levelsOf(all)).toEqual(names.flatMap(() => expected['grey.png'].grey))
})

test('patterns begin where the program runs, unless they begin with a slash', async () => {
  expect(await filesMatching('test/data/sources/readin?.ts', () => true)).toEqual(['test/data/sources/reading.ts'])
  expect(await filesMatching('package.jso*', () => true)).toEqual(['package.json'])
  const folder = folderOf('a.png')
  expect(await filesMatching(`${folder}/*`, () => true)).toEqual([join(folder, 'a.png')])
})

test('a pattern without pictures, or in a missing folder, is refused', async () => {
  const folder = temporaryFolder()
  await expect(openWith(pictures, join(folder, '*.png'))).rejects.toThrow(
    `${folder}/*.png: no pictures match this pattern`,
  )
  await expect(openWith(pictures, join(folder, 'x/*.png'))).rejects.toThrow(`${folder}/x: there is no such folder`)
})

test('many pictures come in blocks of whole images', async () => {
  const names = Array.from({ length: 1500 }, (_, i) => `${i}.png`.padStart(8, '0'))
  const { all } = (await openWith(pictures, folderOf(...names))).parts
  const lengths: number[] = []
  for await (const block of all?.blocks() ?? []) lengths.push(block.length / 12)
  expect(lengths).toEqual([1024, 476])
})
