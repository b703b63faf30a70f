/** Members of a zip archive as bytes that are unpacked while they are read. */
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { withFile } from '../../files/reading.js'
import { type ByteSource, checkedInflatedBytes, fileBytes } from './bytes.js'

/** A list of more members is not read. */
const MOST_MEMBERS = 100_000

const [STORED, DEFLATED] = [0, 8]

/** The members of the archive at `path`, by name. Throws an Error that names the file if its directory is damaged. */
export async function zipMembers(path: string): Promise<ReadonlyMap<string, () => ByteSource>> {
  withFile(path, path, () => {}) // says what is no regular file
  try {
    const zip = await openPromise(path, { autoClose: false })
    try {
      return await listed(zip, path)
    } finally {
      zip.close()
    }
  } catch (error) {
    const { message } = error as Error
    throw message.startsWith(`${path}:`)
      ? error
      : new Error(`${path}: damaged zip archive: ${message}`, { cause: error })
  }
}

async function listed(zip: ZipFile, path: string): Promise<Map<string, () => ByteSource>> {
  const members = new Map<string, () => ByteSource>()
  if (zip.entryCount > MOST_MEMBERS)
    throw new Error(`${path}: ${zip.entryCount} members are too many; at most ${MOST_MEMBERS} are read`)
  for await (const entry of zip.eachEntry()) {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
    members.set(entry.fileName, () => memberBytes(path, fileDataStart, entry))
  }
  return members
}

/** Stored bytes are read where they lie, as those of a file are, without a look at their checksum. */
function memberBytes(path: string, offset: number, entry: Entry): ByteSource {
  const name = `${path}: ${entry.fileName}`
  if (entry.isEncrypted()) throw new Error(`${name} is encrypted`)
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    throw new Error(`${name} is compressed by method ${entry.compressionMethod}; deflate was expected`)
  const stored = fileBytes(path, offset, entry.compressedSize)
  if (stored.size !== entry.compressedSize)
    throw new Error(`${name}: the file is truncated: ${entry.compressedSize} bytes of it were expected`)
  if (entry.compressionMethod === STORED) return stored
  return checkedInflatedBytes(stored, { crc32: entry.crc32, size: entry.uncompressedSize }, name)
}
