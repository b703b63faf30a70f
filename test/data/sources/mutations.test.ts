// Files that are cut, flipped or overwritten somewhere are refused in one line that names the file, or read as images of the right number.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { amat } from '../../../src/data/sources/amat.js'
import { cifar } from '../../../src/data/sources/cifar.js'
import { idx } from '../../../src/data/sources/idx.js'
import { matlab } from '../../../src/data/sources/matlab.js'
import { npy } from '../../../src/data/sources/npy.js'
import { npz } from '../../../src/data/sources/npz.js'
import type { Reader } from '../../../src/data/sources/reader.js'
import { fixture, pictures, readParts } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const idxBytes = Buffer.concat([
  Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5),
  Uint8Array.from(pictures(3, 4, 5)),
])
const cifarBytes = Buffer.concat(
  [0, 1, 2].map(label => Buffer.concat([Uint8Array.of(label), Buffer.alloc(3072, 50 + label)])),
)

const at = (name: string) => ({ name: basename(name), bytes: readFileSync(fixture(name)) })

const files: readonly (readonly [Reader, { name: string; bytes: Buffer }, isChecked: boolean])[] = [
  [idx, { name: 'train-images-idx3-ubyte', bytes: idxBytes }, false],
  [idx, { name: 'train-images-idx3-ubyte.gz', bytes: gzipSync(idxBytes) }, true],
  [cifar, { name: 'test_batch.bin', bytes: cifarBytes }, false],
  [npy, at('uint8.npy'), false],
  [npy, at('fortran-colour.npy'), false],
  [npz, at('keras.npz'), false],
  [npz, at('keras-compressed.npz'), true],
  [npz, at('one-hot.npz'), true],
  [matlab, at('chardata.mat'), true],
  [matlab, at('silhouettes.mat'), true],
  [matlab, at('frey_rawface.mat'), false],
  [amat, at('larochelle/binarized_mnist_train.amat'), false],
]

/** Of the whole length; `fc.double` would draw bit patterns, of which most stand for numbers near 0. */
const place = fc.nat(2 ** 20 - 1).map(n => n / 2 ** 20)

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), place }),
  fc.record({ kind: fc.constant('flip' as const), place, bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ kind: fc.constant('garbage' as const), place, bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
)

type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never

function mutated(bytes: Buffer, change: Mutation): Buffer {
  const from = Math.floor(change.place * bytes.length)
  if (change.kind === 'cut') return bytes.subarray(0, from)
  const copy = Buffer.from(bytes)
  if (change.kind === 'flip') copy[from] = (copy[from] ?? 0) ^ (1 << change.bit)
  else copy.set(change.bytes.subarray(0, copy.length - from), from)
  return copy
}

/** Levels of all parts, or the message of the refusal. */
async function outcome(reader: Reader, path: string): Promise<object | string> {
  try {
    return await readParts(reader, path)
  } catch (error) {
    return (error as Error).message
  }
}

const levelsOf = (parts: object): number[][] =>
  Object.values(parts as Record<string, { levels: number[] }>).map(({ levels }) => levels)

test.each(files.map(([reader, file, isChecked]) => [file.name, reader, file.bytes, isChecked] as const))(
  '%s, changed anywhere, is refused by name or read',
  async (name, reader, bytes, isChecked) => {
    const folder = join(temporaryFolder(), 'data')
    mkdirSync(folder)
    const path = join(folder, name)
    writeFileSync(path, bytes)
    const whole = levelsOf(await readParts(reader, path))
    await fc.assert(
      fc.asyncProperty(fc.noBias(mutation), async change => {
        writeFileSync(path, mutated(bytes, change))
        const found = await outcome(reader, path)
        if (typeof found === 'string') {
          expect(found).toMatch(/^[^\n]+$/)
          expect(found.startsWith(path)).toBe(true)
        } else if (isChecked) {
          for (const levels of levelsOf(found)) expect(whole).toContainEqual(levels)
        } else {
          expect(levelsOf(found).length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 200 },
    )
  },
)

test('what a damaged header says is repeated in one line', async () => {
  const path = join(temporaryFolder(), 'uint8.npy')
  const bytes = readFileSync(fixture('uint8.npy'))
  bytes.set([10, 0], bytes.indexOf('|u1') + 1)
  writeFileSync(path, bytes)
  expect(await outcome(npy, path)).toContain(String.raw`the type '\x0a\x00' of NumPy`)
})
