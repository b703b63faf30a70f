// Loading data sets: MNIST, folders and pairs of IDX files, their splits, and what is refused.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadDataset, loadRunDataset, withFirstImages } from '../../src/data/dataset.js'
import { levelsOf, meanImage } from '../../src/data/images.js'
import { idxImages, smallMnist } from '../support/idx-file.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('MNIST is split into 50,000, 10,000 and 10,000 images, in the order of its files', async () => {
  const { train, validation, test, rows, columns } = await loadDataset('mnist')
  expect([train.count, validation.count, test.count, rows, columns]).toEqual([50_000, 10_000, 10_000, 28, 28])
  expect(meanImage(train).reduce((sum, p) => sum + p, 0) / 784).toBeCloseTo(0.1309, 3)
  expect(levelsOf(train, 0, 1).buffer).toBe(levelsOf(validation, 0, 1).buffer) // views of one file, still bytes
})

test('a folder and a pair of files give the same data; other pixels have another sha256', async () => {
  const a = smallMnist(12, 4)
  const pair = await loadDataset(`${join(a, 'train-images-idx3-ubyte')},${join(a, 't10k-images-idx3-ubyte')}`)
  expect({ ...(await loadDataset(a)), source: '' }).toEqual({ ...pair, source: '' })
  expect([pair.train.count, pair.validation.count, pair.test.count]).toEqual([10, 2, 4])
  expect((await loadDataset(smallMnist(12, 5))).sha256).not.toBe(pair.sha256)
})

test('files that are missing or do not fit each other are named', async () => {
  const here = smallMnist(12, 4)
  const train = join(here, 'train-images-idx3-ubyte')
  await expect(loadDataset('nowhere')).rejects.toThrow("images 'nowhere': no such file or folder")
  await expect(loadDataset(`${train},${train},${train},${train}`)).rejects.toThrow(
    '4 paths; TRAIN,TEST or TRAIN,VALIDATION,TEST',
  )
  await expect(loadDataset(`${train},${here}/nothing`)).rejects.toThrow(`no such file or folder: ${here}/nothing`)
  const odd = join(here, 'odd')
  writeFileSync(odd, idxImages({ count: 1, rows: 3, columns: 2, pixels: new Uint8Array(6) }))
  await expect(loadDataset(`${train},${odd}`)).rejects.toThrow(
    `${odd}: images are 3x2 pixels, but in ${train} they are 28x28`,
  )
  await expect(loadDataset(`${odd},${odd}`)).rejects.toThrow('too few for a validation split')
  renameSync(train, join(here, 'elsewhere'))
  await expect(loadDataset(here)).rejects.toThrow(`${here}: no train-images-idx3-ubyte`)
})

test('the first training and validation images alone can be kept; the test images stay whole', async () => {
  const data = await loadDataset(smallMnist(12, 5))
  const kept = withFirstImages(data, { trainImages: 3, validationImages: 1 })
  expect([kept.train.count, kept.validation.count, kept.test]).toEqual([3, 1, data.test])
  expect(levelsOf(kept.train)).toEqual(levelsOf(data.train).subarray(0, 3 * 784))
  expect(levelsOf(kept.validation)).toEqual(levelsOf(data.validation).subarray(0, 784))
  expect(kept.sha256).toBe(data.sha256)
  expect(withFirstImages(data, { trainImages: null, validationImages: null })).toEqual(data)
  expect(() => withFirstImages(data, { trainImages: 11, validationImages: null })).toThrow(
    '--train-images 11: there are only 10 training images',
  )
})

test('nothing is held out for validation if a run wants to learn from all training images', async () => {
  const source = smallMnist(12, 5)
  const [all, kept] = [await loadDataset(source, 'none'), await loadDataset(source)]
  expect([all.train.count, all.validation.count]).toEqual([12, 0])
  expect(levelsOf(all.train).subarray(10 * 784)).toEqual(levelsOf(kept.validation))
  expect([all.test, all.sha256]).toEqual([kept.test, kept.sha256])
})

test('images that are neither grey nor in colour are refused before a training, with a way to read those with alpha', async () => {
  const path = join(smallMnist(12, 4), 'other.bin')
  writeFileSync(path, new Uint8Array(36 * 4))
  const options = { rawShape: '36x1x1x4' } as const
  await expect(loadDataset(path, 'last-sixth', options)).rejects.toThrow(
    `${path}: images of 4 channels; grey or colour, 1 or 3 channels, was expected; --channels colour`,
  )
  expect((await loadDataset(path, 'last-sixth', { ...options, channels: 'colour' })).channels).toBe(3)
  await expect(loadDataset(path, 'last-sixth', { rawShape: '36x1x2x2' })).rejects.toThrow(
    /: images of 2 channels.*expected$/,
  )
})

test('images of 0 and 1, and parts of one class, are said before a training', async () => {
  const here = smallMnist(12, 5)
  const bits = idxImages({ count: 12, rows: 2, columns: 2, pixels: Uint8Array.from({ length: 48 }, (_, i) => i % 2) })
  writeFileSync(join(here, 'bits'), bits)
  const { warnings } = await loadDataset(`${join(here, 'bits')},${join(here, 'bits')}`)
  expect(warnings.map(({ kind }) => kind)).toEqual(['binary-bytes', 'binary-bytes', 'binary-bytes'])
  expect(warnings[0]?.message).toContain('all levels of the training images are 0 or 1')
  expect((await loadDataset('mnist')).warnings).toEqual([])
})

const raw = (count: number) => {
  const path = join(temporaryFolder(), 'images.bin')
  writeFileSync(
    path,
    Uint8Array.from({ length: 4 * count }, (_, i) => i % 251),
  )
  return { path, rawShape: `${count}x2x2` }
}

test('shares hold out images of a source without parts: of all for tests, of the rest for validation', async () => {
  const { path, rawShape } = raw(100)
  const counts = async (...args: Parameters<typeof loadDataset>) => {
    const { train, validation, test: held } = await loadDataset(...args)
    return [train.count, validation.count, held.count]
  }
  expect(await counts(path, 0.25, { rawShape, test: 0.2 })).toEqual([60, 20, 20])
  expect(await counts(path, 'none', { rawShape, test: 0.29 })).toEqual([71, 0, 29])
  expect(await counts(path, 'last-sixth', { rawShape })).toEqual([70, 14, 16])
  expect(await counts(smallMnist(12, 5), 0.5)).toEqual([6, 6, 5])
})

test('shares that leave nothing, or that a source decides itself, are refused', async () => {
  const { path, rawShape } = raw(20)
  await expect(loadDataset(path, 0.001, { rawShape })).rejects.toThrow(
    '--validation 0.001: 0 of 17 images; at least one must be held out, and one left',
  )
  await expect(loadDataset(path, 'none', { rawShape, test: 0.999 })).rejects.toThrow('--test 0.999: 20 of 20 images')
  const mnist = smallMnist(12, 5)
  await expect(loadDataset(mnist, 'none', { test: 0.1 })).rejects.toThrow(
    `--test 0.1: ${mnist} has 5 test images of its own; leave the share out`,
  )
})

test('reading ends as soon as the user interrupts it', async () => {
  const settings = { data: raw(20).path, rawShape: '20x2x2', trainImages: null, validationImages: null }
  const interrupted = loadRunDataset(settings, { signal: AbortSignal.abort() })
  await expect(interrupted).rejects.toMatchObject({
    name: 'AbortError',
    message: expect.stringContaining('interrupted'),
  })
})
