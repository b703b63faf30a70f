// Takes single files out of a ZIP archive (PKWARE's APPNOTE: 4.3.7 local header, 4.3.12 central directory, 4.3.16 its end).

import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import { errorCode, errorText, Refusal } from './refusal.mjs'

const localHeader = { signature: 0x04034b50, bytes: 30 }
const centralHeader = { signature: 0x02014b50, bytes: 46 }
const endRecord = { signature: 0x06054b50, bytes: 22 }
const longestComment = 0xffff
const deflated = 8

/** Larger than the 16 KB that zlib hands out by default, which takes twice as long. */
const chunkBytes = 1 << 18

/**
 * One file in an archive; `offset` is that of its local header.
 * @typedef {{ name: string, method: number, crc: number, packedBytes: number, bytes: number, offset: number }} Entry
 */

/**
 * Unpacks the named files of an archive and checks each one's size and CRC-32. Only deflated files, and no ZIP64: wheels need neither.
 * @param {string} path of the archive
 * @param {ReadonlyMap<string, string>} destinations name in the archive to path on disk
 * @throws {Refusal} naming what is damaged or missing
 */
export async function unzip(path, destinations) {
  const archive = new Archive(path, await open(path))
  try {
    const entries = new Map((await archive.entries()).map(entry => [entry.name, entry]))
    for (const [name, destination] of destinations) {
      const entry = entries.get(name)
      if (!entry) throw archive.damaged(`it has no ${name}`)
      await archive.unpack(entry, destination)
    }
  } finally {
    await archive.close()
  }
}

/** The names of all files in an archive. @param {string} path @throws {Refusal} naming what is damaged */
export async function namesIn(path) {
  const archive = new Archive(path, await open(path))
  try {
    return (await archive.entries()).map(({ name }) => name)
  } finally {
    await archive.close()
  }
}

class Archive {
  /** @param {string} path @param {import('node:fs/promises').FileHandle} file */
  constructor(path, file) {
    this.path = path
    this.file = file
  }

  close() {
    return this.file.close()
  }

  /** @param {string} what */
  damaged(what) {
    return new Refusal(`${basename(this.path)} is damaged: ${what}`, 'run `npm run setup` again to fetch it anew')
  }

  /** All files, from the central directory. @returns {Promise<Entry[]>} */
  async entries() {
    const { size } = await this.file.stat()
    const tail = await this.read(Math.max(0, size - endRecord.bytes - longestComment), size)
    const end = findBackwards(tail, endRecord.signature, tail.length - endRecord.bytes)
    if (end < 0) throw this.damaged('it is cut short')
    const start = tail.readUInt32LE(end + 16)
    return this.parse(await this.read(start, start + tail.readUInt32LE(end + 12)))
  }

  /** @param {Buffer} directory @returns {Entry[]} */
  parse(directory) {
    const entries = []
    for (let at = 0; at < directory.length; ) {
      const header = directory.subarray(at)
      if (header.length < centralHeader.bytes || header.readUInt32LE(0) !== centralHeader.signature) {
        throw this.damaged('its list of files is broken')
      }
      entries.push(parseEntry(header))
      at += centralHeader.bytes + header.readUInt16LE(28) + header.readUInt16LE(30) + header.readUInt16LE(32)
    }
    return entries
  }

  /** @param {Entry} entry @param {string} destination */
  async unpack(entry, destination) {
    if (entry.method !== deflated) throw this.damaged(`${entry.name} is not deflated`)
    const start = await this.dataStart(entry)
    const check = new Checksum()
    const stored = createReadStream(this.path, { start, end: start + entry.packedBytes - 1 })
    try {
      await pipeline(
        stored,
        createInflateRaw({ chunkSize: chunkBytes }),
        check,
        createWriteStream(destination, { flags: 'wx' }),
      )
    } catch (error) {
      if (errorCode(error).startsWith('Z_'))
        throw this.damaged(`${entry.name} cannot be inflated (${errorText(error)})`)
      throw error
    }
    if (check.bytes !== entry.bytes) throw this.damaged(`${entry.name} has ${check.bytes} bytes, not ${entry.bytes}`)
    if (check.crc !== entry.crc) throw this.damaged(`${entry.name} has the wrong CRC-32`)
  }

  /** @param {Entry} entry */
  async dataStart({ name, offset }) {
    const header = await this.read(offset, offset + localHeader.bytes)
    if (header.readUInt32LE(0) !== localHeader.signature) throw this.damaged(`${name} is not where it should be`)
    return offset + localHeader.bytes + header.readUInt16LE(26) + header.readUInt16LE(28)
  }

  /** @param {number} start @param {number} end */
  async read(start, end) {
    const { buffer, bytesRead } = await this.file.read({ buffer: Buffer.alloc(end - start), position: start })
    if (bytesRead !== end - start) throw this.damaged('it is cut short')
    return buffer
  }
}

/** @param {Buffer} buffer @param {number} signature @param {number} from */
function findBackwards(buffer, signature, from) {
  let at = from
  while (at >= 0 && buffer.readUInt32LE(at) !== signature) at--
  return at
}

/** @param {Buffer} header @returns {Entry} */
function parseEntry(header) {
  return {
    method: header.readUInt16LE(10),
    crc: header.readUInt32LE(16),
    packedBytes: header.readUInt32LE(20),
    bytes: header.readUInt32LE(24),
    offset: header.readUInt32LE(42),
    name: header.toString('utf8', centralHeader.bytes, centralHeader.bytes + header.readUInt16LE(28)),
  }
}

// `zlib.crc32` came only with Node 20.15.
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

/** Passes bytes through, counting them and taking their CRC-32. */
class Checksum extends Transform {
  bytes = 0
  state = 0xffffffff

  get crc() {
    return ~this.state >>> 0
  }

  /** @override @param {Buffer} chunk @param {BufferEncoding} _encoding @param {import('node:stream').TransformCallback} done */
  _transform(chunk, _encoding, done) {
    let crc = this.state
    for (let i = 0; i < chunk.length; i++)
      crc = /** @type {number} */ (crcTable[(crc ^ (chunk[i] ?? 0)) & 0xff]) ^ (crc >>> 8)
    this.state = crc
    this.bytes += chunk.length
    done(null, chunk)
  }
}
