// Unpacks single files of a ZIP archive, with the npm package yauzl, as streams: the archive and its files may be larger than the memory.

import { createWriteStream } from 'node:fs'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as zlib from 'node:zlib'
import { errorCode, errorText, Refusal } from './refusal.mjs'

/** @typedef {import('yauzl').Entry} Entry */
/** @typedef {import('yauzl').ZipFile} ZipFile */

/**
 * Unpacks the named files of an archive and checks each one's size and CRC-32.
 * @param {string} path of the archive
 * @param {ReadonlyMap<string, string>} destinations name in the archive to path on disk, where no file may exist
 * @throws {Refusal} naming what is damaged or missing
 */
export async function unzip(path, destinations) {
  await withArchive(path, async (archive, entries) => {
    for (const [name, destination] of destinations) {
      const entry = entries.get(name)
      if (!entry) throw new Error(`it has no ${name}`)
      await unpack(archive, entry, destination)
    }
  })
}

/** The names of all files in an archive. @param {string} path @throws {Refusal} naming what is damaged */
export function namesIn(path) {
  return withArchive(path, async (_, entries) => [...entries.keys()])
}

/**
 * Opens an archive, reads its list of files and closes it after use.
 * @template T
 * @param {string} path
 * @param {(archive: ZipFile, entries: ReadonlyMap<string, Entry>) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function withArchive(path, use) {
  // Not imported at the top of this file, because an earlier step of the set-up installs the package.
  const { openPromise } = await import('yauzl')
  try {
    const archive = await openPromise(path, { autoClose: false })
    try {
      /** @type {Map<string, Entry>} */
      const entries = new Map()
      for await (const entry of archive.eachEntry()) entries.set(entry.fileName, entry)
      return await use(archive, entries)
    } finally {
      archive.close()
    }
  } catch (error) {
    if (isFromSystem(error)) throw error
    throw new Refusal(`${basename(path)} is damaged (${errorText(error)})`, 'run `npm run setup` to fetch it again')
  }
}

/** Whether the error comes from the operating system, such as ENOSPC, rather than from the archive. @param {unknown} error */
function isFromSystem(error) {
  return /^E[A-Z]+$/.test(errorCode(error))
}

/** @param {ZipFile} archive @param {Entry} entry @param {string} destination */
async function unpack(archive, entry, destination) {
  try {
    const contents = await archive.openReadStreamPromise(entry)
    const check = (/** @type {AsyncIterable<Buffer>} */ chunks) => withChecksum(chunks, entry.crc32)
    await pipeline(contents, check, createWriteStream(destination, { flags: 'wx' }))
  } catch (error) {
    if (isFromSystem(error)) throw error
    throw new Error(`${entry.fileName}: ${errorText(error)}`)
  }
}

/**
 * Passes chunks through and throws at the end if their CRC-32 is wrong. Before Node 20.15, which added `crc32`, it does not check: the
 * SHA-256 of the whole archive has been verified by then.
 * @param {AsyncIterable<Buffer>} chunks
 * @param {number} expected
 */
async function* withChecksum(chunks, expected) {
  if (!('crc32' in zlib)) return yield* chunks
  let checksum = 0
  for await (const chunk of chunks) {
    checksum = zlib.crc32(chunk, checksum)
    yield chunk
  }
  if (checksum !== expected) throw new Error('wrong CRC-32')
}
