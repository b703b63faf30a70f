/** What a training leaves for the eye: the ELBO curve, sample and reconstruction grids, TensorBoard's event files. */
import { basename, join } from 'node:path'
import type { Backend } from './backends/backend.js'
import { writeFileAtomic } from './checkpoints/files.js'
import { binarizeOnce, type Dataset } from './data/dataset.js'
import { nodeNamespace } from './libtensorflow/node-backend.js'
import type { Pictures } from './pictures.js'
import { imageGrid } from './plots/image-grid.js'
import { streamKey } from './random.js'
import { binarizes, type RunConfig } from './session.js'
import type { EpochMetrics } from './train.js'

const PICTURED = 64

/** Pictures of one run; files are written whole or not at all. */
export interface TrainingRecords {
  /** Draws plots/elbo.svg and plots/elbo.png. */
  drawCurve(history: EpochMetrics[]): Promise<void>
  /** Draws images/samples-epoch-N.png and images/reconstructions-epoch-N.png; the latent draws are the same each time. */
  drawImages(pictures: Pictures, data: Dataset, epoch: number): Promise<void>
  /** Adds one epoch to tensorboard/. */
  summarize(metrics: EpochMetrics): void
  /** What cannot be recorded on this backend, and why. */
  missing: string | undefined
}

export function trainingRecords(folder: string, config: RunConfig, backend: Backend): TrainingRecords {
  const canSummarize = backend.tfjsName === 'tensorflow'
  return {
    missing: canSummarize
      ? undefined
      : `no TensorBoard files: TensorFlow writes them, and the backend is ${backend.name}`,
    summarize: canSummarize ? summaryWriter(join(folder, 'tensorboard')) : () => {},
    drawCurve: history => drawCurve(folder, config, history),
    async drawImages(pictures, data, epoch) {
      const size = data.rows * data.columns
      const key = streamKey(config.seed, 'pictures')
      const seen = { ...data.validation, count: PICTURED, pixels: data.validation.pixels.subarray(0, PICTURED * size) }
      const shown = (binarizes(config) ? binarizeOnce(seen, config.binarize, key) : seen).pixels
      const grid = (pixels: Uint8Array, columns: number, groupColumns: number) =>
        imageGrid(pixels, {
          count: pixels.length / size,
          height: data.rows,
          width: data.columns,
          columns,
          groupColumns,
        })
      const write = (name: string, png: Buffer) =>
        writeFileAtomic(join(folder, 'images', `${name}-epoch-${String(epoch).padStart(4, '0')}.png`), png)
      write('samples', grid((await pictures.sample(key, PICTURED)).pixels, 8, 1))
      write('reconstructions', grid(alternate([shown, (await pictures.reconstruct(shown)).pixels], size), 16, 2))
    },
  }
}

/** Image i of each source in turn, then image i + 1: [count * sources, size]. */
export function alternate(sources: readonly Uint8Array[], size: number): Uint8Array {
  const count = (sources[0]?.length ?? 0) / size
  const mixed = new Uint8Array(sources.length * count * size)
  for (let i = 0; i < count; i++) {
    sources.forEach((source, s) => {
      mixed.set(source.subarray(i * size, (i + 1) * size), (i * sources.length + s) * size)
    })
  }
  return mixed
}

/** The chart library is loaded when the first chart is due. */
async function drawCurve(folder: string, config: RunConfig, history: EpochMetrics[]): Promise<void> {
  const [{ lineChart }, { svgToPng }] = await Promise.all([
    import('./plots/line-chart.js'),
    import('./plots/svg-to-png.js'),
  ])
  const images = history[0]?.validationImages ?? 0
  const svg = lineChart({
    title: `Evidence lower bound of run ${basename(folder)}`,
    subtitle: `${config.data}, ${config.binarize} binarization. Validation: ${images.toLocaleString('en')} images, fixed binary sample.`,
    xLabel: 'epoch',
    yLabel: 'ELBO (nats per image)',
    series: [
      { name: 'validation', points: history.map(m => [m.epoch, m.validationElbo, m.validationElboError]) },
      { name: 'training', points: history.map(m => [m.epoch, m.trainElbo]), dashed: true },
    ],
  })
  writeFileAtomic(join(folder, 'plots', 'elbo.svg'), svg)
  writeFileAtomic(join(folder, 'plots', 'elbo.png'), svgToPng(svg))
}

/** One event file per process, made with the first summary; tags are those of metrics.jsonl, steps are training steps. */
function summaryWriter(folder: string): (metrics: EpochMetrics) => void {
  let writer: ReturnType<ReturnType<typeof nodeNamespace>['summaryFileWriter']> | undefined
  return metrics => {
    writer ??= nodeNamespace().summaryFileWriter(folder)
    for (const [name, value] of Object.entries(metrics)) {
      if (typeof value === 'number' && name !== 'step') writer.scalar(name, value, metrics.step)
    }
    writer.flush()
  }
}
