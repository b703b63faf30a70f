// Stored images are read ahead of their use: the same batches as from memory, a bounded number of images in flight, errors where they are due.
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { binarizeOnce } from '../../src/data/binarize.js'
import { gatherImages, type ImageSet, imageRange, levelsOf, type StoredImages } from '../../src/data/images.js'
import { inSequence, shuffledPass, wholePass } from '../../src/data/passes.js'
import { readAhead } from '../../src/data/read-ahead.js'
import { gatherFrom } from '../../src/data/scattered-reads.js'
import { imagesInFile } from '../../src/data/stored-images.js'
import { streamKey } from '../../src/random.js'
import { imagesOf } from '../support/images.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const SHAPE = { rows: 3, columns: 2, channels: 1 }
const SIZE = 6
const COUNT = 2500

const pixels = Uint8Array.from({ length: COUNT * SIZE }, (_, i) => (i * 7919) % 251)
const held = imagesOf(SHAPE, pixels)

/** The same images, read by position from what `gather` is told; `asked` has the positions of each request. */
function stored(): StoredImages & { asked: number[][] } {
  const asked: number[][] = []
  return {
    ...SHAPE,
    ...{ count: COUNT, asked },
    read: (from, to) => pixels.slice(from * SIZE, to * SIZE),
    gather: async positions => {
      asked.push(Array.from(positions))
      return gatherImages(held, positions).pixels
    },
  }
}

const key = streamKey(1, 'order')

/** All batches of a pass, asked for in chunks of these numbers of steps. */
async function batchesOf(pass: ReturnType<typeof shuffledPass>, chunks: readonly number[]): Promise<number[]> {
  const levels: number[] = []
  for (let [from, i] = [0, 0]; from < pass.steps; i++) {
    const count = Math.min(chunks[i % chunks.length] as number, pass.steps - from)
    levels.push(...(await pass.batches(from, count)))
    from += count
  }
  return levels
}

const chunkSizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })

test('passes give the same bytes as from memory, however they are cut into chunks', async () => {
  const binary = binarizeOnce(held, 'dynamic', key)
  const binaryStored = binarizeOnce(stored(), 'dynamic', key)
  const [shuffled, whole] = [shuffledPass(held, 64, key, 2), wholePass(binary, 300)]
  const expected = [await batchesOf(shuffled, [5]), await batchesOf(whole, [5])]
  await fc.assert(
    fc.asyncProperty(chunkSizes, async chunks => {
      expect(await batchesOf(shuffledPass(stored(), 64, key, 2), chunks)).toEqual(expected[0])
      expect(await batchesOf(wholePass(binaryStored, 300), chunks)).toEqual(expected[1])
    }),
    { numRuns: 10 },
  )
})

test('each request starts to read the next ones, each image once, no more than were asked for', async () => {
  const images = stored()
  const levels = readAhead(images, index => index)
  if (!levels) throw new Error('stored images are read ahead')
  await levels(0, 10)
  expect(images.asked.map(({ length }) => length)).toEqual([10, 10])
  await levels(10, 30)
  expect(images.asked.flat()).toEqual(Array.from({ length: 50 }, (_, i) => i))
  await levels(28, 40) // a request may begin with the last images of the one before
  expect(images.asked.flat()).toEqual(Array.from({ length: 52 }, (_, i) => i))
})

test('what is read ahead is bounded in bytes, and by the end of the set', async () => {
  const asked: number[] = []
  const large = { rows: 2 ** 12, columns: 2 ** 12, channels: 1 } // 16 MiB each
  const gather = async (positions: ArrayLike<number>) => new Uint8Array(asked.push(positions.length))
  const levels = readAhead({ ...large, count: 21, read: () => new Uint8Array(), gather }, index => index)
  await levels?.(0, 10)
  expect(asked).toEqual([10, 4])
  await levels?.(14, 20)
  expect(asked).toEqual([10, 4, 6, 1])
})

test('the error of what was read ahead is thrown to whoever asks for it, and not before', async () => {
  const gather = async (positions: ArrayLike<number>) => {
    if ((positions[0] as number) > 0) throw new Error('cut')
    return new Uint8Array(positions.length * SIZE)
  }
  const levels = inSequence({ ...SHAPE, count: 20, read: () => new Uint8Array(), gather })
  expect(await levels(0, 10)).toHaveLength(60)
  await new Promise(setImmediate)
  await expect(levels(10, 10)).rejects.toThrow('cut')
})

function fileOfLevels(): string {
  const path = join(temporaryFolder(), 'levels')
  writeFileSync(path, Buffer.concat([Buffer.from('head'), pixels]))
  return path
}

test('scattered images of a file are the images at those positions, repeated ones too', async () => {
  const { openSync } = await import('node:fs')
  const path = fileOfLevels()
  const file = { path, file: openSync(path, 'r') }
  const position = fc.integer({ min: 0, max: COUNT - 1 })
  await fc.assert(
    fc.asyncProperty(fc.array(position, { maxLength: 100 }), async positions => {
      const gathered = await gatherFrom(file, { offset: 4, size: SIZE }, positions)
      expect([...gathered]).toEqual([...gatherImages(held, positions).pixels])
    }),
  )
})

test('a large file is read by position; one that is cut while it is in use is named, in either way of reading', async () => {
  const path = join(temporaryFolder(), 'large')
  writeFileSync(path, '')
  truncateSync(path, 2 ** 28 + 2 ** 20) // without data, so without space on the disk
  const images: ImageSet = imagesInFile(path, 0, { count: 257, rows: 1024, columns: 1024, channels: 1 })
  const last = imageRange(images, 255, 257) as StoredImages
  expect(Buffer.compare(levelsOf(last, 1, 2), (await last.gather?.([1])) ?? Buffer.alloc(0))).toBe(0)
  truncateSync(path, 2 ** 28 + 5)
  expect(() => levelsOf(last, 1, 2)).toThrow(`${path}: the file ends at byte ${2 ** 28 + 5}`)
  await expect(last.gather?.([0, 1])).rejects.toThrow(`${path}: the file ends at byte ${2 ** 28 + 5}`)
})
