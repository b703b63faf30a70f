/**
 * Images that have to be decoded are decoded once, into a file of levels in the cache, and read from there by position. The file belongs to
 * the names, sizes and times of what it was decoded from, and to the options; where one of them changes, another file is made.
 */
import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { explain, removeIfPossible, writeFlushed } from '../../files/files.js'
import { makeFolder } from '../../files/folders.js'
import { MOST_JSON, readWhole } from '../../files/reading.js'
import { parseJson } from '../../settings/json.js'
import { type ImageSet, type ImageShape, imageShape, imageSize } from '../images.js'
import type { OnReading } from '../progress.js'
import { imagesInFile } from '../stored-images.js'
import { addFiles, imagesFolder } from './kept.js'
import type { Decodable, ReadOptions } from './reader.js'

/** The layout of the cache and the numbers that decoders make; a change of either makes older files stale. */
const VERSION = 2

const aboutSchema = z.object({
  version: z.literal(VERSION),
  source: z.string(),
  count: z.int().min(1),
  rows: z.int().min(1),
  columns: z.int().min(1),
  channels: z.int().min(1),
  sha256: z.string(),
})

/** What is decoded, and where it came from. */
export interface Decoding {
  /** The path that the user named. */
  source: string
  reader: string
  part: string
  options: ReadOptions
  onReading?: OnReading
}

/** Sets up to this size are decoded anew each time, unless that is slow: 64 MiB. */
const LARGEST_UNKEPT = 2 ** 26

/** The images, decoded now or earlier. Throws an Error that names the source and the place if they cannot be decoded. */
export async function decodedImages(images: Decodable, decoding: Decoding): Promise<ImageSet> {
  const shape = { ...imageShape(images), count: images.count }
  if (images.flat) return imagesInFile(images.flat.path, images.flat.offset, shape)
  if (!images.isSlow && shape.count * imageSize(shape) <= LARGEST_UNKEPT)
    return { ...shape, pixels: await inOnePiece(images, decoding) }
  const folder = join(imagesFolder(), keyOf(images, decoding))
  if (!isDecoded(folder, shape)) await decode(folder, images, decoding)
  return imagesInFile(join(folder, 'levels'), 0, shape)
}

async function inOnePiece(images: Decodable, { source }: Decoding): Promise<Uint8Array> {
  const pixels = new Uint8Array(images.count * imageSize(images))
  let at = 0
  for await (const block of images.blocks()) {
    if (at + block.length <= pixels.length) pixels.set(block, at)
    at += block.length
  }
  requireAll(at, images, source)
  return pixels
}

function requireAll(bytes: number, images: Decodable, source: string): void {
  const size = imageSize(images)
  if (bytes !== images.count * size)
    throw new Error(
      `${source}: ${bytes / size} images were decoded, but ${images.count} were expected; did it change meanwhile?`,
    )
}

/** One decoded set, for a list. */
export interface DecodedSet {
  folder: string
  source: string
  bytes: number
  lastUsed: Date
}

/** All decoded sets in the cache. */
export function decodedSets(): DecodedSet[] {
  const all = imagesFolder()
  if (!existsSync(all)) return []
  return readdirSync(all).flatMap(name => {
    const folder = join(all, name)
    const levels = statSync(join(folder, 'levels'), { throwIfNoEntry: false })
    const about = aboutOf(folder)
    return levels && about ? [{ folder, source: about.source, bytes: levels.size, lastUsed: levels.atime }] : []
  })
}

/** Removes decoded sets, and what killed decoders left; images are decoded again when they are needed. */
export function removeDecoded(): { sets: number; bytes: number } {
  const sets = decodedSets()
  rmSync(imagesFolder(), { recursive: true, force: true })
  return { sets: sets.length, bytes: sets.reduce((sum, { bytes }) => sum + bytes, 0) }
}

function keyOf(images: Decodable, { reader, part, options }: Decoding): string {
  const hash = createHash('sha256')
  const { labels: _, ...reading } = options // labels leave the levels as they are
  hash.update(JSON.stringify({ VERSION, reader, part, options: reading, ...imageShape(images), count: images.count }))
  addFiles(hash, images.files)
  return hash.digest('hex').slice(0, 40)
}

function aboutOf(folder: string): z.infer<typeof aboutSchema> | undefined {
  const path = join(folder, 'about.json')
  try {
    return aboutSchema.safeParse(parseJson(readWhole(path, path, MOST_JSON).toString())).data
  } catch {
    return undefined
  }
}

function isDecoded(folder: string, shape: ImageShape & { count: number }): boolean {
  const about = aboutOf(folder)
  const levels = statSync(join(folder, 'levels'), { throwIfNoEntry: false })
  return about !== undefined && levels?.size === shape.count * imageSize(shape) && about.count === shape.count
}

/** Decodes into a folder of its own, which then takes its place: a killed decoder leaves nothing that is read. */
async function decode(folder: string, images: Decodable, decoding: Decoding): Promise<void> {
  const aside = `${folder}.${process.pid}.${randomUUID()}.tmp`
  removeAbandoned()
  makeFolder(aside)
  try {
    const sha256 = await writeLevels(join(aside, 'levels'), images, decoding)
    const about = { version: VERSION, source: decoding.source, ...imageShape(images), count: images.count, sha256 }
    writeFlushed(join(aside, 'about.json'), `${JSON.stringify(about)}\n`)
    rmSync(folder, { recursive: true, force: true })
    takePlace(aside, folder)
  } catch (error) {
    removeIfPossible(aside)
    throw error
  }
}

/** Another process may have decoded the same images meanwhile: theirs are as good. */
function takePlace(aside: string, folder: string): void {
  try {
    renameSync(aside, folder)
  } catch (error) {
    if (!existsSync(join(folder, 'about.json'))) throw explain(error, folder)
    rmSync(aside, { recursive: true, force: true })
  }
}

async function writeLevels(path: string, images: Decodable, { source, onReading }: Decoding): Promise<string> {
  const [hash, size] = [createHash('sha256'), imageSize(images)]
  const file = openSync(path, 'wx')
  let written = 0
  try {
    for await (const block of images.blocks()) {
      hash.update(block)
      writeAll(file, block, path)
      written += block.length
      onReading?.('decoded', Math.floor(written / size), images.count)
      await setImmediate() // a signal can end the program
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  requireAll(written, images, source)
  return hash.digest('hex')
}

function writeAll(file: number, bytes: Uint8Array, path: string): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
  } catch (error) {
    throw explain(error, path)
  }
}

/** Removes what decoders left that no longer run. */
function removeAbandoned(): void {
  const all = imagesFolder()
  if (!existsSync(all)) return
  for (const name of readdirSync(all)) {
    const [, pid] = /\.(\d+)\.[0-9a-f-]+\.tmp$/.exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(all, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
