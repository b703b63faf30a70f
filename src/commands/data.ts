/** `elbo data SOURCE`: what is read from a source before anything is trained on it. */
import { type Split, type SplitSettings, splitParts } from '../data/dataset.js'
import { digestOf } from '../data/digest.js'
import { describeSize, gatherImages, type ImageShape, imageShape } from '../data/images.js'
import { contactSheet, keepLook, lookAt, type PartSummary } from '../data/look.js'
import type { OnReading } from '../data/progress.js'
import { decodedSets, removeDecoded } from '../data/sources/decoded.js'
import { sizeAsked } from '../data/sources/levels.js'
import { openSource, type Part, type Source } from '../data/sources/open-source.js'
import type { PartName, ReadOptions, Warning } from '../data/sources/reader.js'
import { writeFileAtomic } from '../files/files.js'
import { readSettings, testSetting, validationSetting } from '../methods/run-settings.js'
import { imageGrid } from '../plots/image-grid.js'
import { refuseOwnFile } from '../runs/own-files.js'
import { grouped, text, UsageError, type Values, wholeNumber } from '../settings/setting.js'
import { alignRows } from './aligned-rows.js'
import { type Context, command, type Result } from './command.js'
import { progressBar } from './progress-bar.js'
import { showReading } from './show-reading.js'
import { wrap } from './wrap.js'

const options = {
  validation: validationSetting,
  test: testSetting,
  ...readSettings,
  size: grouped('data', text('another name of --resize', { placeholder: 'value', unset: 'off' })),
  out: grouped('output', text('PNG of up to 64 images', { placeholder: 'path', unset: 'none' })),
  seed: grouped('output', wholeNumber([0, 2 ** 32], 1, 'seed of the choice of these images')),
}

export const data = command({
  name: 'data',
  summary: 'shows what is read from a source of images',
  argument: 'source',
  isOptional: true,
  argumentDescription: "'mnist', a file, a folder, a pattern of paths, or TRAIN,TEST",
  options,
  switches: { clean: { description: 'remove all decoded images from the cache', group: 'data' } },
  examples: [
    'data mnist',
    'data path/to/pictures --size 32 --out sheet.png',
    'data train.npz --json',
    'data path/to/chardata.mat --key data',
    'data --clean',
  ],
  async run({ argument, values, switches }, context) {
    if (switches.clean) return clean(context)
    if (argument === '') return listDecoded(context)
    refuseOwnFile('--out', values.out)
    return show(argument, values, context)
  },
})

function clean({ print }: Context): Result {
  const removed = removeDecoded()
  print(
    `removed ${removed.sets} decoded sets, ${megabytes(removed.bytes)} MB; they are decoded again when they are needed`,
  )
  return { json: removed }
}

function listDecoded({ print, columns }: Context): Result {
  const sets = decodedSets()
  const rows = sets.map(({ source, bytes, lastUsed }) => [
    source,
    megabytes(bytes),
    lastUsed.toISOString().slice(0, 10),
  ])
  if (sets.length === 0) print('no decoded images in the cache; name a source to see what is read from it')
  else for (const line of alignRows([['decoded images of', 'MB', 'last used'], ...rows], columns)) print(line)
  return { json: sets }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

type DataValues = Values<typeof options>

async function show(source: string, values: DataValues, context: Context): Promise<Result> {
  const { size, out, seed, validation, test, ...read } = values
  if (size !== null && read.resize !== null && size !== read.resize)
    throw new UsageError(`--size ${size}: --resize says ${read.resize}; give one of the two`)
  if (size !== null) sizeAsked({ resize: size }, '--size')
  const readOptions: ReadOptions = { ...read, resize: size ?? read.resize }
  const bar = progressBar('images', context)
  const found = await readAll(
    source,
    readOptions,
    { validation, test, isDrawn: out !== null },
    showReading(bar),
  ).finally(() => bar.stop())
  const { opened, first, training, look, splits } = found
  const warnings = [...opened.warnings, ...look.warnings]
  print(context, { format: opened.format, shape: imageShape(first), looks: look.parts, training, warnings })
  if (out !== null) {
    const shown = gatherImages(first, contactSheet(first, seed))
    writeFileAtomic(out, imageGrid(shown, { columns: Math.min(8, shown.count), scale: scaleOf(shown) }))
    context.print(`contact sheet of ${shown.count} images: ${out}`)
  }
  const json = {
    ...{ source, format: opened.format, ...imageShape(first) },
    ...{ splits: Object.fromEntries(splits), ...(training && { training }), warnings },
  }
  return { json: { ...json, ...(out !== null && { out }) } }
}

/** Opens a source and reads all of its images. Throws a `UsageError` if a contact sheet is to be drawn of images that are neither grey nor in colour. */
async function readAll(
  source: string,
  options: ReadOptions,
  { isDrawn, ...settings }: SplitSettings & { isDrawn: boolean },
  onReading: OnReading,
) {
  const opened = await openSource(source, options, onReading)
  const parts = splitsOf(opened.parts)
  const [, first] = parts[0] as [PartName, Part]
  if (isDrawn) requireShown(first)
  const training = trainingCounts(opened, source, settings)
  const look = await lookAt(Object.fromEntries(parts), onReading)
  await keepLook(Object.fromEntries(parts), look, () => digestOf(Object.values(opened.parts), onReading))
  const splits: [PartName, Awaited<ReturnType<typeof splitJson>>][] = []
  for (const [name, part] of parts)
    splits.push([name, await splitJson(part, look.parts[name] as PartSummary, onReading)])
  return { opened, first, training, look, splits }
}

type Counts = Record<Split['name'], number>

/** How many images a training would have in each split; undefined if there are too few for one. */
function trainingCounts(opened: Source, source: string, settings: SplitSettings): Counts | undefined {
  try {
    const { train, validation, test } = splitParts(opened, source, settings)
    return { train: train.count, validation: validation.count, test: test.count }
  } catch (error) {
    if (error instanceof UsageError) throw error
    return undefined
  }
}

function requireShown({ channels }: ImageShape): void {
  if (channels !== 1 && channels !== 3)
    throw new UsageError(`--out: a contact sheet is grey or in colour, but the images have ${channels} channels`)
}

/** Sides of small images are at least as long on a contact sheet, in pixels. */
const SHORTEST_SIDE = 56

const scaleOf = ({ rows }: ImageShape): number => Math.max(1, Math.ceil(SHORTEST_SIDE / rows))

/** The parts; a source without parts of its own has its images for training. */
function splitsOf(parts: Partial<Record<PartName, Part>>): [PartName, Part][] {
  const names = { all: 'train', train: 'train', validation: 'validation', test: 'test' } as const
  const order: readonly PartName[] = ['train', 'validation', 'test']
  return (Object.entries(parts) as [PartName, Part][])
    .map(([name, part]): [PartName, Part] => [names[name], part])
    .sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
}

/** Levels of one bin of the printed histogram. */
const BIN = 16

async function splitJson(part: Part, { histogram, mean, constant, classes }: PartSummary, onReading: OnReading) {
  const labels = classes && Object.fromEntries(classes.map(({ name, count }) => [name, count]))
  const levels = [...histogram]
  return {
    count: part.count,
    sha256: await digestOf([part], onReading),
    ...(labels && { labels }),
    meanLevel: mean,
    constantImages: constant,
    histogram: levels,
  }
}

interface Printed {
  format: string
  shape: ImageShape
  looks: Partial<Record<PartName, PartSummary>>
  training: Counts | undefined
  warnings: readonly Warning[]
}

function print(context: Context, { format, shape, looks, training, warnings }: Printed): void {
  context.print(`${format}: images of ${describeSize(shape)}`)
  const entries = Object.entries(looks)
  const rows = entries.map(([name, { count, mean, classes }]) => [
    name,
    count.toLocaleString('en'),
    mean.toFixed(1),
    classes ? String(classes.filter(one => one.count > 0).length) : 'none',
  ])
  for (const line of alignRows([['part', 'images', 'mean level', 'classes'], ...rows], context.columns))
    context.print(line)
  if (training) {
    const { train, validation, test } = training
    printWrapped(context, `a training has ${train} training, ${validation} validation and ${test} test images of them`)
  }
  const [first] = entries
  if (first) context.print(`levels 0 to 255 of ${first[0]}, in bins of ${BIN}: ${sparkline(first[1].histogram)}`)
  for (const [name, { classes }] of entries) if (classes) printWrapped(context, `${name}: ${classesShown(classes)}`)
  for (const { message } of warnings) printWrapped(context, `warning: ${message}`)
}

function printWrapped({ print, columns }: Context, text: string): void {
  for (const line of wrap(text, columns, 2)) print(line)
}

const MOST_CLASSES_SHOWN = 20

/** The first classes with their numbers of images; the document has all of them. */
function classesShown(classes: NonNullable<PartSummary['classes']>): string {
  const shown = classes.slice(0, MOST_CLASSES_SHOWN).map(({ name, count }) => `${name} ${count}`)
  const more = classes.length - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more classes` : ''}`
}

/** Bars of the shares of all values. */
function sparkline(histogram: ArrayLike<number>): string {
  const bins = Array.from({ length: 256 / BIN }, (_, bin) =>
    Array.from({ length: BIN }, (_, i) => histogram[bin * BIN + i] as number).reduce((sum, values) => sum + values, 0),
  )
  const most = Math.max(...bins)
  const bars = [...'▁▂▃▄▅▆▇█']
  return bins.map(share => (share === 0 ? '·' : bars[Math.ceil((8 * share) / most) - 1])).join('')
}
