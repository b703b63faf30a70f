/** Small findings about images that take long to find, kept as JSON in the cache under a name that changes with what they were found in. */
import type { Hash } from 'node:crypto'
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { z } from 'zod'
import { writeFileAtomic } from '../../files/files.js'
import { makeFolder } from '../../files/folders.js'
import { MOST_JSON, readWhole } from '../../files/reading.js'
import { cacheDirectory } from '../../libtensorflow/location.js'
import { parseJson } from '../../settings/json.js'

/** The folder of decoded images and of what is known of them, in the cache. */
export const imagesFolder = (): string => join(cacheDirectory(), 'images')

/** Adds absolute names, sizes and times of files to a hash, which so changes with any of them; a missing file counts too. */
export function addFiles(hash: Hash, files: readonly string[]): void {
  for (const path of files) {
    const found = statSync(path, { throwIfNoEntry: false })
    hash.update(`\0${resolve(path)}\0${found?.size}\0${found?.mtimeMs}`)
  }
}

const fileOf = (kind: string, name: string): string => join(imagesFolder(), kind, `${name}.json`)

/** What was kept; undefined if nothing was, or if it is damaged. */
export function kept<T>(kind: string, name: string, schema: z.ZodType<T>): T | undefined {
  try {
    const path = fileOf(kind, name)
    return schema.safeParse(parseJson(readWhole(path, path, MOST_JSON).toString())).data
  } catch {
    return undefined
  }
}

/** Keeps a value; where nothing can be kept, it is found again at each start. */
export function keep(kind: string, name: string, value: unknown): void {
  try {
    makeFolder(join(imagesFolder(), kind))
    writeFileAtomic(fileOf(kind, name), `${JSON.stringify(value)}\n`)
  } catch {}
}
