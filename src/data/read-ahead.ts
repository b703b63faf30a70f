/** Levels of stored images, read while the steps before run on what was read: memory in use is bounded, whatever the size of the set. */
import { type ImageSet, imageSize } from './images.js'

/** Levels that are read ahead, at most: 64 MiB. */
const MOST_AHEAD = 2 ** 26

/** The levels of images `from` … `to - 1` of an order. */
export type LevelsInOrder = (from: number, to: number) => Promise<Uint8Array>

/**
 * The levels of stored images in an order, of which `at` says the positions. Each request also starts to read as many images as it asked for,
 * those that follow. Undefined for images in memory or computed from others, which are taken when they are needed.
 */
export function readAhead(images: ImageSet, at: (index: number) => number): LevelsInOrder | undefined {
  if ('pixels' in images || images.gather === undefined) return undefined
  const { gather, count } = images
  const most = Math.floor(MOST_AHEAD / imageSize(images))
  return readingAhead(
    (from, to) => gather(Float64Array.from({ length: to - from }, (_, i) => at(from + i))),
    count,
    most,
  )
}

/** Images being read, or read and not used yet. */
interface Block {
  readonly from: number
  readonly to: number
  readonly levels: Promise<Uint8Array>
}

function readingAhead(gather: LevelsInOrder, count: number, most: number): LevelsInOrder {
  let blocks: readonly Block[] = []
  const start = (from: number, to: number): Block[] => {
    if (from >= to) return []
    const levels = gather(from, to)
    levels.catch(() => {}) // whoever asks for them gets the error
    return [{ from, to, levels }]
  }
  return (from, to) => {
    const later = blocks.filter(block => block.to > from)
    const held = later[0] && later[0].from <= from ? later : []
    const end = held.at(-1)?.to ?? from
    const wanted = Math.min(to + Math.min(to - from, most), count)
    const all = [...held, ...start(end, to), ...start(Math.max(end, to), wanted)]
    blocks = all.filter(block => block.to >= to) // a request may begin with the last images of the one before
    return joined(all, from, to)
  }
}

/** Images `from` … `to - 1` of consecutive blocks. */
async function joined(blocks: readonly Block[], from: number, to: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const block of blocks) {
    if (block.from >= to) break
    const levels = await block.levels
    const size = levels.length / (block.to - block.from)
    const [start, end] = [Math.max(from, block.from) - block.from, Math.min(to, block.to) - block.from]
    parts.push(levels.subarray(start * size, end * size))
  }
  const [only] = parts
  return parts.length === 1 && only ? only : endToEnd(parts)
}

function endToEnd(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
