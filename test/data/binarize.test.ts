// Binary samples of grey images.
import { expect, test } from 'vitest'
import { binarizeOnce } from '../../src/data/binarize.js'
import { streamKey } from '../../src/random.js'
import { imagesOf } from '../support/images.js'

const rowsOf = (columns: number, pixels: Uint8Array) => imagesOf({ rows: 1, columns }, pixels)

test('a fixed binary sample is 0 or 255 with the grey level as probability, and depends on its key alone', () => {
  const grey = rowsOf(10, new Uint8Array(25_000).fill(64))
  const binary = binarizeOnce(grey, 'dynamic', streamKey(1, 'a'))
  expect(new Set(binary.pixels)).toEqual(new Set([0, 255]))
  const share = binary.pixels.reduce((sum, level) => sum + level / 255, 0) / 25_000
  const p = 64 / 255
  expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 25_000))
  expect(binarizeOnce(grey, 'dynamic', streamKey(1, 'a')).pixels).toEqual(binary.pixels)
  expect(binarizeOnce(grey, 'dynamic', streamKey(2, 'a')).pixels).not.toEqual(binary.pixels)
})

test('the sample of an image does not depend on how many images follow it', () => {
  const grey = rowsOf(2, new Uint8Array(4400).fill(100))
  const first = rowsOf(2, grey.pixels.subarray(0, 2600))
  const [whole, part] = [grey, first].map(images => binarizeOnce(images, 'dynamic', streamKey(1, 'a')))
  expect(part?.pixels).toEqual(whole?.pixels.subarray(0, 2600))
})

test('black stays black and white stays white; static binarization cuts between 127 and 128', () => {
  const extremes = rowsOf(
    2,
    Uint8Array.from({ length: 2000 }, (_, i) => (i % 2) * 255),
  )
  expect(binarizeOnce(extremes, 'dynamic', [1, 2]).pixels).toEqual(extremes.pixels)
  const middle = rowsOf(1, Uint8Array.of(127, 128))
  expect([...binarizeOnce(middle, 'static', [1, 2]).pixels]).toEqual([0, 255])
})
