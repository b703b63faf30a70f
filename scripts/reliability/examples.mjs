// Examples of files that no command writes: a library as the set-up leaves it, compressed images, settings of a user.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** The wheel of a library that the folder `library` holds. */
export const wheel = { sha256: 'a'.repeat(64), libraries: ['one.so', 'two.so'] }

/** The folder `library` as the set-up leaves it, with files of no content. */
export function writeLibrary(checkpoints) {
  const folder = join(checkpoints, 'library')
  mkdirSync(folder)
  const files = { 'one.so': 10, 'two.so': 20 }
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), Buffer.alloc(bytes))
  writeFileSync(join(folder, 'complete.json'), JSON.stringify({ sha256: wheel.sha256, files }))
}

/** Compresses the test images, so that both forms are read. */
export function compressTestImages(data) {
  const path = join(data, 't10k-images-idx3-ubyte')
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)))
  rmSync(path)
}
