/** IDX files of images and labels, by the names of MNIST, EMNIST and KMNIST (http://yann.lecun.com/exdb/mnist/). */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type ImageArray, layoutOf, openArrays, type StoredArray } from './arrays.js'
import { type ByteSource, bytesOf, withCursor } from './bytes.js'
import { type IdxHeader, isIdx, LONGEST_IDX_HEADER, parseIdxImagesHeader, parseIdxLabelsHeader } from './idx-header.js'
import { labelsOf, type ReadLabels } from './labels.js'
import type { OpenedSource, PartName, Reader, ReadOptions, Warning } from './reader.js'

export const idx: Reader = {
  name: 'IDX files',
  recognises: ({ path, isFolder, start }) =>
    isFolder ? readdirSync(path).some(name => IMAGES.test(name)) : isIdx(start) || IMAGES.test(basename(path)),
  async open(path, options, { isFolder }) {
    if (!isFolder) return opened({ all: path }, options)
    const { train, test } = filesIn(path)
    return opened({ train, test }, options)
  },
}

/** `train-images-idx3-ubyte`, `t10k-images.idx3-ubyte.gz`, `emnist-letters-test-images-idx3-ubyte.gz`. */
const IMAGES = /^(.*?)(train|test|t10k)-images([-.])idx[34]-\w+(\.gz)?$/

async function opened(paths: Partial<Record<PartName, string>>, options: ReadOptions): Promise<OpenedSource> {
  const arrays: Partial<Record<PartName, ImageArray>> = {}
  const all: Warning[] = []
  for (const [name, path] of Object.entries(paths) as [PartName, string][]) {
    const { part, warnings } = await imageArray(path)
    arrays[name] = part
    all.push(...orientation(path, options), ...warnings)
  }
  return openArrays(arrays, all)
}

async function imageArray(path: string): Promise<{ part: ImageArray; warnings: readonly Warning[] }> {
  const { header, bytes } = await headerOf(path)
  const { type, shape, length } = parseIdxImagesHeader(header, path)
  const [count = 0, rows = 0, columns = 0, channels = 1] = shape
  const layout = layoutOf(
    { count, rows, columns, channels, isImageTogether: true },
    [columns * channels, channels, 1],
    path,
  )
  const array = storedArray(path, { type, shape, length }, bytes)
  const labelsPath = labelsBeside(path)
  if (labelsPath === undefined) return { part: { array, layout, files: [path] }, warnings: [] }
  const { labels, warnings } = await labelsIn(labelsPath, count)
  return { part: { array, layout, labels, files: [path] }, warnings }
}

async function headerOf(path: string): Promise<{ header: Uint8Array; bytes: ByteSource }> {
  const bytes = bytesOf(path)
  return { bytes, header: await withCursor(bytes, cursor => cursor.read(LONGEST_IDX_HEADER)) }
}

const storedArray = (name: string, { type, shape, length }: IdxHeader, bytes: ByteSource): StoredArray => ({
  name,
  shape,
  type,
  isReal: type.startsWith('float'),
  isBigEndian: true,
  isFirstFastest: false,
  bytes,
  offset: length,
  padding: 0,
})

async function labelsIn(path: string, count: number): Promise<ReadLabels> {
  const { header, bytes } = await headerOf(path)
  const labels = parseIdxLabelsHeader(header)
  if (labels === undefined) throw new Error(`${path}: not an IDX file of labels, as its name says`)
  return labelsOf(storedArray(path, labels, bytes), count)
}

/** `train-labels-idx1-ubyte` beside `train-images-idx3-ubyte`, or its other spellings. */
function labelsBeside(path: string): string | undefined {
  const [, stem, part] = IMAGES.exec(basename(path)) ?? []
  if (part === undefined) return undefined
  const names = ['-', '.'].map(mark => `${stem}${part}-labels${mark}idx1-ubyte`)
  return names
    .flatMap(name => [name, `${name}.gz`])
    .map(name => join(dirname(path), name))
    .find(name => existsSync(name))
}

function orientation(path: string, { transpose }: ReadOptions): Warning[] {
  if (!basename(path).startsWith('emnist-') || transpose === 'on') return []
  const message = `${path}: images of EMNIST lie on their side in its files; --transpose on turns them upright`
  return [{ kind: 'orientation', message }]
}

function filesIn(folder: string): { train: string; test: string } {
  const found = readdirSync(folder).flatMap(name => {
    const [, stem = '', part] = IMAGES.exec(name) ?? []
    return part === undefined ? [] : [{ name, stem, isTrain: part === 'train' }]
  })
  const stems = [...new Set(found.map(({ stem }) => stem))]
  if (stems.length > 1)
    throw new Error(
      `${folder}: several sets of images (${stems.map(stem => stem || 'train-…').join(', ')}); name two files, TRAIN,TEST`,
    )
  return { train: firstOf(folder, found, true), test: firstOf(folder, found, false) }
}

/** The unpacked file where there are both. */
function firstOf(
  folder: string,
  found: readonly { name: string; stem: string; isTrain: boolean }[],
  isTrain: boolean,
): string {
  const [name] = found
    .filter(one => one.isTrain === isTrain)
    .map(one => one.name)
    .sort()
  if (name !== undefined) return join(folder, name)
  const expected = `${found[0]?.stem || ''}${isTrain ? 'train' : found[0]?.stem ? 'test' : 't10k'}-images-idx3-ubyte`
  throw new Error(`${folder}: no ${expected} or ${expected}.gz in this folder`)
}
