/** Looks at decoded images once, before a training: counts, levels, classes, what looks wrong, and which images to show. */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { permutation, streamKey } from '../random.js'
import { type ImageSet, type ImageShape, imageSize, levelsOf } from './images.js'
import { WHITE } from './levels.js'
import type { OnReading } from './progress.js'
import { keep, kept } from './sources/kept.js'
import type { Labels, PartName, Warning } from './sources/reader.js'

/** The images of a part, in memory or read by position. */
export type ReadablePart = ImageSet & { readonly labels?: Labels }

export type ReadableParts = Partial<Record<PartName, ReadablePart>>

/** What was seen of one part. */
export interface PartSummary extends ImageShape {
  readonly count: number
  /** How many values of all images have each level: [256]. */
  readonly histogram: Float64Array
  /** Of all values, in levels 0 … 255. */
  readonly mean: number
  /** Images in which each channel has one level throughout. */
  readonly constant: number
  /** Images of each class, in the order of the classes' numbers; absent without labels. */
  readonly classes?: readonly { readonly name: string; readonly count: number }[]
}

export interface Look {
  readonly parts: Partial<Record<PartName, PartSummary>>
  readonly warnings: readonly Warning[]
}

/** Reads all images once, in pieces. If there are several parts, memory grows by 8 bytes an image, for finding images that are in two of them. */
export async function lookAt(parts: ReadableParts, onReading?: OnReading): Promise<Look> {
  const entries = Object.entries(parts) as [PartName, ReadablePart][]
  const total = entries.reduce((sum, [, { count }]) => sum + count, 0)
  const seen = new Map<PartName, Seen>()
  let before = 0
  for (const [name, part] of entries) {
    const from = before
    seen.set(name, await seenOf(part, entries.length > 1, done => onReading?.('looked', from + done, total)))
    before += part.count
  }
  const own = entries.flatMap(([name, part]) => warningsOf(name, part, seen.get(name) as Seen))
  const train = seen.get('train')?.hashes.sort()
  const shared = [...seen].flatMap(([name, { hashes }]) =>
    train === undefined || name === 'train' ? [] : sharedImages(name, hashes, train),
  )
  return {
    parts: Object.fromEntries([...seen].map(([name, { summary }]) => [name, summary])),
    warnings: [...own, ...shared],
  }
}

/** Images of a part that `warningsAtOnce` looks at. */
const LOOKED_AT = 10_000

/**
 * What can be said of splits without reading all of them: levels 0 and 1 only, dark ones only, and a split of one class. Ordinary images are told
 * by their first few.
 */
export function warningsAtOnce(splits: Partial<Record<PartName, ReadablePart>>): Warning[] {
  return (Object.entries(splits) as [PartName, ReadablePart][]).flatMap(([name, part]) => {
    const highest = highestOf(part)
    const found = [
      { kind: 'binary-bytes', message: highest === 1 && bitsOnly(nameOf(name)) },
      { kind: 'dark-levels', message: darkLevels(nameOf(name), highest) },
      { kind: 'one-class', message: part.labels && ofOneClass(nameOf(name), part.labels) },
    ]
    return found.flatMap(({ kind, message }) => (message ? [{ kind, message }] : []))
  })
}

/** Images of more levels than these are not looked at before a training: 256 MiB, about a second. */
const MOST_LOOKED_AT = 2 ** 28

const lookSchema = z.array(z.object({ kind: z.string(), message: z.string() }))

/** Warnings that need a look at all images. */
const ofAllImages: readonly string[] = ['shared-images', 'constant-images']

/**
 * Images that are in two splits, and constant ones. What was found once is kept in the cache; large sets are not looked at, but what `elbo data`
 * found in them is said. `sha256` identifies the images.
 */
export async function warningsOfSplits(
  splits: ReadableParts,
  sha256: string,
  onReading?: OnReading,
): Promise<readonly Warning[]> {
  const all = Object.values(splits)
  const name = createHash('sha256')
    .update(JSON.stringify([sha256, ...all.map(({ count }) => count)]))
    .digest('hex')
  const known = kept('looks', name, lookSchema)
  if (known !== undefined) return known
  if (isLarge(all)) return kept('looks', sha256, lookSchema) ?? []
  return keptLook(name, await lookAt(splits, onReading))
}

/** Keeps what was seen of all images of a large source, for trainings. */
export async function keepLook(parts: ReadableParts, look: Look, digest: () => Promise<string>): Promise<void> {
  if (isLarge(Object.values(parts))) keptLook(await digest(), look)
}

const isLarge = (parts: readonly ImageSet[]): boolean =>
  parts.reduce((sum, part) => sum + part.count * imageSize(part), 0) > MOST_LOOKED_AT

function keptLook(name: string, { warnings }: Look): readonly Warning[] {
  const found = warnings.filter(({ kind }) => ofAllImages.includes(kind))
  keep('looks', name, found)
  return found
}

/** The highest level of the first images; no more of them are read than are needed to see that they are not dark. */
function highestOf(part: ReadablePart): number {
  const step = 100
  let highest = 0
  for (let from = 0; from < Math.min(part.count, LOOKED_AT) && highest <= DARKEST; from += step)
    for (const level of levelsOf(part, from, from + step)) if (level > highest) highest = level
  return highest
}

/** Images without a level above are dark. */
const DARKEST = (WHITE - 1) / 2

const darkLevels = (name: string, highest: number) =>
  highest > 1 &&
  highest <= DARKEST &&
  `no level of the ${name} is above ${highest}, of levels 0 to ${WHITE}: they are dark. If ${highest} is white, save them divided by ${highest}`

function ofOneClass(name: string, { values, names }: Labels): string | undefined {
  const [first] = values
  if (first === undefined || values.length < 2 || values.some(value => value !== first)) return undefined
  return `all ${values.length} ${name} are of the class '${names[first]}'`
}

const bitsOnly = (name: string): string =>
  `all levels of the ${name} are 0 or 1, of levels 0 to ${WHITE}: they are almost black, and the ELBO says nothing; --levels 0-1 reads them as black and white`

interface Seen {
  readonly summary: PartSummary
  /** The position of the first constant image, or -1. */
  readonly firstConstant: number
  /** 64 bits of the SHA-1 of each image; none if they are not compared. */
  readonly hashes: BigUint64Array
}

/** Levels that are read at once. */
const PIECE = 2 ** 24

async function seenOf(part: ReadablePart, isCompared: boolean, onLooked: (done: number) => void): Promise<Seen> {
  const { rows, columns, channels, count, labels } = part
  const size = imageSize(part)
  const atOnce = Math.max(Math.floor(PIECE / size), 1)
  const histogram = new Float64Array(WHITE + 1)
  const hashes = new BigUint64Array(isCompared ? count : 0)
  let [constant, firstConstant] = [0, -1]
  for (let from = 0; from < count; from += atOnce) {
    const levels = levelsOf(part, from, from + atOnce)
    for (const level of levels) histogram[level] = (histogram[level] as number) + 1
    for (let at = 0; at < levels.length; at += size) {
      const image = levels.subarray(at, at + size)
      const position = from + at / size
      if (isCompared) hashes[position] = hashOf(image)
      if (!isConstant(image, channels)) continue
      if (constant === 0) firstConstant = position
      constant++
    }
    onLooked(Math.min(from + atOnce, count))
    await setImmediate() // a signal can end the program
  }
  const mean = histogram.reduce((sum, values, level) => sum + values * level, 0) / (count * size)
  const classes = labels && classesOf(labels)
  const summary = { rows, columns, channels, count, histogram, mean, constant, ...(classes && { classes }) }
  return { summary, firstConstant, hashes }
}

const hashOf = (image: Uint8Array): bigint => createHash('sha1').update(image).digest().readBigUInt64LE()

const isConstant = (image: Uint8Array, channels: number): boolean =>
  image.every((level, i) => level === image[i % channels])

function classesOf({ names, values }: Labels) {
  const counts = new Uint32Array(names.length)
  for (const value of values) counts[value] = (counts[value] as number) + 1
  return names.map((name, i) => ({ name, count: counts[i] as number }))
}

function warningsOf(part: PartName, { labels }: ReadablePart, { summary, firstConstant }: Seen): Warning[] {
  const name = nameOf(part)
  const { count, constant } = summary
  const constantImages =
    constant > 0 &&
    `${constant} of ${count} ${name} have one level throughout, the first at position ${firstConstant}: they may be blank or broken`
  return [
    { kind: 'binary-bytes', message: binaryBytes(name, summary) },
    { kind: 'binary-levels', message: binaryLevels(name, summary) },
    { kind: 'dark-levels', message: darkLevels(name, levelsIn(summary).at(-1) ?? 0) },
    { kind: 'constant-images', message: constantImages },
    { kind: 'one-class', message: labels && ofOneClass(name, labels) },
    { kind: 'sorted-by-class', message: (part === 'all' || part === 'train') && labels && sortedByClass(name, labels) },
  ].flatMap(({ kind, message }) => (message ? [{ kind, message }] : []))
}

const nameOf = (part: PartName): string =>
  part === 'all' ? 'images' : `${part === 'train' ? 'training' : part} images`

/** The levels that occur. */
const levelsIn = ({ histogram }: PartSummary): number[] =>
  [...histogram].flatMap((values, level) => (values > 0 ? [level] : []))

const binaryBytes = (name: string, summary: PartSummary) => levelsIn(summary).join() === '0,1' && bitsOnly(name)

const binaryLevels = (name: string, summary: PartSummary) =>
  levelsIn(summary).join() === `0,${WHITE}` &&
  `all levels of the ${name} are 0 or ${WHITE}: they are binary already, so --binarize dynamic and static read the same pixels in every pass`

/** Whether each class is one run of images, of at least two. */
function sortedByClass(name: string, { values }: Labels) {
  const classes = new Set(values).size
  const runs = values.reduce((sum, value, i) => sum + (i === 0 || value !== values[i - 1] ? 1 : 0), 0)
  if (classes < 2 || runs > classes || values.length < 2 * classes) return undefined
  return `the ${name} are sorted by class: the last of them are of few classes. Shuffle those of IDX files, of which the last are held out as they lie; others are put into a random order first`
}

function sharedImages(part: PartName, hashes: BigUint64Array, sorted: BigUint64Array): Warning[] {
  const count = hashes.reduce((sum, hash) => sum + (includes(sorted, hash) ? 1 : 0), 0)
  if (count === 0) return []
  const message = `${count} of ${hashes.length} ${nameOf(part)} are training images too, level for level: measurements on them flatter the model`
  return [{ kind: 'shared-images', message }]
}

/** Binary search. */
function includes(sorted: BigUint64Array, hash: bigint): boolean {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as bigint) < hash) low = middle + 1
    else high = middle
  }
  return sorted[low] === hash
}

/** The most images of a contact sheet. */
const MOST_SHOWN = 64

/**
 * The positions of up to 64 images to show, drawn with `seed`: as many of each class as possible, in the order of the classes; without labels
 * any images, in the order of their positions.
 */
export function contactSheet({ count, labels }: Pick<ReadablePart, 'count' | 'labels'>, seed: number): number[] {
  const drawn = permutation(streamKey(seed, 'contact-sheet'), count)
  const classOf = (position: number) => labels?.values[position] ?? 0
  const byClass = new Map<number, number[]>()
  for (const position of drawn) {
    const found = byClass.get(classOf(position)) ?? []
    if (found.length === 0) byClass.set(classOf(position), found)
    if (found.length < MOST_SHOWN) found.push(position)
  }
  const rounds = Array.from({ length: MOST_SHOWN }, (_, round) =>
    [...byClass.values()].flatMap(positions => positions.slice(round, round + 1)),
  )
  const chosen = rounds.flat().slice(0, MOST_SHOWN)
  return chosen.sort((a, b) => classOf(a) - classOf(b) || a - b)
}
