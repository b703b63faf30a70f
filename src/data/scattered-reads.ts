/** Reads many images of one file at once, on the thread pool: neighbours together, in the order of their places. */
import { read } from 'node:fs'
import { promisify } from 'node:util'

/** A file that is open for reading. */
export interface OpenFile {
  readonly path: string
  /** The descriptor. */
  readonly file: number
}

/** Where images lie in a file, in bytes: the first of them, and the size of each. */
interface Placement {
  readonly offset: number
  readonly size: number
}

/** Images so close together, in bytes, are read with what lies between them: that costs less than another read. */
const LARGEST_GAP = 2 ** 15

/** Bytes that are read at once, unless one image is larger. */
const LARGEST_SPAN = 2 ** 20

/** Reads in flight; the thread pool has four threads unless the user gives it more. */
const AT_ONCE = 8

const readBytes = promisify(read)

/** The levels of the images at `positions`, in that order. Throws an Error that names the file if it has become too short. */
export async function gatherFrom(
  file: OpenFile,
  placement: Placement,
  positions: ArrayLike<number>,
): Promise<Uint8Array> {
  const { size } = placement
  const levels = new Uint8Array(positions.length * size)
  const spans = spansOf(positions, size)
  const worker = async () => {
    for (const { first, last, places } of spans) {
      const bytes = await readSpan(file, placement, first, last)
      for (const place of places) {
        const at = ((positions[place] as number) - first) * size
        levels.set(bytes.subarray(at, at + size), place * size)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return levels
}

/** Images `first` … `last` of a file, of which those at `places` of the request are wanted. */
interface Span {
  readonly first: number
  readonly last: number
  readonly places: readonly number[]
}

function* spansOf(positions: ArrayLike<number>, size: number): Generator<Span> {
  const count = positions.length
  // Position and place in one number, because numbers are sorted fastest.
  const sorted = Float64Array.from({ length: count }, (_, place) => (positions[place] as number) * count + place).sort()
  let span: { first: number; last: number; places: number[] } | undefined
  for (const key of sorted) {
    const position = Math.floor(key / count)
    const place = key - position * count
    if (
      span &&
      (position - span.last - 1) * size <= LARGEST_GAP &&
      (position + 1 - span.first) * size <= LARGEST_SPAN
    ) {
      span.last = position
      span.places.push(place)
    } else {
      if (span) yield span
      span = { first: position, last: position, places: [place] }
    }
  }
  if (span) yield span
}

async function readSpan({ path, file }: OpenFile, { offset, size }: Placement, first: number, last: number) {
  const bytes = new Uint8Array((last + 1 - first) * size)
  const start = offset + first * size
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await readBytes(file, bytes, at, bytes.length - at, start + at)
    if (bytesRead === 0) throw cutWhileInUse(path, start + at)
    at += bytesRead
  }
  return bytes
}

/** The error for a file that has become shorter since it was opened. */
export const cutWhileInUse = (path: string, end: number): Error =>
  new Error(`${path}: the file ends at byte ${end}; it was cut while it was in use`)
