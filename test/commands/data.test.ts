// `elbo data SOURCE [--size RxC] --json`, a contract that scripts read: for each format shape, parts, labels and the digest of the pixels that
// the fixtures are known to have; warnings; the contact sheet; the cache.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { PNG } from 'pngjs'
import { expect, test } from 'vitest'
import { data } from '../../src/commands/data.js'
import { expected, fill, fixture as picture } from '../data/sources/reading.js'
import { commandLine } from '../support/command-line.js'
import { idxImages } from '../support/idx-file.js'
import { fixture as array, bits, pictures } from '../support/sources.js'
import { temporaryFolder } from '../support/temporary-folder.js'

process.env.ELBO_CACHE = temporaryFolder()

type Flags = Partial<Record<keyof typeof data.options, string | number>>

/** Bits as levels 0 and 255. */
const white = (...sizes: Parameters<typeof bits>) => bits(...sizes).map(bit => 255 * bit)

/** Runs the command in this process: its document, and the lines that it prints. */
async function look(source: string, flags: Flags = {}, columns = 80, switches: Record<string, boolean> = {}) {
  const defaults = Object.fromEntries(Object.entries(data.options).map(([name, { value }]) => [name, value]))
  const lines: string[] = []
  const context = {
    print: (line: string) => lines.push(line),
    note: () => {},
    signal: new AbortController().signal,
    json: false,
    debug: false,
    checkpoints: 'checkpoints',
    columns,
  }
  const values = { ...defaults, ...flags } as never
  const { json } = await data.run({ argument: source, arguments: [source], values, given: {}, switches }, context)
  return { json: json as Document, lines }
}

interface Document {
  rows: number
  columns: number
  channels: number
  splits: Record<string, { count: number; sha256: string; labels?: Record<string, number> }>
  warnings: { kind: string; message: string }[]
}

const sha256 = (levels: readonly number[]): string => createHash('sha256').update(Uint8Array.from(levels)).digest('hex')

const kindsOf = ({ warnings }: Document) => [...new Set(warnings.map(({ kind }) => kind))].sort()

/** What stands in a split of `count` images with these levels. */
const split = (count: number, levels: readonly number[], labels?: Record<string, number>) => ({
  count,
  sha256: sha256(levels),
  ...(labels && { labels }),
})

const grey = expected['grey.png'].grey as number[]
const tall = { rows: 5, columns: 2, channels: 3 }
const [small, wide, colour] = [
  { rows: 4, columns: 5, channels: 1 },
  { rows: 3, columns: 4, channels: 1 },
  { rows: 3, columns: 4, channels: 3 },
]
const bytes = (levels: readonly number[]) => Uint8Array.from(levels)

function folderOf(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const idx = (count: number, first = 0) =>
  idxImages({ count, rows: 4, columns: 5, pixels: bytes(pictures(count, 4, 5, 1, first)) })
const idxLabels = (...labels: number[]) => Uint8Array.of(0, 0, 8, 1, 0, 0, 0, labels.length, ...labels)

/** Of one record of CIFAR: red 10, green 20, blue 30, and a white corner, the upper right one, in each plane. */
const cifarPlanes = [10, 20, 30].map(level => Array.from({ length: 1024 }, (_, i) => (i === 31 ? 255 : level)))
const cifarRecord = (label: number) => bytes([label, ...cifarPlanes.flat()])
const cifarPixels = Array.from({ length: 1024 }, (_, i) => cifarPlanes.map(plane => plane[i] as number)).flat()

interface Case {
  source: () => string
  flags?: Flags
  shape: Pick<Document, 'rows' | 'columns' | 'channels'>
  splits: Document['splits']
}

const cases: Readonly<Record<string, Case>> = {
  'an IDX folder with labels beside': {
    source: () =>
      folderOf({
        'train-images-idx3-ubyte': idx(3),
        'train-labels-idx1-ubyte': idxLabels(1, 0, 1),
        't10k-images-idx3-ubyte.gz': gzipSync(idx(2, 3)),
      }),
    shape: small,
    splits: {
      train: split(3, pictures(3, 4, 5), { 0: 1, 1: 2 }),
      test: split(2, pictures(2, 4, 5, 1, 3)),
    },
  },
  'an npz with x_train and x_test': {
    source: () => array('keras.npz'),
    shape: small,
    splits: {
      train: split(3, pictures(3, 4, 5), { 0: 1, 1: 1, 2: 0, 3: 1 }),
      test: split(2, pictures(2, 4, 5, 1, 3), { 0: 1, 1: 0, 2: 0, 3: 1 }),
    },
  },
  'an npz with three parts in colour': {
    source: () => array('medmnist.npz'),
    shape: { rows: 6, columns: 5, channels: 3 },
    splits: {
      train: split(3, pictures(3, 6, 5, 3), { 0: 1, 1: 1, 2: 0, 3: 1 }),
      validation: split(1, pictures(1, 6, 5, 3, 3), { 0: 0, 1: 0, 2: 0, 3: 1 }),
      test: split(2, pictures(2, 6, 5, 3, 4), { 0: 1, 1: 0, 2: 0, 3: 1 }),
    },
  },
  'an npz of bytes 0 and 1': {
    source: () => array('dsprites.npz'),
    shape: small,
    splits: { train: split(3, bits(3, 4, 5)) },
  },
  'an array of bytes': {
    source: () => array('uint8.npy'),
    shape: small,
    splits: { train: split(3, pictures(3, 4, 5)) },
  },
  'an array of fractions': {
    source: () => array('float32-unit.npy'),
    shape: small,
    splits: { train: split(3, pictures(3, 4, 5)) },
  },
  "an array in Fortran's order with channels first": {
    source: () => array('fortran-colour-first.npy'),
    shape: { rows: 6, columns: 5, channels: 3 },
    splits: { train: split(2, pictures(2, 6, 5, 3)) },
  },
  'TRAIN,TEST': {
    source: () => `${array('uint8.npy')},${array('float64-unit.npy')}`,
    shape: small,
    splits: { train: split(3, pictures(3, 4, 5)), test: split(3, pictures(3, 4, 5)) },
  },
  'TRAIN,VALIDATION,TEST of several formats': {
    source: () =>
      `${array('uint8.npy')},${array('other-names.npz')},${join(folderOf({ 'test.idx': idx(2, 7) }), 'test.idx')}`,
    flags: { key: 'pictures' },
    shape: small,
    splits: {
      train: split(3, pictures(3, 4, 5)),
      validation: split(3, pictures(3, 4, 5)),
      test: split(2, pictures(2, 4, 5, 1, 7)),
    },
  },
  "Larochelle's folder": {
    source: () => array('larochelle'),
    shape: { rows: 4, columns: 4, channels: 1 },
    splits: {
      train: split(3, white(3, 4, 4)),
      validation: split(1, white(1, 4, 4, 3)),
      test: split(2, white(2, 4, 4, 4)),
    },
  },
  "Omniglot's file": {
    source: () => array('chardata.mat'),
    shape: { rows: 4, columns: 4, channels: 1 },
    splits: {
      train: split(3, pictures(3, 4, 4), { 0: 1, 1: 1, 2: 0, 3: 1 }),
      test: split(2, pictures(2, 4, 4, 1, 3), { 0: 1, 1: 0, 2: 0, 3: 1 }),
    },
  },
  'an array of a MATLAB file by --key': {
    source: () => array('other.mat'),
    flags: { key: 'faces', rawShape: '3x4x5' },
    shape: small,
    splits: { train: split(3, pictures(3, 4, 5)) },
  },
  "CIFAR's folder": {
    source: () =>
      folderOf({
        'data_batch_1.bin': cifarRecord(1),
        'data_batch_2.bin': cifarRecord(0),
        'test_batch.bin': cifarRecord(1),
        'batches.meta.txt': 'ant\nbee\nc\nd\ne\nf\ng\nh\ni\nj\n',
      }),
    shape: { rows: 32, columns: 32, channels: 3 },
    splits: {
      train: split(2, [...cifarPixels, ...cifarPixels], { ant: 1, bee: 1, ...none('cdefghij') }),
      test: split(1, cifarPixels, { ant: 0, bee: 1, ...none('cdefghij') }),
    },
  },
  'a folder of pictures': {
    source: () => fill(temporaryFolder(), { 'b.png': 'colour.png', 'A.webp': 'colour.webp', 'c.tif': 'colour.tif' }),
    shape: colour,
    splits: {
      train: split(
        3,
        ['colour.webp', 'colour.png', 'colour.tif'].flatMap(name => expected[name].colour),
      ),
    },
  },
  'class folders under train and test': {
    source: () =>
      fill(temporaryFolder(), {
        'train/bee/0.png': 'colour.png',
        'train/ant/1.png': 'palette.png',
        'train/ant/0.png': 'colour.png',
        'test/bee/0.gif': 'palette.gif',
      }),
    shape: colour,
    splits: {
      train: split(
        3,
        ['colour.png', 'palette.png', 'colour.png'].flatMap(name => expected[name].colour),
        { ant: 2, bee: 1 },
      ),
      test: split(1, expected['palette.gif'].colour, { ant: 0, bee: 1 }),
    },
  },
  'one picture': {
    source: () => picture('tall.png'),
    shape: tall,
    splits: { train: split(1, expected['tall.png'].colour) },
  },
  'a pattern': {
    source: () => join(fill(temporaryFolder(), { 'a1.png': 'grey.png', 'b.png': 'tall.png' }), 'a*.png'),
    shape: wide,
    splits: { train: split(1, grey) },
  },
  'a Parquet file of the hub': {
    source: () => picture('hub.parquet'),
    shape: wide,
    splits: { train: split(5, expected.tables.flat(), { ant: 2, bee: 2, cat: 1 }) },
  },
  'Parquet shards of parts': {
    source: () =>
      fill(temporaryFolder(), {
        'train-00000-of-00001.parquet': 'gzip.parquet',
        'test-00000-of-00001.parquet': 'zstd.parquet',
      }),
    shape: wide,
    splits: {
      train: split(5, expected.tables.flat(), { 0: 2, 1: 2, 2: 1 }),
      test: split(5, expected.tables.flat(), { 0: 2, 1: 2, 2: 1 }),
    },
  },
  'bytes of a stated shape': {
    source: () => join(folderOf({ 'a.bin': bytes(pictures(2, 4, 5, 3)) }), 'a.bin'),
    flags: { rawShape: '2x4x5x3' },
    shape: { ...small, channels: 3 },
    splits: { train: split(2, pictures(2, 4, 5, 3)) },
  },
}

function none(names: string): Record<string, number> {
  return Object.fromEntries([...names].map(name => [name, 0]))
}

test.each(Object.entries(cases))('%s: shape, parts, labels and pixels', async (_, { source, flags, shape, splits }) => {
  const { json } = await look(source(), flags)
  const { rows, columns, channels } = json
  expect({ rows, columns, channels }).toEqual(shape)
  const found = Object.entries(json.splits).map(([name, { count, sha256, labels }]) => [
    name,
    { count, sha256, ...(labels && { labels }) },
  ])
  expect(Object.fromEntries(found)).toEqual(splits)
})

test('--size resizes as --resize does; both at once, or a size that is none, are refused', async () => {
  const flat = fill(temporaryFolder(), { 'a.png': 'flat.jpg' })
  const { json } = await look(flat, { size: '2x3' })
  expect([json.rows, json.columns, json.channels]).toEqual([2, 3, 3])
  expect(json.splits).toEqual((await look(flat, { resize: '2x3' })).json.splits)
  await expect(look(flat, { size: '2x3', resize: '3' })).rejects.toThrow(
    '--size 2x3: --resize says 3; give one of the two',
  )
  await expect(look(flat, { size: 'x' })).rejects.toThrow('expected ROWSxCOLUMNS or one number for both')
})

test('pictures of several sizes need --size, and the first that differs is named', async () => {
  const folder = fill(temporaryFolder(), { 'a.png': 'colour.png', 'b.png': 'tall.png' })
  await expect(look(folder)).rejects.toThrow(`${join(folder, 'b.png')}: 5x2 pixels`)
  expect((await look(folder, { size: '4' })).json.splits.train?.count).toBe(2)
})

/** Sources that deserve a warning, by its kind. */
const faults: Readonly<Record<string, () => readonly [source: string, flags?: Flags]>> = {
  'binary-bytes': () => [array('dsprites.npz')],
  'binary-levels': () => [join(folderOf({ 'a.bin': bytes([0, 255, 255, 0]) }), 'a.bin'), { rawShape: '1x2x2' }],
  'constant-images': () => [array('other.mat'), { key: 'whole', rawShape: '2x4x5' }],
  'one-class': () => [
    join(
      folderOf({ 'train-images-idx3-ubyte': idx(2), 'train-labels-idx1-ubyte': idxLabels(3, 3) }),
      'train-images-idx3-ubyte',
    ),
  ],
  'sorted-by-class': () => [
    fill(temporaryFolder(), {
      'a/0.png': 'grey.png',
      'a/1.png': 'grey.png',
      'b/0.png': 'grey.png',
      'b/1.png': 'grey.png',
    }),
  ],
  'shared-images': () => [`${array('uint8.npy')},${array('int64.npy')}`],
  'dark-levels': () => [array('float32-dark.npy')],
  orientation: () => [
    join(folderOf({ 'emnist-letters-train-images-idx3-ubyte': idx(2) }), 'emnist-letters-train-images-idx3-ubyte'),
  ],
  channels: () => [array('ambiguous.npy')],
  labels: () => [array('words.npz')],
  'missing-labels': () => [picture('partly-labelled.parquet')],
  'missing-files': () => [folderOf({ 'data_batch_1.bin': cifarRecord(1), 'test_batch.bin': cifarRecord(0) })],
  'unread-files': () => [
    fill(temporaryFolder(), { 'train/a.png': 'grey.png', 'test/b.png': 'grey.png', 'c.png': 'tall.png' }),
  ],
  'unknown-class': () => [
    fill(temporaryFolder(), { 'train/a/0.png': 'grey.png', 'test/a/0.png': 'grey.png', 'test/b/0.png': 'grey.png' }),
  ],
  'broken-images': () => {
    const folder = fill(temporaryFolder(), { 'a.png': 'grey.png' })
    writeFileSync(join(folder, 'b.png'), readFileSync(picture('grey.png')).subarray(0, 50))
    return [folder, { skipBroken: 'on' }]
  },
  'transparent-images': () => [picture('colour-alpha.png')],
  'animated-images': () => [picture('two-frames.gif')],
}

test.each(Object.entries(faults))('warning %s: one line in the document and on the terminal', async (kind, make) => {
  const { json, lines } = await look(...make())
  expect(kindsOf(json)).toContain(kind)
  const { message = '' } = json.warnings.find(warning => warning.kind === kind) ?? {}
  expect(message).toMatch(/^[^\n]{20,}$/)
  expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain(`warning: ${message}`)
})

test('parts are in the order of their use, and the training images are the first that are shown', async () => {
  const folders = { 'test/a.png': 'grey.png', 'train/a.png': 'grey.png', 'valid/a.png': 'grey.png' }
  const { json } = await look(fill(temporaryFolder(), folders))
  expect(Object.keys(json.splits)).toEqual(['train', 'validation', 'test'])
})

test('images without a fault are read without a warning', async () => {
  expect((await look(array('keras.npz'))).json.warnings).toEqual([])
  expect((await look(fill(temporaryFolder(), { 'a.png': 'colour.png' }))).json.warnings).toEqual([])
})

test('the contact sheet holds images of the source, of each class, as they are', async () => {
  const sheet = join(temporaryFolder(), 'sheet.png')
  const { lines } = await look(array('keras.npz'), { out: sheet })
  expect(lines.at(-1)).toBe(`contact sheet of 3 images: ${sheet}`)
  const { width, height, data: pixels } = PNG.sync.read(readFileSync(sheet))
  const isWhite = (i: number) => pixels[4 * i] === 255
  const white = Array.from({ length: width * height }, (_, i) => i).filter(isWhite)
  const starts = white.filter(i => !isWhite(i - 1) && !isWhite(i - width))
  expect(starts).toHaveLength(3) // the white corner of each
  const [first = 0, second = 0, third = 0] = starts
  expect([first % width, second - first, third - second]).toEqual([2 + 4 * 14, 5 * 14 + 2, 5 * 14 + 2]) // pixels of 14 x 14, gaps of 2
})

test('no line is wider than the terminal, except a path', async () => {
  for (const columns of [60, 80]) {
    const names = Array.from({ length: 60 }, (_, i) => `class-number-${i}`)
    const files = names.map(name => [`${name}/0.png`, 'grey.png'])
    const { lines } = await look(fill(temporaryFolder(), Object.fromEntries(files)), {}, columns)
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns)
    expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toMatch(/train: class-number-0 1, .* and 40 more classes/)
  }
})

test('decoded images are listed by their source, and --clean removes them and what killed decoders left', async () => {
  const source = fill(temporaryFolder(), { 'a.png': 'colour.png' })
  await look(source)
  const folder = join(process.env.ELBO_CACHE as string, 'images')
  const listed = (await look('')).lines.join('\n')
  expect(listed).toContain(source)
  mkdirSync(join(folder, `x.1.${crypto.randomUUID()}.tmp`))
  const count = (await look('')).json as unknown as unknown[]
  const { json, lines } = await look('', {}, 80, { clean: true })
  expect(json).toMatchObject({ sets: count.length })
  expect(lines[0]).toMatch(/^removed \d+ decoded sets, 0.0 MB/)
  expect(existsSync(folder)).toBe(false)
  expect((await look('')).lines).toEqual(['no decoded images in the cache; name a source to see what is read from it'])
  expect((await look(source)).json.splits.train?.sha256).toBe(sha256(expected['colour.png'].colour))
})

const line = commandLine({ ELBO_CACHE: temporaryFolder() })

test('what a training holds out is said, by its own flags; a source with parts decides itself', async () => {
  const files = Array.from({ length: 20 }, (_, i) => [`${i}.png`, 'colour.png'])
  const source = fill(temporaryFolder(), Object.fromEntries(files))
  const json = (...args: string[]) => line.json('data', source, ...args).training
  expect(json()).toEqual({ train: 15, validation: 2, test: 3 })
  expect(json('--test', '0.5', '--validation', '0.2')).toEqual({ train: 8, validation: 2, test: 10 })
  expect((await look(source)).lines).toContain('a training has 15 training, 2 validation and 3 test images of them')
  line.refused(
    2,
    "--test 1: 'last-sixth', or a share between 0 and 1, such as 0.1, was expected",
    'data',
    source,
    '--test',
    '1',
  )
  line.refused(2, 'has 2 test images of its own; leave the share out', 'data', array('keras.npz'), '--test', '0.1')
})

test('the program prints the document alone on standard output, and refuses in one line', () => {
  const { stdout, stderr } = line.elbo('data', array('keras.npz'), '--size', '4x5', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ rows: 4, columns: 5, channels: 1, splits: { test: { count: 2 } } })
  expect(stderr).toContain('NumPy archive (.npz): images of 4x5')
  line.refused(1, "images 'nowhere': no such file or folder", 'data', 'nowhere')
  line.refused(1, `${line.home}: no images in this folder`, 'data', line.home)
  line.refused(2, '--size x: expected ROWSxCOLUMNS or one number for both', 'data', picture('grey.png'), '--size', 'x')
})
