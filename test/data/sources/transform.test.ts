// Arrays of levels: resized, transposed, as grey or colour, or passed through.
import { expect, test } from 'vitest'
import { asTheyAre } from '../../../src/data/dataset.js'
import type { Decodable, ReadOptions } from '../../../src/data/sources/reader.js'
import { transformed } from '../../../src/data/sources/transform.js'
import { levelsOf } from './reading.js'

/** Images of an array that is read in blocks of two images. */
function arrayOf(shape: [count: number, rows: number, columns: number, channels: number], levels: number[]): Decodable {
  const [count, rows, columns, channels] = shape
  const size = rows * columns * channels
  return {
    count,
    rows,
    columns,
    channels,
    labels: { names: ['a'], values: new Int32Array(count) },
    flat: { path: 'x.npy', offset: 128 },
    files: ['x.npy'],
    *blocks() {
      for (let at = 0; at < count; at += 2) yield Uint8Array.from(levels.slice(at * size, (at + 2) * size))
    },
  }
}

const change = (images: Decodable, options: Partial<ReadOptions>) => transformed(images, { ...asTheyAre, ...options })

const ramp = (length: number) => Array.from({ length }, (_, i) => (i * 7) % 256)

test('images that are as the options ask are passed through', () => {
  const images = arrayOf([3, 2, 4, 1], ramp(24))
  for (const options of [{}, { resize: '2x4' }, { channels: 'grey' }, { crop: 'center', background: 'white' }] as const)
    expect(change(images, options)).toBe(images)
})

test('rows and columns are swapped, channels kept together; levels are no longer those in the file', async () => {
  const images = change(arrayOf([3, 2, 3, 1], [0, 1, 2, 3, 4, 5, ...ramp(12)]), { transpose: 'on' })
  expect(images).toMatchObject({ count: 3, rows: 3, columns: 2, channels: 1, labels: { names: ['a'] } })
  expect(images.flat).toBeUndefined()
  expect((await levelsOf(images)).slice(0, 6)).toEqual([0, 3, 1, 4, 2, 5])
  const colour = change(arrayOf([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), { transpose: 'on' })
  expect([colour.rows, colour.columns, await levelsOf(colour)]).toEqual([2, 1, [1, 2, 3, 4, 5, 6]])
})

test('colour becomes the grey of Pillow, grey becomes colour', async () => {
  const pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 12, 34, 56, 200, 100, 50]
  const grey = change(arrayOf([6, 1, 1, 3], pixels), { channels: 'grey' })
  expect([grey.channels, await levelsOf(grey)]).toEqual([1, [76, 150, 29, 255, 30, 124]])
  const colour = change(arrayOf([2, 1, 1, 1], [3, 9]), { channels: 'colour' })
  expect([colour.channels, await levelsOf(colour)]).toEqual([3, [3, 3, 3, 9, 9, 9]])
})

test('alpha is laid over the background if grey or colour is asked for', async () => {
  const images = arrayOf([1, 1, 3, 4], [10, 20, 30, 255, 10, 20, 30, 0, 100, 100, 100, 51])
  expect(change(images, {})).toBe(images)
  expect(await levelsOf(change(images, { channels: 'colour' }))).toEqual([10, 20, 30, 0, 0, 0, 20, 20, 20])
  expect(await levelsOf(change(images, { channels: 'grey', background: 'white' }))).toEqual([18, 255, 224])
})

test.each([1, 2, 3, 4])('images of %i channels are resized, several blocks of them', async channels => {
  const flat = Array.from({ length: 5 * 4 * 4 * channels }, (_, i) => Math.floor(i / (16 * channels)) * 50)
  const images = change(
    arrayOf(
      [5, 4, 4, channels],
      channels % 2 ? flat : flat.map((level, i) => (i % channels === channels - 1 ? 255 : level)),
    ),
    {
      resize: '2x3',
    },
  )
  expect(images).toMatchObject({ count: 5, rows: 2, columns: 3, channels })
  const levels = await levelsOf(images)
  expect(levels).toHaveLength(5 * 6 * channels)
  expect([0, 1, 2, 3, 4].map(i => levels[i * 6 * channels])).toEqual([0, 50, 100, 150, 200])
})

test('the middle is cut out, after rows and columns are swapped', async () => {
  const wide = [0, 0, 200, 200, 0, 0, 0, 0, 200, 200, 0, 0]
  const cut = change(arrayOf([1, 2, 6, 1], wide), { resize: '2', crop: 'center' })
  expect(await levelsOf(cut)).toEqual([200, 200, 200, 200])
  const turned = change(arrayOf([1, 2, 6, 1], wide), { resize: '3x1', transpose: 'on' })
  expect(turned).toMatchObject({ rows: 3, columns: 1 })
  expect((await levelsOf(turned)).map(level => level > 100)).toEqual([false, true, false])
})

test('a block of small images becomes blocks of large ones that are bounded', async () => {
  const images = change(arrayOf([2, 1, 1, 1], [5, 6]), { resize: '2048' })
  const blocks: number[] = []
  for await (const block of images.blocks()) blocks.push(block.length, block[0] as number)
  expect(blocks).toEqual([2 ** 22, 5, 2 ** 22, 6])
})

test.each([
  [{ resize: '8' }, 'x.npy: images of 5 channels cannot be resized; at most 4 can'],
  [{ channels: 'grey' }, 'x.npy: images of 5 channels have no grey form; 1, 3 or 4 were expected with --channels grey'],
] as const)('images of five channels are refused with %j', (options, message) => {
  expect(() => change(arrayOf([1, 1, 1, 5], ramp(5)), options)).toThrow(message)
})

test('levels 0 and 1 become black and white, before images are resized; others are refused with their place', async () => {
  const bits = arrayOf([3, 1, 2, 1], [0, 1, 1, 1, 0, 0])
  expect(await levelsOf(change(bits, { levels: '0-1' }))).toEqual([0, 255, 255, 255, 0, 0])
  const wide = await levelsOf(change(bits, { levels: '0-1', resize: '1x4' }))
  expect([wide.length, Math.max(...wide)]).toEqual([12, 255])
  const grey = change(arrayOf([4, 1, 2, 1], [0, 1, 1, 1, 0, 0, 0, 7]), { levels: '0-1' })
  await expect(levelsOf(grey)).rejects.toThrow(
    'x.npy: the level 7 in image 3 (counted from 0); 0 and 1 were expected with --levels 0-1',
  )
})

test('fractions and truth values are from 0 to 255 whatever --levels says', () => {
  const scaled = { ...arrayOf([1, 1, 2, 1], [0, 255]), isScaled: true }
  expect(change(scaled, { levels: '0-1' })).toBe(scaled)
})
