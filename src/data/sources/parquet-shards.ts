/** Which Parquet files of a folder belong to which part, by the names that the Hugging Face hub gives them. */
import { basename, dirname, join } from 'node:path'
import { filesMatching, filesUnder, isPattern } from './find-files.js'
import { partOfName } from './part-names.js'
import type { PartName, Warning } from './reader.js'

/** Whether a file is a Parquet file by the end of its name. */
export const isParquetName = (name: string): boolean => /\.parquet$/i.test(name)

export interface Shards {
  /** The files of each part, in the order of their names. */
  readonly parts: ReadonlyMap<PartName, readonly string[]>
  readonly warnings: readonly Warning[]
}

/**
 * The files at `path`: a file, a pattern or a folder. In a folder `train-00000-of-00002.parquet`, `test.parquet` or `validation/0.parquet` are
 * shards of a part; if no file is named so, all files are one part. Throws an Error that names the folder if a shard is missing, or if there
 * are several data sets in it.
 */
export async function findShards(path: string, isFolder: boolean): Promise<Shards> {
  const files = await filesAt(path, isFolder)
  if (files.length === 0) throw new Error(`${path}: no Parquet files are there; names that end in .parquet are read`)
  const byPart = new Map<PartName, string[]>()
  for (const file of files) byPart.set(partOf(file), [...(byPart.get(partOf(file)) ?? []), file])
  const unnamed = byPart.get('all') ?? []
  if (unnamed.length === files.length || !isFolder) return { parts: new Map([['all', files]]), warnings: [] }
  byPart.delete('all')
  for (const shards of byPart.values()) checkShards(path, shards)
  const message = `${path}: ${unnamed[0]} is not read, as its name is not that of a part (train, validation, test)`
  return { parts: byPart, warnings: unnamed.length === 0 ? [] : [{ kind: 'unread-files', message }] }
}

async function filesAt(path: string, isFolder: boolean): Promise<string[]> {
  if (isFolder) return (await filesUnder(path, '', isParquetName)).map(name => join(path, name))
  return isPattern(path) ? filesMatching(path, isParquetName) : [path]
}

/** By the first word of the file's name, or else by its folder's name. */
function partOf(file: string): PartName {
  const [word = ''] = basename(file).split(/[-_.]/)
  return partOfName(word) ?? partOfName(basename(dirname(file))) ?? 'all'
}

/** Shards of one part lie in one folder, and those that are numbered `00001-of-00004` are all there. */
function checkShards(path: string, shards: readonly string[]): void {
  const [first = ''] = shards
  const elsewhere = shards.find(shard => dirname(shard) !== dirname(first))
  if (elsewhere !== undefined)
    throw new Error(`${path}: several data sets are in it, ${first} and ${elsewhere}; give the folder of one`)
  const numbered = shards.flatMap(shard => {
    const [, number, of] = /-(\d+)-of-(\d+)(?:\D.*)?\.parquet$/i.exec(shard) ?? []
    return number === undefined ? [] : [{ number: Number(number), of: Number(of) }]
  })
  const [{ of } = { of: 0 }] = numbered
  const present = new Set(numbered.map(({ number }) => number))
  if (numbered.length !== shards.length || numbered.length === of) return
  const missing = Array.from({ length: of }, (_, i) => i).find(number => !present.has(number))
  if (missing !== undefined)
    throw new Error(`${path}: shard ${missing} of ${of} (from 0) is missing beside ${basename(first)}`)
}
