/** `elbo encode RUN`: the codes of images as arrays, with labels and names, and their charts. */
import { join } from 'node:path'
import type { Outputs } from '../../compile/step.js'
import { requireFirst, type Split, sourceName, splitNames } from '../../data/dataset.js'
import { type Encoded, encodeImages } from '../../evaluation/codes.js'
import { describeCollapse } from '../../evaluation/collapse.js'
import { type Dimension, dimensionSums } from '../../evaluation/dimensions.js'
import type { ArrayFormat, ArraySpec, Block } from '../../files/array-files/arrays.js'
import { arrayEndings, arrayFormatOf, writeArrays } from '../../files/array-files/write-arrays.js'
import { writeFileAtomic } from '../../files/files.js'
import { streamKey } from '../../random.js'
import { refuseOwnFile } from '../../runs/own-files.js'
import type { TrainedRun } from '../../runs/trained-run.js'
import {
  choice,
  grouped,
  inGroup,
  text,
  UsageError,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../../settings/setting.js'
import { type Context, command, type Result } from '../command.js'
import {
  compileOption,
  dataOption,
  describeChoice,
  evaluatedSplit,
  openRun,
  pictureFolder,
  runImages,
  runOptions,
  splitOf,
} from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { arraysOfCodes, blockOf, type Coded } from './arrays-of-codes.js'
import { type KeptCodes, keptCodes } from './kept-codes.js'
import { describeProbes, MOST_PROBED, probeCodes, requireProbe } from './probe-codes.js'

const options = {
  to: grouped(
    'output',
    text(
      [
        'file to write: .npz, .npy, .csv, .parquet or .safetensors',
        'File to write; its ending says the format. npz, safetensors and parquet hold all arrays, csv all but the image, npy the means alone.',
      ],
      { unset: 'none' },
    ),
  ),
  ...inGroup('data', {
    split: choice(splitNames, 'test', 'split to encode'),
    images: wholeNumberOrOff('the first n images of the split'),
  }),
  data: dataOption,
  samples: grouped('measurement', wholeNumber([1, 1e4], 10, 'draws of z per image, for its ELBO')),
  seed: grouped('run', wholeNumber([0, 2 ** 32], 1, 'seed of the draws of z')),
  compile: compileOption,
  ...runOptions,
}

export const encode = command({
  name: 'encode',
  summary: 'writes the codes of images, with KL, ELBO and labels',
  argument: 'run',
  options,
  switches: {
    plot: { description: 'draw codes by label, and the KL of each dimension', group: 'output' },
    probe: { description: 'measure how well labels can be told from codes', group: 'measurement' },
  },
  finishesOnInterrupt: true,
  examples: [
    'encode first --to codes.npz',
    'encode first --split train --to train.csv',
    'encode first --data path/to/pictures --to codes.safetensors',
    'encode first --plot',
    'encode first --probe',
  ],
  async run({ argument, values, switches }, context) {
    const [plot, isProbed] = [switches.plot === true, switches.probe === true]
    const format = formatOf(values.to, plot || isProbed)
    const { folder, trained } = await openRun(argument, values, context)
    const coded = await codedImages(trained, values, plot, context)
    if (isProbed) requireProbe(coded)
    const about = `${coded.images.count} ${values.split} images of ${sourceName(coded.source)}`
    const opened = { values, context, trained, run: argument }
    const found = await encoded(coded, format, opened)
    const known = isProbed && found.isWhole ? await trainingCodes(coded, opened) : undefined
    if (!found.isWhole || (isProbed && known === undefined)) return interrupted(argument, values.to, context)
    if (found.compile) context.note(describeChoice(found.compile))
    context.print(`${about}: mean is ${coded.codes.meaning}`)
    const use = describeUse(context, found.dimensions, coded.images.count)
    if (values.to !== null) describeFile(context, values.to, found.specs, coded)
    const probes = known && (await probeCodes(known, found.probed))
    for (const line of known && probes ? describeProbes(probes, known, values.split) : []) context.print(line)
    const plots = plot ? await drawCharts(folder, `run ${argument}, ${about}`, found) : []
    for (const path of plots) context.print(`chart: ${path}`)
    const arrays = Object.fromEntries(found.specs.map(({ name, shape }) => [name, shape]))
    const json = { run: argument, split: values.split, data: coded.source, images: coded.images.count }
    return {
      json: { ...json, mean: coded.codes.meaning, path: values.to, arrays, ...use, ...(probes && { probes }), plots },
    }
  },
})

type EncodeValues = Values<typeof options>

/** The format of the file, if one is asked for. Throws a `UsageError` if nothing is asked for, or another format. */
function formatOf(to: string | null, isLookedAt: boolean): ArrayFormat | undefined {
  refuseOwnFile('--to', to)
  if (to === null) {
    if (isLookedAt) return undefined
    throw new UsageError('encode: --to FILE is missing, the file for the codes; or use --plot or --probe')
  }
  const format = arrayFormatOf(to)
  if (format === undefined) throw new UsageError(`--to ${to}: a file that ends in ${arrayEndings} was expected`)
  return format
}

/** The images that the options choose, with the codes of the run's model. Throws a `UsageError` if it has none. */
async function codedImages(trained: TrainedRun, values: EncodeValues, plot: boolean, context: Context) {
  const { learner, method, config } = trained
  const { codes } = learner
  if (codes === undefined)
    throw new UsageError(
      `encode: needs an encoder or an exact posterior, and this run of \`elbo ${method.command}\` has neither`,
    )
  if (plot && !codes.arePoints)
    throw new UsageError(`--plot: the codes of this run are ${codes.meaning}, which lie in no plane; use --to`)
  const data = await runImages(trained, values.data, context.note)
  const images = requireFirst(evaluatedSplit(trained, splitOf(data, values.split)), values.images, '--images')
  const isBinary = method.traits(config).reads !== 'none'
  // A source without parts gives all of its images for training and for testing.
  const isApart = data.train.labels !== data.test.labels
  return { images, codes, isBinary, source: data.source, train: data.train, isApart }
}

interface Run {
  values: EncodeValues
  context: Context
  trained: TrainedRun
  run: string
}

/** Encodes the images once; writes what the format can hold, and keeps what charts and summaries need. */
async function encoded(coded: Coded, format: ArrayFormat | undefined, opened: Run) {
  const { values, trained, run } = opened
  const { codes, images } = coded
  const sums = codes.widths.kl === undefined ? undefined : dimensionSums(codes.widths.kl)
  const kept = keptCodes(coded)
  const probed = keptCodes(coded, MOST_PROBED)
  let result: Encoded = { images: 0, compile: undefined }
  const work = async (write: (block: Block) => void) => {
    result = await encodeAll(coded, opened, (outputs, block) => {
      write(block)
      if (outputs.mean) for (const keeper of [kept, probed]) keeper.add(outputs.mean)
      if (outputs.mean && outputs.kl) sums?.add(outputs.mean, outputs.kl)
    })
    return result.images === images.count
  }
  const specs = format ? arraysOfCodes(coded).filter(spec => format.holds(spec, images.count)) : []
  const { snapshot, seed, to } = values
  const step = String(trained.snapshot.position.step)
  const metadata = { run, snapshot, step, seed: String(seed), mean: codes.meaning }
  const isWhole =
    format && to !== null ? await writeArrays(to, { format, specs, metadata }, work) : await work(() => {})
  return {
    isWhole,
    specs,
    compile: result.compile,
    dimensions: sums?.result() ?? [],
    codes: kept.result(),
    probed: probed.result(),
  }
}

type Found = Awaited<ReturnType<typeof encoded>>

/** The codes of the first training images. Undefined if it was interrupted. */
async function trainingCodes(coded: Coded & { train: Split }, opened: Run): Promise<KeptCodes | undefined> {
  const all = evaluatedSplit(opened.trained, coded.train)
  const images = requireFirst(all, Math.min(MOST_PROBED, all.count), '--images')
  const train = { ...coded, images }
  const kept = keptCodes(train, MOST_PROBED)
  const { images: done } = await encodeAll(train, opened, ({ mean }) => {
    if (mean) kept.add(mean)
  })
  return done === images.count ? kept.result() : undefined
}

/** Hands out the codes of every block, with the rows of all arrays. */
function encodeAll(
  coded: Coded,
  { values, context }: Run,
  onBlock: (outputs: Outputs, block: Block) => void,
): Promise<Encoded> {
  const { images, codes } = coded
  const bar = progressBar('images', context)
  const options = {
    mode: values.compile,
    samples: values.samples,
    key: streamKey(values.seed, 'encode'),
    signal: context.signal,
    onProgress: (done: number) => bar.update(done, images.count, ''),
  }
  return encodeImages(codes, images, options, (outputs, from, count) =>
    onBlock(outputs, blockOf(coded, outputs, from, count)),
  ).finally(() => bar.stop())
}

function interrupted(run: string, to: string | null, { note }: Context): Result {
  note(`interrupted before all images were encoded: ${to === null ? 'no chart is drawn' : `${to} is not written`}`)
  return { json: { run, interrupted: true }, interrupted: true }
}

/** Prints how much the dimensions are used, where each has a KL term; returns the same for the JSON document. */
function describeUse({ print }: Context, dimensions: readonly Dimension[], images: number) {
  if (dimensions.length === 0) return {}
  const kl = dimensions.reduce((sum, one) => sum + one.kl, 0)
  const activeUnits = images < 2 ? null : dimensions.filter(({ isActive }) => isActive).length
  print(`KL ${kl.toFixed(3)} nats/image; active units: ${activeUnits ?? 'unknown'} of ${dimensions.length}`)
  for (const line of describeCollapse(kl, activeUnits)) print(line)
  return { activeUnits, dimensions: dimensions.map(one => ({ dimension: one.dimension, kl: one.kl })) }
}

function describeFile({ print }: Context, path: string, specs: readonly ArraySpec[], coded: Coded): void {
  const listed = specs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`)
  print(`${path}: ${listed.join(', ')}`)
  const left = arraysOfCodes(coded).filter(({ name }) => !specs.some(spec => spec.name === name))
  if (left.length > 0)
    print(`left out, because this format has no place for it: ${left.map(({ name }) => name).join(', ')}`)
}

/** Draws the charts as SVG and PNG into the run; returns their paths. */
async function drawCharts(folder: string, about: string, { codes, dimensions }: Found): Promise<string[]> {
  const [{ codesChart, klChart }, { svgToPng }] = await Promise.all([
    import('./code-charts.js'),
    import('../../plots/svg-to-png.js'),
  ])
  const plots = pictureFolder(folder, 'plots')
  const charts = [
    ['codes', codesChart(about, codes)] as const,
    ...(dimensions.length > 0 ? [['kl', klChart(about, dimensions)] as const] : []),
  ]
  return charts.flatMap(([name, svg]) => {
    const paths = [join(plots, `${name}.svg`), join(plots, `${name}.png`)] as const
    writeFileAtomic(paths[0], svg)
    writeFileAtomic(paths[1], svgToPng(svg))
    return [...paths]
  })
}
