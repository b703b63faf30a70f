/** Opens images by one reader, as `--data` does, and reads them whole. */
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { constants, gunzipSync } from 'node:zlib'
import { asTheyAre } from '../../src/data/dataset.js'
import type { Decodable, OpenedSource, PartName, Reader, ReadOptions } from '../../src/data/sources/reader.js'
import { withFile } from '../../src/files/reading.js'

/** A file of test/data/sources/fixtures/. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../data/sources/fixtures/${name}`, import.meta.url))

/** Throws an Error if the reader does not recognise the path. */
export async function openBy(reader: Reader, path: string, options: Partial<ReadOptions> = {}): Promise<OpenedSource> {
  const isFolder = statSync(path).isDirectory()
  const bytes = isFolder ? Buffer.alloc(0) : withFile(path, path, file => file.read(0, 4096))
  const isGzipped = bytes[0] === 0x1f && bytes[1] === 0x8b
  const start = (isGzipped ? unpacked(bytes) : bytes).subarray(0, 512)
  const probe = { path, isFolder, start, isGzipped }
  const all = { ...asTheyAre, ...options }
  if (!reader.recognises(probe, all)) throw new Error(`${path}: not recognised as ${reader.name}`)
  return reader.open(path, all, probe)
}

function unpacked(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch {
    return Buffer.alloc(0)
  }
}

/** What a reader makes of a part: its shape, all levels, its labels. Throws an Error if `flat` gives other levels than `blocks`. */
export async function readPart(images: Decodable | undefined) {
  if (!images) throw new Error('there is no such part')
  const { count, rows, columns, channels, labels, flat } = images
  const blocks: Uint8Array[] = []
  for await (const block of images.blocks()) blocks.push(block)
  const levels = Buffer.concat(blocks)
  const inPlace = flat && readFileSync(flat.path).subarray(flat.offset, flat.offset + levels.length)
  if (inPlace && !inPlace.equals(levels)) throw new Error('flat is not what blocks give')
  return {
    shape: [count, rows, columns, channels],
    levels: [...levels],
    ...(labels && { labels: [...labels.values], names: labels.names }),
    isFlat: flat !== undefined,
  }
}

/** The only part of a source that has no parts of its own. */
export const readAll = async (reader: Reader, path: string, options: Partial<ReadOptions> = {}) =>
  readPart((await openBy(reader, path, options)).parts.all)

/** All parts of a source by name. */
export async function readParts(reader: Reader, path: string, options: Partial<ReadOptions> = {}) {
  const { parts } = await openBy(reader, path, options)
  const read: Partial<Record<PartName, Awaited<ReturnType<typeof readPart>>>> = {}
  for (const [name, part] of Object.entries(parts)) read[name as PartName] = await readPart(part)
  return read
}

/** The pictures of make-fixtures.py: levels that differ everywhere, and a white corner, the upper right one. */
export function pictures(count: number, rows: number, columns: number, channels = 1, first = 0): number[] {
  return Array.from({ length: count * rows * columns * channels }, (_, i) => {
    const k = i % channels
    const c = Math.floor(i / channels) % columns
    const r = Math.floor(i / (channels * columns)) % rows
    const n = first + Math.floor(i / (channels * columns * rows))
    return r === 0 && c === columns - 1 ? 255 : (7 * n + 31 * r + 3 * c + 90 * k) % 200
  })
}

/** `pictures` in black and white, as bytes 0 and 1. */
export const bits = (count: number, rows: number, columns: number, first = 0): number[] =>
  pictures(count, rows, columns, 1, first).map(level => (level > 99 ? 1 : 0))
