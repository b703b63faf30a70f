// What is said of images before a training: each warning where it is due and not elsewhere, levels, classes, and the contact sheet.
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import {
  contactSheet,
  keepLook,
  lookAt,
  type ReadablePart,
  warningsAtOnce,
  warningsOfSplits,
} from '../../src/data/look.js'

/** Images of 2 x 2 grey pixels, of given levels and labels. */
function partOf(images: readonly (readonly number[])[], labels?: readonly number[]): ReadablePart {
  const levels = Uint8Array.from(images.flat())
  const names = Array.from({ length: Math.max(...(labels ?? [0])) + 1 }, (_, i) => `class ${i}`)
  return {
    count: images.length,
    rows: 2,
    columns: 2,
    channels: 1,
    ...(labels && { labels: { names, values: Int32Array.from(labels) } }),
    read: (from, to) => levels.subarray(from * 4, to * 4),
  }
}

const varied = (count: number, first = 0) => Array.from({ length: count }, (_, i) => [first + i, 7, 30, 200])

const kinds = (parts: Parameters<typeof lookAt>[0]) =>
  lookAt(parts).then(({ warnings }) => warnings.map(({ kind }) => kind))

const messages = (parts: Parameters<typeof lookAt>[0]) =>
  lookAt(parts).then(({ warnings }) => warnings.map(({ message }) => message))

test('levels are counted and averaged', async () => {
  const images = partOf([
    [0, 0, 255, 1],
    [2, 2, 2, 2],
  ])
  const part = (await lookAt({ all: images })).parts.all
  expect(part).toMatchObject({ count: 2, rows: 2, columns: 2, channels: 1, mean: 33, constant: 1 })
  expect([...(part?.histogram ?? [])].flatMap((values, level) => (values > 0 ? [[level, values]] : []))).toEqual([
    [0, 2],
    [1, 1],
    [2, 4],
    [255, 1],
  ])
})

test('the images of each class are counted', async () => {
  expect((await lookAt({ all: partOf(varied(4), [2, 0, 2, 2]) })).parts.all?.classes).toEqual([
    { name: 'class 0', count: 1 },
    { name: 'class 1', count: 0 },
    { name: 'class 2', count: 3 },
  ])
})

test('nothing is said of good images', async () => {
  expect(
    await kinds({ train: partOf(varied(9), [0, 1, 2, 0, 1, 2, 0, 1, 2]), test: partOf(varied(3, 100), [0, 1, 2]) }),
  ).toEqual([])
})

test('bytes 0 and 1 are nearly black; 0 and 255 are binary', async () => {
  const bits = [
    [0, 1, 0, 0],
    [1, 1, 0, 1],
  ]
  expect(await messages({ train: partOf(bits) })).toEqual([
    'all levels of the training images are 0 or 1, of levels 0 to 255: they are almost black, and the ELBO says nothing; --levels 0-1 reads them as black and white',
  ])
  expect(await messages({ all: partOf(bits.map(image => image.map(bit => 255 * bit))) })).toEqual([
    'all levels of the images are 0 or 255: they are binary already, so --binarize dynamic and static read the same pixels in every pass',
  ])
  expect(await kinds({ all: partOf([[0, 1, 0, 200]]) })).toEqual([])
})

test('constant images are counted, by channel', async () => {
  expect(await messages({ test: partOf([...varied(2), [5, 5, 5, 5], [0, 0, 0, 0]]) })).toEqual([
    '2 of 4 test images have one level throughout, the first at position 2: they may be blank or broken',
  ])
  const orange: ReadablePart = {
    count: 1,
    rows: 1,
    columns: 2,
    channels: 3,
    read: () => Uint8Array.of(250, 100, 1, 250, 100, 1),
  }
  expect(await kinds({ all: orange })).toEqual(['constant-images'])
})

test('images without a bright level are dark, whatever the numbers were of which they were read', async () => {
  const scikit = partOf([
    [0, 16, 3, 4],
    [1, 0, 12, 7],
  ])
  const message =
    'no level of the training images is above 16, of levels 0 to 255: they are dark. If 16 is white, save them divided by 16'
  expect((await lookAt({ train: scikit })).warnings).toEqual([{ kind: 'dark-levels', message }])
  expect(warningsAtOnce({ train: scikit })).toEqual([{ kind: 'dark-levels', message }])
  expect(warningsAtOnce({ train: partOf([[0, 128, 0, 0]]) })).toEqual([])
})

test('test images that are training images are counted', async () => {
  const parts = { train: partOf(varied(20)), validation: partOf(varied(5, 40)), test: partOf(varied(10, 17)) }
  expect((await lookAt(parts)).warnings).toEqual([
    {
      kind: 'shared-images',
      message: '3 of 10 test images are training images too, level for level: measurements on them flatter the model',
    },
  ])
})

test('a part of one class, and images in the order of their classes', async () => {
  expect(await messages({ validation: partOf(varied(3), [1, 1, 1]) })).toEqual([
    "all 3 validation images are of the class 'class 1'",
  ])
  const sorted = partOf(varied(6), [1, 1, 0, 0, 2, 2])
  expect(await kinds({ train: sorted })).toEqual(['sorted-by-class'])
  expect(await kinds({ test: sorted })).toEqual([])
  expect(await kinds({ train: partOf(varied(6), [1, 1, 0, 0, 2, 1]) })).toEqual([])
})

test('images are read in bounded pieces, and after each it is said how many are done', async () => {
  const lengths: number[] = []
  const done: unknown[] = []
  const size = 2 ** 20
  const big = { count: 40, rows: 2 ** 10, columns: 2 ** 10, channels: 1 }
  const read = (from: number, to: number) => new Uint8Array((to - from) * size).fill(lengths.push(to - from))
  await lookAt({ all: { ...big, read } }, (...said) => done.push(said))
  expect(lengths).toEqual([16, 16, 8])
  expect(done).toEqual([16, 32, 40].map(count => ['looked', count, 40]))
})

test('a contact sheet shows each class alike, and the same images for a seed', async () => {
  const labels = {
    names: ['a', 'b', 'c'],
    values: Int32Array.from({ length: 300 }, (_, i) => (i < 280 ? 0 : i < 290 ? 1 : 2)),
  }
  const sheet = contactSheet({ count: 300, labels }, 1)
  const ofClass = (number: number) => sheet.filter(position => labels.values[position] === number).length
  expect([0, 1, 2].map(ofClass)).toEqual([44, 10, 10])
  expect(contactSheet({ count: 300, labels }, 1)).toEqual(sheet)
  expect(contactSheet({ count: 300, labels }, 2)).not.toEqual(sheet)
  expect(sheet.map(position => labels.values[position])).toEqual([
    ...Array(44).fill(0),
    ...Array(10).fill(1),
    ...Array(10).fill(2),
  ])
})

test('a contact sheet has up to 64 images, each once', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.option(fc.integer({ min: 1, max: 100 })), (count, classes) => {
      const values = Int32Array.from({ length: count }, (_, i) => i % (classes ?? 1))
      const sheet = contactSheet(classes === null ? { count } : { count, labels: { names: [], values } }, 3)
      expect(new Set(sheet).size).toBe(Math.min(count, 64))
      expect(sheet).toHaveLength(Math.min(count, 64))
      expect(Math.max(...sheet)).toBeLessThan(count)
    }),
  )
})

test('splits are looked at once; what was seen is kept for the same images in the same splits', async () => {
  const splits = { train: partOf(varied(20)), test: partOf(varied(10, 17)) }
  const found = await warningsOfSplits(splits, 'a')
  expect(found.map(({ kind }) => kind)).toEqual(['shared-images'])
  const unread = { ...splits, train: { ...splits.train, read: vi.fn() } }
  expect(await warningsOfSplits(unread, 'a')).toEqual(found)
  expect(unread.train.read).not.toHaveBeenCalled()
  expect(await warningsOfSplits({ ...splits, test: partOf(varied(2, 40)) }, 'a')).toEqual([])
})

test('large sets are not looked at before a training, but what `elbo data` saw in them is said', async () => {
  const large = { count: 300, rows: 2 ** 10, columns: 2 ** 10, channels: 1, read: vi.fn() }
  expect(await warningsOfSplits({ train: large }, 'b')).toEqual([])
  const constant = { kind: 'constant-images', message: '2 of 300 images' }
  await keepLook(
    { all: large },
    { parts: {}, warnings: [constant, { kind: 'one-class', message: '' }] },
    async () => 'b',
  )
  expect(await warningsOfSplits({ train: large }, 'b')).toEqual([constant])
  expect(large.read).not.toHaveBeenCalled()
})
