/** Opens sources in tests as the program does, and collects what their readers give. */
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asTheyAre } from '../../../src/data/dataset.js'
import type { Decodable, OpenedSource, Reader, ReadOptions } from '../../../src/data/sources/reader.js'

export const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures-pictures')

export const fixture = (name: string): string => join(fixtures, name)

/** What Pillow reads in the fixtures. */
export const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8'))

/** Opens `path` with one reader, which must recognise it. */
export async function openWith(
  reader: Reader,
  path: string,
  options: Partial<ReadOptions> = {},
): Promise<OpenedSource> {
  const found = statSync(path, { throwIfNoEntry: false })
  const isFolder = found?.isDirectory() ?? false
  const start = found && !isFolder ? readFileSync(path).subarray(0, 512) : new Uint8Array()
  const probe = { path, isFolder, start, isGzipped: false }
  if (!reader.recognises(probe, { ...asTheyAre, ...options }))
    throw new Error(`${reader.name} does not recognise ${path}`)
  return reader.open(path, { ...asTheyAre, ...options }, probe)
}

/** The levels of all blocks, and the lengths of these. */
export async function levelsOf(images: Decodable | undefined): Promise<number[]> {
  const levels: number[] = []
  for await (const block of images?.blocks() ?? []) for (const level of block) levels.push(level)
  return levels
}

/** Copies fixtures into `folder`: each new path, and the fixture that it is a copy of. */
export function fill(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [path, name] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    cpSync(fixture(name), join(folder, path))
  }
  return folder
}
