/**
 * CIFAR-10 and CIFAR-100 in their binary version (https://www.cs.toronto.edu/~kriz/cifar.html): of each image the label, or the coarse and
 * the fine one, then 1,024 bytes each of red, green and blue.
 */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { MOST_JSON, readWhole, withFile } from '../../files/reading.js'
import { layoutOf, reordered } from './arrays.js'
import type { Decodable, Labels, OpenedSource, Reader, Warning } from './reader.js'

const SIDE = 32
const PIXELS = 3 * SIDE * SIDE

interface Version {
  readonly name: string
  readonly classes: number
  /** Bytes before the pixels; the last one is the label that is read. */
  readonly labels: number
  readonly names: string
  readonly train: RegExp
  readonly test: RegExp
}

const versions: readonly Version[] = [
  {
    name: 'CIFAR-10',
    classes: 10,
    labels: 1,
    names: 'batches.meta.txt',
    train: /^data_batch_\d+\.bin$/,
    test: /^test_batch\.bin$/,
  },
  {
    name: 'CIFAR-100',
    classes: 100,
    labels: 2,
    names: 'fine_label_names.txt',
    train: /^train\.bin$/,
    test: /^test\.bin$/,
  },
]

export const cifar: Reader = {
  name: 'CIFAR-10 and CIFAR-100 (.bin)',
  recognises: ({ path, isFolder, isGzipped }, { rawShape }) =>
    isFolder
      ? versionIn(readdirSync(path)) !== undefined
      : !isGzipped && rawShape === null && versionIn([basename(path)]) !== undefined,
  async open(path, _options, { isFolder }) {
    const version = versionIn(isFolder ? readdirSync(path) : [basename(path)])
    if (version === undefined) throw new Error(`${path}: no files of CIFAR-10 or CIFAR-100`)
    return isFolder ? openFolder(path, version) : { parts: { all: images([path], version) }, warnings: [] }
  },
}

const versionIn = (names: readonly string[]): Version | undefined =>
  versions.find(({ train, test }) => names.some(name => train.test(name) || test.test(name)))

function openFolder(folder: string, version: Version): OpenedSource {
  const names = readdirSync(folder).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const [train, test] = [version.train, version.test].map(pattern =>
    names.filter(name => pattern.test(name)).map(name => join(folder, name)),
  )
  return {
    parts: {
      ...(train?.length && { train: images(train, version) }),
      ...(test?.length && { test: images(test, version) }),
    },
    warnings: missingFiles(folder, version, train?.length ?? 0, test?.length ?? 0),
  }
}

function missingFiles(folder: string, { name, labels }: Version, train: number, test: number): Warning[] {
  const expected = labels === 1 ? 5 : 1
  if (train === expected && test === 1) return []
  const found = `${train} of ${expected} training files and ${test} of 1 test files`
  return [{ kind: 'missing-files', message: `${folder}: ${found} of ${name} are in this folder` }]
}

/** Images that are read at once. */
const BLOCK = 1024

/** Throws an Error that names the file if it is cut or has other labels. */
function images(files: readonly string[], version: Version): Decodable {
  const counts = files.map(file => countOf(file, version))
  const count = counts.reduce((sum, one) => sum + one, 0)
  const shape = { rows: SIDE, columns: SIDE, channels: 3 }
  const layout = layoutOf({ ...shape, count, isImageTogether: true }, [SIDE, 1, SIDE * SIDE], files[0] ?? '')
  const planes = layout.order ?? new Int32Array()
  return {
    ...shape,
    count,
    labels: labelsOf(files, counts, version),
    files,
    *blocks() {
      for (const [i, file] of files.entries())
        for (const records of recordsOf(file, counts[i] ?? 0, version))
          yield reordered(column(records, version.labels, PIXELS, version), planes)
    },
  }
}

function countOf(file: string, { labels, name }: Version): number {
  const size = withFile(file, file, opened => opened.size)
  const record = labels + PIXELS
  if (size === 0 || size % record !== 0)
    throw new Error(
      `${file}: ${size} bytes, which is no multiple of the ${record} of an image of ${name}; other bytes need --raw-shape`,
    )
  return size / record
}

function* recordsOf(file: string, count: number, version: Version): Generator<Uint8Array> {
  const record = version.labels + PIXELS
  for (let from = 0; from < count; from += BLOCK) {
    const length = Math.min(BLOCK, count - from) * record
    const bytes = withFile(file, file, opened => opened.read(from * record, length))
    if (bytes.length < length) throw new Error(`${file}: the file was cut while it was read`)
    yield bytes
  }
}

/** `length` bytes of each record from byte `from` on. */
function column(records: Uint8Array, from: number, length: number, { labels }: Version): Uint8Array {
  const record = labels + PIXELS
  const bytes = new Uint8Array((records.length / record) * length)
  for (let i = 0; i * record < records.length; i++)
    bytes.set(records.subarray(i * record + from, i * record + from + length), i * length)
  return bytes
}

function labelsOf(files: readonly string[], counts: readonly number[], version: Version): Labels {
  const values = new Int32Array(counts.reduce((sum, count) => sum + count, 0))
  let at = 0
  for (const [i, file] of files.entries()) {
    const start = at
    for (const records of recordsOf(file, counts[i] ?? 0, version)) {
      const labels = column(records, version.labels - 1, 1, version)
      const wrong = labels.findIndex(label => label >= version.classes)
      if (wrong >= 0)
        throw new Error(
          `${file}: the label of image ${at - start + wrong} (counted from 0) is ${labels[wrong]}; those of ${version.name} are 0 to ${version.classes - 1}`,
        )
      values.set(labels, at)
      at += labels.length
    }
  }
  return { values, names: namesOf(dirname(files[0] ?? ''), version) }
}

/** The names of the classes, where the file of them lies beside. */
function namesOf(folder: string, { names, classes }: Version): string[] {
  const path = join(folder, names)
  const lines = existsSync(path) ? readWhole(path, path, MOST_JSON).toString().split(/\r?\n/) : []
  const found = lines.map(line => line.trim()).filter(line => line !== '')
  return found.length === classes ? found : Array.from({ length: classes }, (_, i) => String(i))
}
