/** Pictures and plots written during training: the ELBO curve, sample and reconstruction grids, TensorBoard's event files. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Backend } from '../backends/backend.js'
import { type Dataset, sourceName } from '../data/dataset.js'
import { alternateImages, firstImages, inMemory } from '../data/images.js'
import { writeFileAtomic } from '../files/files.js'
import { nodeNamespace, type SummaryWriter } from '../libtensorflow/node-backend.js'
import { methodOf } from '../methods/list.js'
import type { RunConfig, Traits } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import type { Pictures } from '../methods/pictures.js'
import { describeReading, imagesAsRead } from '../methods/reading.js'
import type { ChartPoint, LineChartSpec } from '../plots/chart-spec.js'
import { imageGrid } from '../plots/image-grid.js'
import { streamKey } from '../random.js'

const PICTURED = 64

/** Draws of z in the samples of a conditional model, one row each; a column for each class. */
const ROWS_OF_CLASSES = 8

/** Writes the pictures of one run; each file is written completely or not at all. */
export interface TrainingRecords {
  /** Draws plots/elbo.svg and plots/elbo.png. */
  drawCurve(history: EpochMetrics[]): Promise<void>
  /** Draws images/samples-epoch-N.png and images/reconstructions-epoch-N.png; the draws of z are the same each time. */
  drawImages(pictures: Pictures, data: Dataset, epoch: number): Promise<void>
  /** Adds one epoch to tensorboard/. */
  summarize(metrics: EpochMetrics): void
  /** What cannot be written on this backend, and why. */
  missing: string | undefined
}

export function trainingRecords(folder: string, config: RunConfig, backend: Backend): TrainingRecords {
  const traits = methodOf(config).traits(config)
  const canSummarize = backend.tfjsName === 'tensorflow'
  return {
    missing: canSummarize
      ? undefined
      : `no TensorBoard files: only native TensorFlow writes them, and the backend is ${backend.name}`,
    summarize: canSummarize ? summaryWriter(join(folder, 'tensorboard')) : () => {},
    drawCurve: history => drawCurve({ folder, config, traits }, history),
    async drawImages(pictures, data, epoch) {
      const key = streamKey(config.seed, 'pictures')
      const grey = inMemory(firstImages(data.validation.count > 0 ? data.validation : data.train, PICTURED))
      const seen = imagesAsRead(grey, traits.reads, key)
      const write = (name: (typeof imageNames)[number], png: Buffer) =>
        writeFileAtomic(imageFile(folder, name, epoch), png)
      const samples = (await pictures.byClass?.(key, ROWS_OF_CLASSES)) ?? (await pictures.sample(key, PICTURED))
      write('samples', imageGrid(samples, { columns: data.classes?.names.length ?? 8 }))
      const pairs = alternateImages([seen, await pictures.reconstruct(seen)])
      write('reconstructions', imageGrid(pairs, { columns: 16, groupColumns: 2 }))
    },
  }
}

const imageNames = ['samples', 'reconstructions'] as const
const curveFiles = ['elbo.svg', 'elbo.png']

const imageFile = (folder: string, name: (typeof imageNames)[number], epoch: number): string =>
  join(folder, 'images', `${name}-epoch-${String(epoch).padStart(4, '0')}.png`)

/** Whether a killed process left the run in `folder` with plots that lack the last pass. */
export const lacksCurve = (folder: string): boolean =>
  curveFiles.some(name => isOlder(join(folder, 'plots', name), join(folder, 'latest')))

/** Whether it left an epoch without its images. */
export const lacksImages = (folder: string, epoch: number): boolean =>
  imageNames.some(name => !existsSync(imageFile(folder, name, epoch)))

/** Whether it left tensorboard/ without the last pass: every pass is summarized after it is saved. */
export function lacksSummary(folder: string): boolean {
  const names = readdirSync(join(folder, 'tensorboard'))
  return names.every(name => isOlder(join(folder, 'tensorboard', name), join(folder, 'latest')))
}

/** Whether a file is missing, or was written before another one. */
function isOlder(path: string, other: string): boolean {
  const [written, from] = [path, other].map(one => statSync(one, { throwIfNoEntry: false })?.mtimeMs)
  return written === undefined || (from !== undefined && written < from)
}

interface DrawnRun {
  folder: string
  config: RunConfig
  traits: Traits
}

/** Loads the chart libraries only when a chart is drawn. */
async function drawCurve(run: DrawnRun, history: EpochMetrics[]): Promise<void> {
  const [{ lineChart }, { svgToPng }] = await Promise.all([
    import('../plots/line-chart.js'),
    import('../plots/svg-to-png.js'),
  ])
  const draw = (name: string, chart: LineChartSpec) => {
    const svg = lineChart(chart)
    writeFileAtomic(join(run.folder, 'plots', `${name}.svg`), svg)
    writeFileAtomic(join(run.folder, 'plots', `${name}.png`), svgToPng(svg))
  }
  const half = halfStepChart(run, history)
  if (half) draw('half-steps', half)
  draw('elbo', elboChart(run, history)) // the last: once it is there, all are
}

/** The long names of bounds, for titles. */
const titles: Readonly<Record<string, string>> = {
  'log p(x)': 'Log likelihood',
  ELBO: 'Evidence lower bound',
  'ELBO of log p(x|y)': 'Evidence lower bound of log p(x|y)',
}

function elboChart(
  { folder, config, traits: { bound, reads } }: DrawnRun,
  history: readonly EpochMetrics[],
): LineChartSpec {
  const images = history[0]?.validationImages?.toLocaleString('en')
  const read = describeReading(reads)
  const sample = reads === 'none' ? '' : ', fixed binary sample'
  const points = (
    boundOf: (m: EpochMetrics) => [value: number | undefined, error?: number | undefined],
  ): ChartPoint[] =>
    history.flatMap((m): ChartPoint[] => {
      const [value, error] = boundOf(m)
      if (value === undefined) return []
      return [error === undefined ? [m.epoch, value] : [m.epoch, value, error]]
    })
  const weighted = points(m => [m.validationIwae ?? m.trainIwae]).length > 0
  const training = points(m => [weighted ? m.trainIwae : m.trainElbo])
  const validation = points(m =>
    weighted ? [m.validationIwae, m.validationIwaeError] : [m.validationElbo, m.validationElboError],
  )
  return {
    title: `${titles[bound.name] ?? bound.name} of run ${basename(folder)}`,
    subtitle: images
      ? `${sourceName(config.data)}, ${read}. Validation: ${images} images${sample}.`
      : `${sourceName(config.data)}, ${read}. No images held out for validation.`,
    xLabel: 'epoch',
    yLabel: `${bound.name} (nats per image)`,
    series: [
      ...(validation.length > 0 ? [{ name: 'validation', points: validation }] : []),
      ...(training.length > 0 ? [{ name: 'training', points: training, dashed: validation.length > 0 }] : []),
    ],
  }
}

/**
 * The bound after each half step of EM. The E step raises it to log p(x | theta). The M step raises both, log p(x | theta) by more;
 * their difference is KL(q || p(z | x)).
 */
function halfStepChart(
  { folder, config, traits }: DrawnRun,
  history: readonly EpochMetrics[],
): LineChartSpec | undefined {
  const steps = history.filter(m => m.elboAfterE !== undefined && m.elboAfterM !== undefined)
  if (steps.length < 2) return undefined
  const after = (m: EpochMetrics) => [m.elboAfterE, m.elboAfterM] as [number, number]
  const elbo = steps.flatMap((m): ChartPoint[] => {
    const [e, mStep] = after(m)
    return [
      [m.epoch - 0.5, e],
      [m.epoch, mStep],
    ]
  })
  // The E step of the next pass computes log p(x) under the parameters from this pass's M step.
  const logProb = steps.flatMap((m, i): ChartPoint[] => {
    const [e] = after(m)
    const next = steps[i + 1]
    return [[m.epoch - 0.5, e], ...(next ? [[m.epoch, after(next)[0]] as const] : [])]
  })
  return {
    title: `Half steps of run ${basename(folder)}`,
    subtitle: `${sourceName(config.data)}, all training images. ${
      traits.bound.exact
        ? 'At an E step the bound meets log p(x); at an M step both rise, and the gap is KL(q || p(z|x)).'
        : 'At an E step q(z) becomes the best of its family; at an M step the bound rises again.'
    }`,
    xLabel: 'epoch (M step at the end of each)',
    yLabel: 'nats per image',
    series: [
      { name: traits.bound.exact ? 'log p(x)' : 'bound with best q(z)', points: logProb, dashed: true },
      { name: 'ELBO', points: elbo },
    ],
  }
}

/** One event file per process, created with the first summary; tags are those of metrics.jsonl, steps are training steps. */
function summaryWriter(folder: string): (metrics: EpochMetrics) => void {
  let writer: SummaryWriter | undefined
  return metrics => {
    writer ??= nodeNamespace().summaryFileWriter(folder)
    for (const [name, value] of Object.entries(metrics)) {
      if (typeof value === 'number' && name !== 'step') writer.scalar(name, value, metrics.step)
    }
    writer.flush()
  }
}
