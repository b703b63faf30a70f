import { mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { binarizeOnce, epochOrder, gather, loadDataset, meanImage, withFirstImages } from '../../src/data/dataset.js'
import { streamKey } from '../../src/random.js'
import { idxImages, smallMnist } from './idx-file.js'

const folder = () => mkdtempSync(join(tmpdir(), 'elbo-data-'))

test('MNIST is split 50,000 / 10,000 / 10,000, and the splits are the files in order', () => {
  const { train, validation, test, rows, columns } = loadDataset('mnist')
  expect([train.count, validation.count, test.count, rows, columns]).toEqual([50_000, 10_000, 10_000, 28, 28])
  expect(meanImage(train).reduce((sum, p) => sum + p, 0) / 784).toBeCloseTo(0.1309, 3)
  expect(train.pixels.buffer).toBe(validation.pixels.buffer) // views of one file, still bytes
})

test('a folder and a pair of files give the same data; other pixels have another sha256', () => {
  const a = smallMnist(folder(), 12, 4)
  const pair = loadDataset(`${join(a, 'train-images-idx3-ubyte')},${join(a, 't10k-images-idx3-ubyte')}`)
  expect({ ...loadDataset(a), source: '' }).toEqual({ ...pair, source: '' })
  expect([pair.train.count, pair.validation.count, pair.test.count]).toEqual([10, 2, 4])
  expect(loadDataset(smallMnist(folder(), 12, 5)).sha256).not.toBe(pair.sha256)
})

test('what is missing or does not fit is named', () => {
  const here = smallMnist(folder(), 12, 4)
  const train = join(here, 'train-images-idx3-ubyte')
  expect(() => loadDataset('nowhere')).toThrow("--data nowhere: no such file or folder; give 'mnist'")
  expect(() => loadDataset(train)).toThrow('one file is not enough')
  expect(() => loadDataset(`${train},${here}/nothing`)).toThrow(`there is no file ${here}/nothing`)
  const odd = join(here, 'odd')
  writeFileSync(odd, idxImages({ count: 1, rows: 3, columns: 2, pixels: new Uint8Array(6) }))
  expect(() => loadDataset(`${train},${odd}`)).toThrow(`${odd}: images of 3x2 pixels, but those of ${train} have 28x28`)
  expect(() => loadDataset(`${odd},${odd}`)).toThrow('too few to keep some for validation')
  renameSync(train, join(here, 'elsewhere'))
  expect(() => loadDataset(here)).toThrow(`${here}: no train-images-idx3-ubyte`)
})

test('each epoch has its own order of all images, decided by the key', () => {
  const key = streamKey(1, 'order')
  const [first, again, second] = [epochOrder(key, 0, 100), epochOrder(key, 0, 100), epochOrder(key, 1, 100)]
  expect(first).toEqual(again)
  expect(first).not.toEqual(second)
  expect(new Set(second).size).toBe(100)
})

test('a batch holds the images that the order names', () => {
  const split = { name: 'train' as const, count: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) }
  expect([...gather(split, Int32Array.of(2, 0, 1), 0, 2)]).toEqual([5, 6, 1, 2])
})

test('a fixed binary sample is 0 or 255 with the grey level as probability, and depends on its key alone', () => {
  const grey = { name: 'test' as const, count: 2500, pixels: new Uint8Array(25_000).fill(64) }
  const binary = binarizeOnce(grey, 'dynamic', streamKey(1, 'a'))
  expect(new Set(binary.pixels)).toEqual(new Set([0, 255]))
  const share = binary.pixels.reduce((sum, level) => sum + level / 255, 0) / 25_000
  const p = 64 / 255
  expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 25_000))
  expect(binarizeOnce(grey, 'dynamic', streamKey(1, 'a')).pixels).toEqual(binary.pixels)
  expect(binarizeOnce(grey, 'dynamic', streamKey(2, 'a')).pixels).not.toEqual(binary.pixels)
})

test('black stays black and white stays white; static binarization cuts between 127 and 128', () => {
  const extremes = {
    name: 'test' as const,
    count: 1000,
    pixels: Uint8Array.from({ length: 2000 }, (_, i) => (i % 2) * 255),
  }
  expect(binarizeOnce(extremes, 'dynamic', [1, 2]).pixels).toEqual(extremes.pixels)
  const middle = { name: 'test' as const, count: 2, pixels: Uint8Array.of(127, 128) }
  expect([...binarizeOnce(middle, 'static', [1, 2]).pixels]).toEqual([0, 255])
})

test('only the first training and validation images can be kept; the test images stay whole', () => {
  const data = loadDataset(smallMnist(folder(), 12, 5))
  const kept = withFirstImages(data, { trainImages: 3, validationImages: 1 })
  expect([kept.train.count, kept.validation.count, kept.test]).toEqual([3, 1, data.test])
  expect(kept.train.pixels).toEqual(data.train.pixels.subarray(0, 3 * 784))
  expect(kept.validation.pixels).toEqual(data.validation.pixels.subarray(0, 784))
  expect(kept.sha256).toBe(data.sha256)
  expect(withFirstImages(data, { trainImages: null, validationImages: null })).toEqual(data)
  expect(() => withFirstImages(data, { trainImages: 11, validationImages: null })).toThrow(
    '--train-images 11: there are only 10 training images',
  )
})

test('nothing is held out for validation if a run wants to learn from all training images', () => {
  const source = smallMnist(folder(), 12, 5)
  const [all, kept] = [loadDataset(source, 'none'), loadDataset(source)]
  expect([all.train.count, all.validation.count]).toEqual([12, 0])
  expect(all.train.pixels.subarray(10 * 784)).toEqual(kept.validation.pixels)
  expect([all.test, all.sha256]).toEqual([kept.test, kept.sha256])
})
