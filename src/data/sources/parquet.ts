/** Reads images of Parquet files, the form of the Hugging Face hub's image sets: encoded pictures in a column, labels in another. */
import { gunzipSync } from 'node:zlib'
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { OnReading } from '../progress.js'
import { holdsFile, isPattern } from './find-files.js'
import { featuresOf, type ImageColumns, imageColumns } from './parquet-columns.js'
import { type LabelValue, type NumberedLabels, numberedLabels } from './parquet-labels.js'
import { findShards, isParquetName } from './parquet-shards.js'
import type { Labels, OpenedSource, PartName, Reader, ReadOptions } from './reader.js'
import { openPictures, type StoredPart, type StoredPicture } from './stored-pictures.js'

/**
 * Files, folders of files and patterns. Row groups are read one after the other: memory holds the images of one, as they are encoded. Pages
 * that are not gzipped have no checksum: damage to the numbers in them, such as labels, can go unnoticed.
 */
export const parquet: Reader = {
  name: 'Parquet',
  recognises: ({ path, isFolder, start }) => {
    if (isFolder) return holdsFile(path, isParquetName, MOST_ABOVE)
    return start.length === 0 ? isPattern(path) && isParquetName(path) : isMagic(start)
  },
  open: async (path, options, probe, onReading) => {
    const { parts, warnings } = await findShards(path, probe.isFolder)
    const opened = await openParts(parts, options, onReading)
    return { parts: opened.parts, warnings: [...warnings, ...opened.warnings] }
  },
}

/** Folders above the files: a data set, and a part. */
const MOST_ABOVE = 2

const isMagic = (start: Uint8Array): boolean => Buffer.from(start.subarray(0, 4)).toString('latin1') === 'PAR1'

async function openParts(
  files: ReadonlyMap<PartName, readonly string[]>,
  options: ReadOptions,
  onReading: OnReading,
): Promise<OpenedSource> {
  const parts = new Map<PartName, readonly Shard[]>()
  for (const [part, paths] of files) parts.set(part, await eachInTurn(paths, path => openShard(path, options.key)))
  const { labels, warnings } = await labelsOf(parts)
  const stored = [...parts].map(([part, shards]) => [part, storedPart(shards, labels.get(part))])
  const opened = await openPictures(Object.fromEntries(stored), options, onReading)
  return { parts: opened.parts, warnings: [...warnings, ...opened.warnings] }
}

async function eachInTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) results.push(await work(item))
  return results
}

interface Shard {
  readonly path: string
  readonly metadata: FileMetaData
  readonly columns: ImageColumns
}

async function openShard(path: string, key: string | null): Promise<Shard> {
  const { metadata, schema } = await explained(path, async () => {
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path), { geoparquet: false })
    return { metadata, schema: parquetSchema(metadata).children }
  })
  return { path, metadata, columns: imageColumns(path, schema, featuresOf(metadata), key) }
}

async function labelsOf(parts: ReadonlyMap<PartName, readonly Shard[]>): Promise<NumberedLabels> {
  const values = new Map<PartName, readonly LabelValue[]>()
  for (const [part, shards] of parts)
    if (shards.every(({ columns }) => columns.label !== undefined))
      values.set(part, (await eachInTurn(shards, labelCells)).flat())
  const shards = [...parts.values()].flat()
  return numberedLabels(values, shards.find(({ columns }) => columns.classNames)?.columns.classNames)
}

async function labelCells(shard: Shard): Promise<LabelValue[]> {
  const cells: LabelValue[] = []
  for await (const { values } of cellsOf(shard, shard.columns.label ?? ''))
    for (const value of values) cells.push(asLabel(value))
  return cells
}

const asLabel = (cell: unknown): LabelValue =>
  typeof cell === 'bigint' ? Number(cell) : typeof cell === 'number' || typeof cell === 'string' ? cell : null

const storedPart = (shards: readonly Shard[], labels: Labels | undefined): StoredPart => ({
  files: shards.map(({ path }) => path),
  count: shards.reduce((sum, { metadata }) => sum + Number(metadata.num_rows), 0),
  ...(labels && { labels }),
  pictures: () => picturesIn(shards),
})

/** Images that are decoded from one piece of a row group. */
const BATCH = 1024

async function* picturesIn(shards: readonly Shard[]): AsyncGenerator<StoredPicture[]> {
  for (const shard of shards)
    for await (const { values, from } of cellsOf(shard, shard.columns.image))
      for (let i = 0; i < values.length; i += BATCH)
        yield values.slice(i, i + BATCH).map((cell, j) => storedPicture(cell, `${shard.path}, row ${from + i + j}`))
}

/** A cell is the bytes themselves, or the hub's struct of bytes and of the name that the file had; a cell without bytes is a broken image. */
function storedPicture(cell: unknown, row: string): StoredPicture {
  if (cell instanceof Uint8Array) return { place: row, data: cell }
  const { bytes, path } = (cell ?? {}) as { bytes?: unknown; path?: unknown }
  return {
    place: typeof path === 'string' ? `${row} (${path})` : row,
    data: bytes instanceof Uint8Array ? bytes : new Uint8Array(),
  }
}

/** Node's gunzip checks the checksum, which that of the library does not. */
const decompressors: Compressors = {
  ...compressors,
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(length, 1) }), // a page without values has length 0
}

/** The cells of a column, one row group after the other; `from` is the row of the first, from 0. */
async function* cellsOf(
  { path, metadata }: Shard,
  column: string,
): AsyncGenerator<{ values: unknown[]; from: number }> {
  let from = 0
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows)
    const rows = await explained(path, () => readRows(path, metadata, column, from, count))
    yield { values: rows.map(row => row[column] as unknown), from }
    from += count
  }
}

async function readRows(path: string, metadata: FileMetaData, column: string, from: number, count: number) {
  const attended = attendedFile(await asyncBufferFromFile(path))
  const range = { columns: [column], rowStart: from, rowEnd: from + count }
  const options = { metadata, compressors: decompressors, utf8: false, geoparquet: false }
  try {
    const rows = await parquetReadObjects({ ...options, ...range, file: attended.file })
    if (rows.length !== count) throw new Error(`${rows.length} rows of ${count} in a row group`)
    return rows
  } finally {
    attended.end()
  }
}

/**
 * A file whose reads never end once `end` is called. If the library refuses a column of a damaged file while it reads another, it forgets that
 * read, and an error in what was read would end the process as an unhandled rejection.
 */
function attendedFile({ byteLength, slice }: AsyncBuffer) {
  let isEnded = false
  const ifAttended = (settle: () => void) => setImmediate(() => isEnded || settle())
  const attendedSlice: AsyncBuffer['slice'] = (start, end) => {
    const work = Promise.resolve(slice(start, end))
    return new Promise((resolve, reject) => {
      work.then(
        bytes => ifAttended(() => resolve(bytes)),
        error => ifAttended(() => reject(error)),
      )
    })
  }
  return { file: { byteLength, slice: attendedSlice }, end: () => (isEnded = true) }
}

/** Errors of the library name neither the file nor, always, what is wrong with it. */
async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new Error(`${path}: truncated or damaged Parquet file (${(error as Error).message.split('\n')[0]})`, {
      cause: error,
    })
  }
}
