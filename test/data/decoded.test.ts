// The cache of decoded images: what is decoded once, what is decoded anew, and what killed, failed and simultaneous decoders leave.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, expect, test, vi } from 'vitest'
import { asTheyAre } from '../../src/data/dataset.js'
import { digestOf } from '../../src/data/digest.js'
import { type ImageSet, levelsOf } from '../../src/data/images.js'
import { type Decoding, decodedImages, decodedSets } from '../../src/data/sources/decoded.js'
import { imagesFolder } from '../../src/data/sources/kept.js'
import { openSource } from '../../src/data/sources/open-source.js'
import type { Decodable } from '../../src/data/sources/reader.js'
import { imagesInFile } from '../../src/data/stored-images.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { expected, fill, fixture } from './sources/reading.js'

beforeEach(() => {
  vi.useRealTimers()
  process.env.ELBO_CACHE = temporaryFolder()
})

const levels = (set: ImageSet) => [...levelsOf(set)]

/** The folders of decoded sets in the cache, finished or not. */
const setFolders = () => readdirSync(imagesFolder()).filter(name => name !== 'surveys')

/** Two images of 2 x 2 that count how often they are decoded; `fault` is thrown after the first. */
function counted(path: string, fault?: Error) {
  const count = { decoded: 0 }
  const images: Decodable = {
    ...{ count: 2, rows: 2, columns: 2, channels: 1, isSlow: true, files: [path] },
    *blocks() {
      count.decoded++
      yield Uint8Array.of(1, 2, 3, 4)
      if (fault) throw fault
      yield Uint8Array.of(5, 6, 7, 8)
    },
  }
  return { images, count }
}

const decoding = (path: string, changes: Partial<Decoding> = {}): Decoding => ({
  ...{ source: path, reader: 'test', part: 'all', options: asTheyAre },
  ...changes,
})

function file(content = 'content'): string {
  const path = join(temporaryFolder(), 'source')
  writeFileSync(path, content)
  return path
}

test('images are decoded once; a change of size, time or options decodes them anew', async () => {
  const path = file()
  const { images, count } = counted(path)
  const open = (changes?: Partial<Decoding>) => decodedImages(images, decoding(path, changes))
  for (let i = 0; i < 3; i++) expect(levels(await open())).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(count.decoded).toBe(1)
  await open({ options: { ...asTheyAre, background: 'white' } })
  expect(count.decoded).toBe(2)
  utimesSync(path, 1, 1)
  await open()
  expect(count.decoded).toBe(3)
  writeFileSync(path, 'longer content')
  await open()
  expect(count.decoded).toBe(4)
})

test('a decoder that fails or stops short leaves nothing, and the next one starts again', async () => {
  const path = file()
  const failing = counted(path, new Error(`${path}: damaged`)).images
  await expect(decodedImages(failing, decoding(path))).rejects.toThrow(`${path}: damaged`)
  const short = { ...counted(path).images, blocks: () => [Uint8Array.of(1, 2, 3, 4)] }
  await expect(decodedImages(short, decoding(path))).rejects.toThrow(
    `${path}: 1 images were decoded, but 2 were expected; did it change meanwhile?`,
  )
  expect(readdirSync(imagesFolder())).toEqual([])
  expect(levels(await decodedImages(counted(path).images, decoding(path)))).toHaveLength(8)
})

test.each([
  ['levels are cut', (folder: string) => truncateSync(join(folder, 'levels'), 3)],
  ['levels are missing', (folder: string) => rmSync(join(folder, 'levels'))],
  ['about.json is damaged', (folder: string) => writeFileSync(join(folder, 'about.json'), '{')],
  ['about.json is of another version', (folder: string) => writeFileSync(join(folder, 'about.json'), '{"version":0}')],
])('a set in the cache of which %s is decoded anew', async (_, damage) => {
  const path = file()
  const { images, count } = counted(path)
  await decodedImages(images, decoding(path))
  damage(decodedSets()[0]?.folder as string)
  expect(levels(await decodedImages(images, decoding(path)))).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(count.decoded).toBe(2)
})

test('decoders at the same time both get the images, and one set is kept', async () => {
  const path = file()
  const both = [counted(path).images, counted(path).images]
  const sets = await Promise.all(both.map(images => decodedImages(images, decoding(path))))
  expect(sets.map(levels)).toEqual([1, 2].map(() => [1, 2, 3, 4, 5, 6, 7, 8]))
  expect(readdirSync(imagesFolder())).toHaveLength(1)
})

/** Starts a process that opens `source` by the built program's opener; `stops`: it hangs when the first images are decoded. */
function opener(source: string, stops = false) {
  const url = (name: string) => JSON.stringify(pathToFileURL(join(repository, 'dist/data', name)).href)
  const code = `
    import { openSource } from ${url('sources/open-source.js')}
    import { asTheyAre } from ${url('dataset.js')}
    import { levelsOf } from ${url('images.js')}
    const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    const onReading = (stage, done) => {
      console.log(stage, done)
      if (stage === 'decoded' && ${stops}) hang()
    }
    const { parts } = await openSource(${JSON.stringify(source)}, asTheyAre, onReading)
    console.log(Buffer.from(levelsOf(parts.all)).toString('hex'))`
  return spawn(process.execPath, ['--input-type=module', '-e', code], { env: process.env })
}

async function output(child: ReturnType<typeof opener>): Promise<string> {
  let text = ''
  child.stdout.on('data', chunk => (text += chunk))
  child.stderr.on('data', chunk => (text += chunk))
  await once(child, 'close')
  return text.trim().split('\n').at(-1) ?? ''
}

const hex = (values: number[]) => Buffer.from(values).toString('hex')

test('two processes that open the same pictures at once read the same images', async () => {
  const source = fill(temporaryFolder(), { 'a.png': 'colour.png', 'b.png': 'palette.png' })
  const right = hex(['colour.png', 'palette.png'].flatMap(name => expected[name].colour))
  expect(await Promise.all([output(opener(source)), output(opener(source))])).toEqual([right, right])
  expect(decodedSets()).toHaveLength(1)
})

test('what a killed decoder wrote is never read, and the next one removes it', async () => {
  const files = Array.from({ length: 1500 }, (_, i) => [`${String(i).padStart(4, '0')}.png`, 'colour.png'])
  const source = fill(temporaryFolder(), Object.fromEntries(files))
  const child = opener(source, true)
  child.stdout.on('data', said => String(said).includes('decoded') && child.kill('SIGKILL')) // after the first of two blocks
  await once(child, 'close')
  const [left = '', ...others] = setFolders()
  expect([left, others]).toEqual([expect.stringMatching(/\.tmp$/), []])
  expect(decodedSets()).toEqual([])
  const { parts } = await openSource(source, asTheyAre)
  expect(parts.all?.count).toBe(1500)
  expect(levels(parts.all as ImageSet).slice(-36)).toEqual(expected['colour.png'].colour)
  expect(setFolders()).toHaveLength(1)
  expect(existsSync(join(imagesFolder(), left))).toBe(false)
})

test('a picture that is replaced is read anew', async () => {
  const source = fill(temporaryFolder(), { 'a.png': 'colour.png' })
  const read = async () => levels((await openSource(source, asTheyAre)).parts.all as ImageSet)
  expect(await read()).toEqual(expected['colour.png'].colour)
  cpSync(fixture('palette.png'), join(source, 'a.png'))
  expect(await read()).toEqual(expected['palette.png'].colour)
})

/** Images of 1 MiB in a sparse file of 300 MiB. */
function large(path: string) {
  truncateSync(path, 300 * 2 ** 20)
  return imagesInFile(path, 0, { count: 300, rows: 1024, columns: 1024, channels: 1 })
}

const digestFile = () => join(imagesFolder(), 'digests', readdirSync(join(imagesFolder(), 'digests'))[0] as string)

/** Sets the clock, which then stands still, so many ms ahead. */
const setClock = (ahead: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ahead })

test('the digest of a large file is kept until the file changes; a damaged one is computed anew', async () => {
  const path = file()
  const images = large(path)
  setClock(60_000)
  const right = await digestOf([images])
  expect(readFileSync(digestFile(), 'utf8')).toBe(`"${right}"\n`)
  const other = '0'.repeat(64)
  writeFileSync(digestFile(), `"${other}"\n`)
  expect(await digestOf([images])).toBe(other) // the file is not read again
  writeFileSync(digestFile(), 'damaged')
  expect(await digestOf([images])).toBe(right)
  writeFileSync(digestFile(), `"${other}"\n`)
  utimesSync(path, 1, 1)
  expect(await digestOf([images])).toBe(right)
})

test('digests are not kept of small sets, of files changed just now, of images in memory and where nothing can be written', async () => {
  const path = file()
  const images = large(path)
  setClock(0)
  const right = await digestOf([images])
  setClock(60_000)
  await digestOf([imagesInFile(path, 0, { count: 10, rows: 1024, columns: 1024, channels: 1 })])
  await digestOf([{ ...images, read: (from, to) => levelsOf(images, from, to) }])
  expect(existsSync(imagesFolder())).toBe(false)
  process.env.ELBO_CACHE = file() // a file, not a folder
  expect(await digestOf([images])).toBe(right)
})
