// Sets of images: ranges, orders, batches, means and levels.
import { expect, test } from 'vitest'
import {
  alternateImages,
  firstImages,
  gatherImages,
  imageRange,
  imageSize,
  imagesFrom,
  imageTensor,
  meanImage,
  startingMean,
} from '../../src/data/images.js'
import { toLevels, unitValues } from '../../src/data/levels.js'
import { useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'

const three = { name: 'train', ...imagesOf({ rows: 1, columns: 2 }, Uint8Array.of(1, 2, 3, 4, 5, 6)) }
const colour = imagesOf(
  { rows: 1, columns: 2, channels: 3 },
  Uint8Array.from({ length: 12 }, (_, i) => 10 * i),
)

test('an image has a value for each row, column and channel', () => {
  expect([imageSize(three), imageSize(colour), colour.count]).toEqual([2, 6, 2])
})

test('a range of images is a view, ends at the last image, and keeps the other properties of the set', () => {
  expect(imageRange(three, 1, 2)).toEqual({ ...three, count: 1, pixels: Uint8Array.of(3, 4) })
  expect(imageRange(three, 2, 9)).toEqual({ ...three, count: 1, pixels: Uint8Array.of(5, 6) })
  expect(firstImages(three, 2).pixels.buffer).toBe(three.pixels.buffer)
  expect(firstImages(three, 9)).toEqual(three)
  expect(firstImages(colour, 1).pixels).toEqual(colour.pixels.subarray(0, 6))
})

test('images are gathered in the given order', () => {
  expect(gatherImages(three, [2, 0, 1], 0, 2)).toEqual({ ...three, count: 2, pixels: Uint8Array.of(5, 6, 1, 2) })
  expect(gatherImages(three, Int32Array.of(1, 1)).pixels).toEqual(Uint8Array.of(3, 4, 3, 4))
  expect(gatherImages(colour, [1]).pixels).toEqual(colour.pixels.subarray(6))
})

test('a batch beyond the last image is filled up with black', () => {
  expect(imagesFrom(three, 1, 3)).toEqual(Uint8Array.of(3, 4, 5, 6, 0, 0))
})

test('two sets alternate image by image', () => {
  const sources = [firstImages(three, 2), imagesOf({ rows: 1, columns: 2 }, Uint8Array.of(7, 8, 9, 10))] as const
  expect(alternateImages(sources)).toMatchObject({ count: 4, pixels: Uint8Array.of(1, 2, 7, 8, 3, 4, 9, 10) })
})

test('the mean image is in [0, 1], value by value', () => {
  expect([...meanImage(imagesOf({ rows: 1, columns: 2 }, Uint8Array.of(0, 255, 255, 255)))]).toEqual([0.5, 1])
})

test('a training starts from the mean of all images in memory, and of 100,000 stored ones at most', () => {
  const images = imagesOf({ rows: 1, columns: 2 }, Uint8Array.of(0, 255, 255, 255))
  expect(startingMean(images)).toEqual(meanImage(images))
  const asked: number[] = []
  const read = (from: number, to: number) => {
    asked.push(to - from)
    return Uint8Array.of(from % 3 === 0 ? 51 : 0)
  }
  const stored = { rows: 1, columns: 1, channels: 1, count: 250_000, read }
  expect([...startingMean(stored)]).toEqual([Math.fround(0.2)])
  expect(new Set(asked)).toEqual(new Set([1]))
  expect(asked).toHaveLength(83_334)
})

test('as a tensor, images have a row each and keep their levels', async () => {
  await useBackend()
  expect(imageTensor(three).arraySync()).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
})

test('every level comes back from its value', () => {
  const levels = Uint8Array.from({ length: 256 }, (_, level) => level)
  expect(toLevels(unitValues(levels))).toEqual(levels)
  expect([...unitValues([0, 255])]).toEqual([0, 1])
})
