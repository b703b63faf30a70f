// Unpacks single files of a ZIP archive, with the npm package yauzl, as streams: the archive and its files may be larger than the memory.
import { createWriteStream } from 'node:fs'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as zlib from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { errorCode, errorText, Refusal } from './refusal.mjs'

/**
 * Unpacks the named files of an archive and checks each one's size and CRC-32.
 * @param destinations name in the archive to path on disk, where no file may exist
 * @throws {Refusal} naming what is damaged or missing
 */
export async function unzip(path: string, destinations: ReadonlyMap<string, string>): Promise<void> {
  await withArchive(path, async (archive, entries) => {
    for (const [name, destination] of destinations) {
      const entry = entries.get(name)
      if (!entry) throw new Error(`it has no ${name}`)
      await unpack(archive, entry, destination)
    }
  })
}

/**
 * The names of all files in an archive.
 * @throws {Refusal} naming what is damaged
 */
export function namesIn(path: string): Promise<string[]> {
  return withArchive(path, async (_, entries) => [...entries.keys()])
}

/** Opens an archive, reads its list of files and closes it after use. */
async function withArchive<T>(
  path: string,
  use: (archive: ZipFile, entries: ReadonlyMap<string, Entry>) => Promise<T>,
): Promise<T> {
  // Loaded only now, because most starts unpack nothing.
  const { openPromise } = await import('yauzl')
  try {
    const archive = await openPromise(path, { autoClose: false })
    try {
      const entries = new Map<string, Entry>()
      for await (const entry of archive.eachEntry()) entries.set(entry.fileName, entry)
      return await use(archive, entries)
    } finally {
      archive.close()
    }
  } catch (error) {
    if (isFromSystem(error)) throw error
    throw new Refusal(`${basename(path)} is damaged (${errorText(error)})`, 'run `npx elbo setup` to fetch it again')
  }
}

/** Whether the error comes from the operating system, such as ENOSPC, rather than from the archive. */
function isFromSystem(error: unknown): boolean {
  return /^E[A-Z]+$/.test(errorCode(error))
}

async function unpack(archive: ZipFile, entry: Entry, destination: string): Promise<void> {
  try {
    const contents = await archive.openReadStreamPromise(entry)
    const check = (chunks: AsyncIterable<Buffer>) => withChecksum(chunks, entry.crc32)
    await pipeline(contents, check, createWriteStream(destination, { flags: 'wx' }))
  } catch (error) {
    if (isFromSystem(error)) throw error
    throw new Error(`${entry.fileName}: ${errorText(error)}`)
  }
}

/**
 * Passes chunks through and throws at the end if their CRC-32 is wrong. Before Node 20.15, which added `crc32`, it does not check: the
 * SHA-256 of the whole archive has been verified by then.
 */
async function* withChecksum(chunks: AsyncIterable<Buffer>, expected: number): AsyncGenerator<Buffer> {
  if (!('crc32' in zlib)) return yield* chunks
  const crc32 = zlib.crc32 as (data: Buffer, value: number) => number
  let checksum = 0
  for await (const chunk of chunks) {
    checksum = crc32(chunk, checksum)
    yield chunk
  }
  if (checksum !== expected) throw new Error('wrong CRC-32')
}
