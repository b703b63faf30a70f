// The files that fuzz-formats.mjs changes: the tests' fixtures of all formats, and a few that are made here.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'

const sources = join(import.meta.dirname, '../../test/data/sources')

const idx = Buffer.concat([Buffer.from([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5]), Buffer.alloc(60, 77)])
const cifar = Buffer.concat([0, 1, 2].map(label => Buffer.concat([Buffer.from([label]), Buffer.alloc(3072, 50)])))

const made = [
  { name: 'train-images-idx3-ubyte', bytes: idx, options: {} },
  { name: 'train-images-idx3-ubyte.gz', bytes: gzipSync(idx), options: {} },
  { name: 'test_batch.bin', bytes: cifar, options: {} },
  { name: 'images.bin', bytes: Buffer.alloc(60, 77), options: { rawShape: '3x4x5' } },
  { name: 'images.bin.gz', bytes: gzipSync(Buffer.alloc(60, 77)), options: { rawShape: '3x4x5' } },
]

/** Options without which a file is refused. */
const optionsOf = name => {
  if (name.startsWith('other.') || name.startsWith('other-compressed')) return { key: 'faces', rawShape: '3x4x5' }
  if (name.startsWith('logical')) return { key: 'shown', rawShape: '3x4x5' }
  if (name.startsWith('other-names')) return { key: 'pictures' }
  return name.startsWith('two-images') ? { key: 'left' } : {}
}

const filesIn = folder =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile() && !path.endsWith('.json'))

/** `{ name, bytes, options }` of each. */
export const originals = [
  ...made,
  ...['fixtures', 'fixtures-pictures']
    .flatMap(folder => filesIn(join(sources, folder)))
    .sort()
    .map(path => ({ name: basename(path), bytes: readFileSync(path), options: optionsOf(basename(path)) })),
]
