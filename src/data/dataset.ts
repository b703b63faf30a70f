/** Data sets: the training, validation and test images of a source. */
import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { interruptedWhile, unlessAborted } from '../interruption.js'
import { permutation, streamKey } from '../random.js'
import { UsageError } from '../settings/setting.js'
import { type Classes, withClasses } from './classes.js'
import { digestOf } from './digest.js'
import { gatherBy, gatherImages, type ImageSet, type ImageShape, imageRange, imageShape, imageSize } from './images.js'
import { warningsAtOnce } from './look.js'
import type { OnReading } from './progress.js'
import { isPictures, openSource, type Part, type Source } from './sources/open-source.js'
import type { Labels, ReadOptions, Warning } from './sources/reader.js'

/** Training, validation and test images of one shape. The test images are never used for model selection. */
export interface Dataset extends ImageShape {
  /** The value of `--data`. */
  source: string
  train: Split
  validation: Split
  test: Split
  /** SHA-256 of the levels of all parts of the source. Resuming and evaluating a run require the same data. */
  sha256: string
  /** Present if a conditional model is to read the labels; each image then has its class. */
  classes?: Classes
  warnings: readonly Warning[]
}

export const splitNames = ['train', 'validation', 'test'] as const

export type Split = ImageSet & {
  readonly name: (typeof splitNames)[number]
  readonly labels?: Labels
  /** The file name of each image, where images are files. */
  readonly names?: readonly string[]
}

/** How many images are held out, of a source without such images of its own: the last sixth, none, or another share in (0, 1). */
export type HeldOut = 'last-sixth' | 'none' | number

/** How a source is split where it has no parts of its own. */
export interface SplitSettings {
  /** Of its training images, for validation. */
  validation?: HeldOut
  /** Of all images, for tests. */
  test?: Exclude<HeldOut, 'none'>
}

/** Images are read as they are. */
export const asTheyAre: ReadOptions = {
  resize: null,
  crop: 'none',
  background: 'black',
  channels: 'as-is',
  transpose: 'off',
  key: null,
  rawShape: null,
  skipBroken: 'off',
  levels: '0-255',
  labels: null,
}

/** The last 1/6 of the training images are used for validation: 10,000 of MNIST's 60,000 images. */
const SHARE = 6

/**
 * Loads what `source` names, as `openSource`, and splits it. Images other than IDX files are put into a fixed random order first, because
 * folders and arrays are often sorted by class. A source without test images gives its last sixth for them; one without validation images
 * the last sixth of its training images, or none. Throws an `Error` of one line for images that are missing, damaged, of different shapes
 * or too few.
 *
 * @example
 * const { rows, columns, train, test } = await loadDataset('mnist')
 * console.log(rows, columns, train.count, test.count) // 28 28 50000 10000
 */
export async function loadDataset(
  source: string,
  validation: HeldOut = 'last-sixth',
  { onReading, test, ...options }: Partial<ReadOptions> & Pick<SplitSettings, 'test'> & { onReading?: OnReading } = {},
): Promise<Dataset> {
  const opened = await openSource(source, { ...asTheyAre, ...options }, onReading)
  return splitSource(opened, source, { validation, ...(test !== undefined && { test }) }, onReading)
}

async function splitSource(
  opened: Source,
  source: string,
  settings: SplitSettings,
  onReading?: OnReading,
): Promise<Dataset> {
  const parts = splitParts(opened, source, settings)
  const { train, test } = parts
  requireColours(train, source)
  const split = (name: Split['name'], part: Part): Split => ({ name, ...part })
  const splits = {
    train: split('train', parts.train),
    validation: split('validation', parts.validation),
    test: split('test', test),
  }
  return {
    source,
    ...imageShape(train),
    ...splits,
    sha256: await digestOf(Object.values(opened.parts), onReading),
    warnings: [...opened.warnings, ...warningsAtOnce(splits)],
  }
}

/** Other images cannot be drawn. */
function requireColours({ channels }: ImageShape, source: string): void {
  if (channels === 1 || channels === 3) return
  const fix = channels === 4 ? '; --channels colour or --channels grey blends the fourth with --background' : ''
  throw new Error(`${source}: images of ${channels} channels; grey or colour, 1 or 3 channels, was expected${fix}`)
}

/**
 * The images of a source for a model that is trained already. One without parts of its own, even a single picture, is not split: all its
 * images are training and test images, and none are for validation. Other sources are split as by `loadDataset`.
 */
export async function loadForUse(
  source: string,
  { validation = 'last-sixth', test = 'last-sixth' }: SplitSettings = {},
  options: Partial<ReadOptions> = {},
): Promise<Dataset> {
  const reading = { ...asTheyAre, ...options }
  const levels = isPictures(source, reading) ? '0-255' : reading.levels // those of a run's own arrays
  const opened = await openSource(source, { ...reading, levels })
  const { parts, warnings } = opened
  const { all } = parts
  const own = { validation: parts.validation && typeof validation === 'number' ? 'last-sixth' : validation } as const
  if (all === undefined) return splitSource(opened, source, { ...own, test: parts.test ? 'last-sixth' : test })
  const none = range(all, 0, 0)
  return {
    source,
    ...imageShape(all),
    train: { ...all, name: 'train' },
    validation: { ...none, name: 'validation' },
    test: { ...all, name: 'test' },
    sha256: await digestOf([all]),
    warnings,
  }
}

/**
 * The parts that a source has, and what is held out for those that it lacks. Throws an Error for images that are too few, and a `UsageError` for
 * a share of what the source has itself.
 */
export function splitParts(
  { parts, format }: Source,
  source: string,
  { validation = 'last-sixth', test = 'last-sixth' }: SplitSettings,
): Record<Split['name'], Part> {
  const ordered = (part: Part, name: string) => (format === 'IDX files' ? part : inFixedOrder(part, name))
  const whole = parts.train ?? parts.all
  if (whole === undefined) throw new Error(`${source}: has no training images, only ${Object.keys(parts).join(', ')}`)
  if (parts.test) requireNoShare('test', test, parts.test, source)
  if (parts.validation) requireNoShare('validation', validation, parts.validation, source)
  const train = ordered(whole, 'train')
  const first = parts.test ? { kept: train, held: parts.test } : heldOut(train, { test }, source)
  if (parts.validation && validation === 'last-sixth')
    return { train: first.kept, validation: parts.validation, test: first.held }
  const second = heldOut(first.kept, { validation }, source)
  return { train: second.kept, validation: second.held, test: first.held }
}

function requireNoShare(name: string, share: HeldOut, { count }: Part, source: string): void {
  if (typeof share !== 'number') return
  throw new UsageError(`--${name} ${share}: ${source} has ${count} ${name} images of its own; leave the share out`)
}

const tooFew = {
  test: `images are too few to split; at least ${SHARE} are needed`,
  validation: `images are too few for a validation split; at least ${SHARE} are needed, or --validation none`,
} as const

/** Holds out the last images of a part; the only setting that is given says how many, and for what. */
function heldOut(part: Part, settings: SplitSettings, source: string): { kept: Part; held: Part } {
  const [[name, share]] = Object.entries(settings) as [[string, HeldOut]]
  const { count } = part
  const held = share === 'none' ? 0 : share === 'last-sixth' ? Math.floor(count / SHARE) : Math.round(count * share)
  if (typeof share === 'number' && (held === 0 || held === count))
    throw new UsageError(`--${name} ${share}: ${held} of ${count} images; at least one must be held out, and one left`)
  if (held === 0 && share !== 'none')
    throw new Error(`${source}: ${count} ${tooFew[name === 'test' ? 'test' : 'validation']}`)
  return { kept: range(part, 0, count - held), held: range(part, count - held, count) }
}

/** Images `from` … `to - 1` of a part, with their labels and names. */
function range<P extends Part>(part: P, from: number, to: number): P {
  const { labels, names } = part
  return {
    ...imageRange(part, from, to),
    ...(labels && { labels: { ...labels, values: labels.values.subarray(from, to) } }),
    ...(names && { names: names.slice(from, to) }),
  }
}

/** The images in an order that depends on their number alone. */
function inFixedOrder(part: Part, name: string): Part {
  const order = permutation(streamKey(0, `order of ${name}`), part.count)
  const { labels, names } = part
  const moved = {
    ...(labels && { labels: { ...labels, values: Int32Array.from(order, i => labels.values[i] as number) } }),
    ...(names && { names: Array.from(order, i => names[i] as string) }),
  }
  if ('pixels' in part) return { ...gatherImages(part, order), ...moved }
  const size = imageSize(part)
  const read = (from: number, to: number) => {
    const levels = new Uint8Array((to - from) * size)
    for (let i = from; i < to; i++)
      levels.set(part.read(order[i] as number, (order[i] as number) + 1), (i - from) * size)
    return levels
  }
  return { ...part, read, ...gatherBy(part, position => order[position] as number), ...moved }
}

/** The settings of a run that select its images. */
export interface DataSettings extends ImageCounts, SplitSettings, Partial<ReadOptions> {
  data: string
  /** Whether the model reads the labels. */
  condition?: 'none' | 'label'
}

interface ImageCounts {
  trainImages: number | null
  validationImages: number | null
}

/** The options of `settings` that say how its images are read. */
export const readOptionsOf = (settings: Partial<ReadOptions>): ReadOptions =>
  Object.fromEntries(
    Object.entries(asTheyAre).map(([name, usual]) => [name, settings[name as keyof ReadOptions] ?? usual]),
  ) as unknown as ReadOptions

/** All of `settings` that decides what `loadRunDataset` gives; runs that agree in it have the same images. */
export function selectionOf(settings: DataSettings): DataSettings {
  const { data, validation, test, trainImages, validationImages, condition } = settings
  return {
    ...readOptionsOf(settings),
    ...{ data, trainImages, validationImages },
    ...(validation !== undefined && { validation }),
    ...(test !== undefined && { test }),
    ...(condition !== undefined && { condition }),
  }
}

/**
 * Loads the images of a run. Throws a `UsageError` if there are fewer than its settings ask for, or if its model needs labels that they lack, and
 * an `AbortError` as soon as `signal` is aborted: what is decoded or hashed then is begun again at the next start.
 */
export async function loadRunDataset(
  settings: DataSettings,
  { onReading, signal }: { onReading?: OnReading; signal?: AbortSignal | undefined } = {},
): Promise<Dataset> {
  const { test } = settings
  const options = { ...readOptionsOf(settings), onReading, ...(test !== undefined && { test }) }
  const loaded = await unlessAborted(loadDataset(settings.data, settings.validation, options), signal)
  if (loaded === undefined) throw interruptedWhile(`the images of ${settings.data} were read`)
  const data = withFirstImages(loaded, settings)
  return settings.condition === 'label' ? withClasses(data) : data
}

/** Keeps only the first training and validation images; null keeps all. All test images are kept. */
export function withFirstImages(data: Dataset, { trainImages, validationImages }: ImageCounts): Dataset {
  return {
    ...data,
    train: requireFirst(data.train, trainImages, '--train-images'),
    validation: requireFirst(data.validation, validationImages, '--validation-images'),
  }
}

/** The first `count` images of a split, or all if null. Throws a `UsageError` that names `flag` if there are fewer. */
export function requireFirst(split: Split, count: number | null, flag: string): Split {
  if (count === null) return split
  if (count > split.count)
    throw new UsageError(
      `${flag} ${count}: there are only ${split.count} ${split.name === 'train' ? 'training' : split.name} images`,
    )
  return range(split, 0, count)
}

/** The last part of each path in `source`, for captions. */
export const sourceName = (source: string): string =>
  source
    .split(',')
    .map(path => basename(path))
    .join(', ')

/** The settings that name files, with absolute paths, so that a run finds its images and labels from any folder. */
export function withAbsolutePaths({ data, labels }: Pick<DataSettings, 'data' | 'labels'>) {
  return { data: absoluteSource(data), ...(labels != null && { labels: resolve(labels) }) }
}

/** What does not exist stays as it is. */
function absoluteSource(source: string): string {
  if (source === 'mnist') return source
  if (existsSync(source)) return resolve(source)
  const files = source.split(',')
  return files.every(file => existsSync(file)) ? files.map(file => resolve(file)).join(',') : source
}
