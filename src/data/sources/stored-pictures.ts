/** Opens parts made of encoded pictures, wherever those are stored: their headers are read once, their pixels when they are asked for. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { UsageError } from '../../settings/setting.js'
import { type ImageShape, imageSize } from '../images.js'
import type { OnReading } from '../progress.js'
import { inParallel } from './in-parallel.js'
import { addFiles, keep, kept } from './kept.js'
import { channelsAsked, imagesPerBlock, sizeAsked, transposedShape } from './levels.js'
import { decodePicture, type EncodedPicture, type PictureHeader, type PictureTarget, readHeader } from './picture.js'
import type { Decodable, Labels, OpenedSource, PartName, ReadOptions, Warning } from './reader.js'

export interface StoredPicture {
  /** Where the picture is, for messages. */
  readonly place: string
  readonly data: EncodedPicture
}

/** One part of a source. */
export interface StoredPart extends Pick<Decodable, 'files'> {
  readonly labels?: Labels
  readonly names?: readonly string[]
  readonly count: number
  /** All pictures in order, some at a time; memory in use does not grow with their number. */
  pictures(): Iterable<readonly StoredPicture[]> | AsyncIterable<readonly StoredPicture[]>
}

export type StoredParts = Partial<Record<PartName, StoredPart>>

/**
 * Reads the headers of all pictures, which decide their common shape, and with `skipBroken` decodes each once, so that the number of images is
 * known. What they say is kept in the cache until a file or an option changes. Throws an Error that names the first picture that is damaged or of another size.
 */
export async function openPictures(
  parts: StoredParts,
  options: ReadOptions,
  onReading?: OnReading,
): Promise<OpenedSource> {
  if (options.levels === '0-1' && options.resize !== null)
    throw new UsageError(
      '--levels 0-1: pictures are resized as they are decoded, as levels 0 to 255; leave out --resize, or save them with levels 0 and 255',
    )
  const name = nameOf(parts, options)
  const known = kept('surveys', name, surveySchema)
  const found = known ?? (await surveyed(parts, options, onReading))
  if (known === undefined) keep('surveys', name, found)
  const target = { ...targetOf(found.shape, found.shape.channels, options), ...found.shape }
  const readable = (Object.entries(parts) as [PartName, StoredPart][]).flatMap(([name, part]) => {
    const { count = 0, broken = [] } = found.parts[name] ?? {}
    return count > broken.length ? [[name, decodable(part, target, { count, broken: new Set(broken) })]] : []
  })
  return { parts: Object.fromEntries(readable), warnings: found.warnings }
}

/** What the headers say; a change makes older surveys stale. */
const SURVEY_VERSION = 1

const surveySchema = z.object({
  /** What each picture becomes. */
  shape: z.object({ rows: z.int().min(1), columns: z.int().min(1), channels: z.int().min(1) }),
  parts: z.record(z.string(), z.object({ count: z.int().min(0), broken: z.array(z.int().min(0)) })),
  warnings: z.array(z.object({ kind: z.string(), message: z.string() })),
})

/** A name that changes with the options and with names, sizes and times of all files. */
function nameOf(parts: StoredParts, { labels: _, ...options }: ReadOptions): string {
  const hash = createHash('sha256')
  for (const [name, { files }] of Object.entries(parts)) {
    hash.update(JSON.stringify([SURVEY_VERSION, name, options, files.length]))
    addFiles(hash, files)
  }
  return hash.digest('hex').slice(0, 40)
}

async function surveyed(
  parts: StoredParts,
  options: ReadOptions,
  onReading: OnReading,
): Promise<z.infer<typeof surveySchema>> {
  const findings = noFindings()
  const total = Object.values(parts).reduce((sum, { count }) => sum + count, 0)
  const onLooked = () => onReading?.('headers', findings.all.count, total)
  const found: [string, { count: number; broken: number[] }][] = []
  for (const [name, part] of Object.entries(parts)) {
    const { count, broken } = await survey(part, findings, options, onLooked)
    found.push([name, { count, broken: [...broken] }])
  }
  const { rows, columns, channels } = commonTarget(findings, options)
  const shape = { rows, columns, channels }
  return { shape, parts: Object.fromEntries(found), warnings: warningsOf(findings, options) }
}

/** Pictures that have something in common: how many, and the first of them. */
interface Tally {
  count: number
  first: string
}

interface Findings {
  size: (Pick<ImageShape, 'rows' | 'columns'> & { readonly place: string }) | undefined
  isColour: boolean
  readonly all: Tally
  readonly broken: Tally
  readonly transparent: Tally
  readonly animated: Tally
}

const noFindings = (): Findings => {
  const tally = (): Tally => ({ count: 0, first: '' })
  return { size: undefined, isColour: false, all: tally(), broken: tally(), transparent: tally(), animated: tally() }
}

function add(tally: Tally, place: string): void {
  if (tally.count === 0) tally.first = place
  tally.count++
}

interface Surveyed {
  readonly count: number
  /** The positions of pictures that cannot be read. */
  readonly broken: ReadonlySet<number>
}

/** Adds what the headers of a part say to `findings`. */
async function survey(
  part: StoredPart,
  findings: Findings,
  options: ReadOptions,
  onLooked: () => void,
): Promise<Surveyed> {
  const broken = new Set<number>()
  let count = 0
  for await (const batch of part.pictures()) {
    const looks = await inParallel(batch, picture => lookAt(picture, options))
    for (const [i, look] of looks.entries()) {
      const { place } = batch[i] as StoredPicture
      add(findings.all, place)
      if ('fault' in look) {
        if (options.skipBroken === 'off')
          throw new Error(`${place}: ${look.fault}; --skip-broken on leaves such images out`)
        add(findings.broken, `${place}: ${look.fault}`)
        broken.add(count)
      } else {
        note(look, place, findings, options)
      }
      count++
    }
    onLooked()
  }
  return { count, broken }
}

async function lookAt({ data }: StoredPicture, options: ReadOptions): Promise<PictureHeader | { fault: string }> {
  try {
    const header = await readHeader(data)
    if (options.skipBroken === 'on') await decodePicture(data, targetOf(header, 3, options))
    return header
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

function note(header: PictureHeader, place: string, findings: Findings, options: ReadOptions): void {
  const { rows, columns } = header
  findings.size ??= { rows, columns, place }
  const { size } = findings
  if (options.resize === null && (size.rows !== rows || size.columns !== columns))
    throw new Error(
      `${place}: ${rows}x${columns} pixels (rows x columns), but ${size.place} has ${size.rows}x${size.columns}; ` +
        'images must have one size: give one with --resize, such as --resize 32',
    )
  findings.isColour ||= header.isColour
  if (header.hasAlpha) add(findings.transparent, place)
  if (header.frames > 1) add(findings.animated, place)
}

/** What a picture of a size becomes. */
function targetOf(size: Pick<ImageShape, 'rows' | 'columns'>, channels: number, options: ReadOptions): PictureTarget {
  const { crop, background, transpose } = options
  const asked = sizeAsked(options)
  const { rows, columns } = asked ?? (transpose === 'on' ? transposedShape(size) : size)
  return { rows, columns, channels, crop, background, transpose, isResized: asked !== undefined }
}

function commonTarget({ size, isColour, all, broken }: Findings, options: ReadOptions): PictureTarget {
  if (size !== undefined) return targetOf(size, channelsAsked(options, isColour ? 3 : 1), options)
  throw new Error(
    all.count === 0 ? 'there are no images' : `none of the ${all.count} images can be read; ${broken.first}`,
  )
}

function decodable(part: StoredPart, target: PictureTarget, { count, broken }: Surveyed): Decodable {
  const { rows, columns, channels } = target
  const { labels, names, files } = part
  const isKept = (_: unknown, position: number) => !broken.has(position)
  return {
    rows,
    columns,
    channels,
    count: count - broken.size,
    ...(labels && { labels: { ...labels, values: labels.values.filter(isKept) } }),
    ...(names && { names: names.filter(isKept) }),
    files,
    isSlow: true,
    isAsAsked: true,
    blocks: () => decodedBlocks(part, target, broken),
  }
}

async function* decodedBlocks(part: StoredPart, target: PictureTarget, broken: ReadonlySet<number>) {
  const atOnce = imagesPerBlock(target)
  let position = 0
  for await (const batch of part.pictures()) {
    const readable = batch.filter(() => !broken.has(position++))
    for (let from = 0; from < readable.length; from += atOnce)
      yield await decodeBlock(readable.slice(from, from + atOnce), target)
  }
}

async function decodeBlock(pictures: readonly StoredPicture[], target: PictureTarget): Promise<Uint8Array> {
  const size = imageSize(target)
  const block = new Uint8Array(pictures.length * size)
  const faults = await inParallel([...pictures.entries()], async ([i, { data }]) => {
    try {
      block.set(await decodePicture(data, target), i * size)
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  })
  const first = faults.findIndex(fault => fault !== undefined)
  if (first < 0) return block
  throw new Error(`${pictures[first]?.place}: ${faults[first]}; --skip-broken on leaves such images out`)
}

function warningsOf({ all, broken, transparent, animated }: Findings, { background }: ReadOptions): Warning[] {
  const of = (tally: Tally) => `${tally.count.toLocaleString('en')} of ${all.count.toLocaleString('en')} images`
  const found: [Tally, Warning][] = [
    [broken, { kind: 'broken-images', message: `${of(broken)} cannot be read and are left out; ${broken.first}` }],
    [
      transparent,
      {
        kind: 'transparent-images',
        message: `${of(transparent)} have transparency, such as ${transparent.first}; they are laid over ${background}: --background chooses black or white`,
      },
    ],
    [
      animated,
      {
        kind: 'animated-images',
        message: `${of(animated)} have several frames or pages, such as ${animated.first}; only the first is read`,
      },
    ],
  ]
  return found.filter(([{ count }]) => count > 0).map(([, warning]) => warning)
}
