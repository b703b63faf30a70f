// Whether the files of an installed library are those that were unpacked from its wheel.
// `complete.json` holds their sizes and digests. Hashing takes seconds, so `verified.json` holds what the file system said of each file when
// its digest was last right (size, times in whole seconds, inode); a file is hashed again only if that has changed.
import { createHash } from 'node:crypto'
import { accessSync, closeSync, constants, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Wheel } from './wheels.js'

/** The content of `complete.json`. Versions before 0.2 wrote no digests. */
export interface Complete {
  /** Of the wheel. */
  readonly sha256: string
  /** Sizes, in bytes. */
  readonly files: Readonly<Record<string, number>>
  readonly digests?: Readonly<Record<string, string>>
}

/** Size in bytes, times of the last change of content and of status in whole seconds, inode. */
type Stamp = readonly [bytes: number, modified: number, changed: number, inode: number]

const chunkBytes = 8 * 2 ** 20

/** Whether a directory holds every file that the set-up unpacked from this wheel, with its content as far as can be told cheaply. */
export function isWhole(wheel: Wheel, directory: string): boolean {
  const complete = readComplete(wheel, directory)
  if (!complete || wrongSize(complete, directory) !== undefined) return false
  const seen = (readJson(join(directory, 'verified.json')) ?? {}) as Record<string, unknown>
  const changed = Object.keys(complete.files).filter(
    name => !isSame(seen[name], stampOf(join(directory, name)), directory),
  )
  if (changed.length === 0) return true
  if (wrongContent(wheel, complete, directory, changed) !== undefined) return false
  rememberVerified(complete, directory)
  return true
}

/**
 * Reads every file and compares its digest.
 * @returns what is wrong, such as 'libtensorflow_cc.so.2 has other bytes than the wheel'; undefined if nothing is
 */
export function damageOf(wheel: Wheel, directory: string): string | undefined {
  const complete = readComplete(wheel, directory)
  if (!complete) return 'complete.json is missing, damaged or of another wheel'
  const damage = wrongSize(complete, directory) ?? wrongContent(wheel, complete, directory, Object.keys(complete.files))
  if (damage === undefined) rememberVerified(complete, directory)
  return damage
}

/** Records that the files in `directory` have the right digests now. Nothing is recorded where this process may not write. */
export function rememberVerified({ files }: Complete, directory: string): void {
  const stamps = Object.fromEntries(Object.keys(files).map(name => [name, stampOf(join(directory, name))]))
  try {
    writeFileSync(join(directory, 'verified.json'), `${JSON.stringify(stamps)}\n`)
  } catch {}
}

/** SHA-256 of a file, in hexadecimal. */
export function digestOf(path: string): string {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(chunkBytes)
  const file = openSync(path, 'r')
  try {
    for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer))
      hash.update(buffer.subarray(0, count))
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

/** An object of a JSON file; undefined if it cannot be read or is none. */
export function readJson(path: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function readComplete(wheel: Wheel, directory: string): Complete | undefined {
  const found = readJson(join(directory, 'complete.json'))
  if (found?.sha256 !== wheel.sha256 || typeof found.files !== 'object' || found.files === null) return undefined
  const { files } = found as unknown as Complete
  return wheel.libraries.every(name => Object.hasOwn(files, name)) ? (found as unknown as Complete) : undefined
}

function wrongSize({ files }: Complete, directory: string): string | undefined {
  for (const [name, bytes] of Object.entries(files)) {
    const found = stampOf(join(directory, name))?.[0]
    if (found === undefined) return `${name} is missing`
    if (found !== bytes) return `${name} has ${found} bytes instead of ${bytes}`
  }
  return undefined
}

function wrongContent(
  { digests: pinned = {} }: Wheel,
  { digests = {} }: Complete,
  directory: string,
  names: readonly string[],
): string | undefined {
  const wrong = names.find(name => {
    const expected = pinned[name] ?? digests[name]
    return expected !== undefined && digestOf(join(directory, name)) !== expected
  })
  return wrong && `${wrong} has other bytes than in the wheel`
}

function stampOf(path: string): Stamp | undefined {
  try {
    const { size, mtimeMs, ctimeMs, ino } = statSync(path)
    return [size, Math.floor(mtimeMs / 1000), Math.floor(ctimeMs / 1000), ino]
  } catch {
    return undefined
  }
}

/** Copying an image of a container changes inodes and the times of status; where this process may not write, they mean nothing. */
function isSame(seen: unknown, now: Stamp | undefined, directory: string): boolean {
  if (!Array.isArray(seen) || !now) return false
  const compared = isWritable(directory) ? 4 : 2
  return now.slice(0, compared).every((value, i) => seen[i] === value)
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}
