/** The terminal output of a training: a progress bar, a line after each epoch, and lines at the end. */
import { basename } from 'node:path'
import { describeSize } from '../../data/images.js'
import type { Method, RunConfig } from '../../methods/method.js'
import type { EpochMetrics, Validated } from '../../methods/metrics.js'
import { describeReading } from '../../methods/reading.js'
import { lacksCurve, lacksImages, lacksSummary, type TrainingRecords } from '../../runs/records.js'
import type { Position } from '../../runs/snapshot.js'
import type { TrainingObserver, TrainingProgress, TrainingResult } from '../../runs/training.js'
import type { Context } from '../command.js'
import { describeError } from '../estimates.js'
import { describeChoice } from '../opened-run.js'
import type { ProgressBar } from '../progress-bar.js'
import { checkpointsOption } from '../shell-quote.js'
import { showReading } from '../show-reading.js'
import { describeUse, type LatentUse, warnOfUse } from './latent-use.js'

/** A run with its name in the checkpoints folder. */
export interface NamedRun {
  name: string
  folder: string
  config: RunConfig
  method: Method
  resume: boolean
}

/** An observer that prints the progress of a training and draws its pictures. */
export function newObserver(
  { name, folder, config, method }: NamedRun,
  bar: ProgressBar,
  records: TrainingRecords,
  { note, print, columns }: Context,
): Omit<TrainingObserver, 'ended'> {
  const { reads, bound } = method.traits(config)
  const isDrawn = (epoch: number) => epoch % config.imagesEvery === 0 || epoch === 1 || epoch === config.epochs
  return {
    reading: showReading(bar),
    started(position, data) {
      bar.stop()
      const { epoch } = position
      if (epoch >= config.epochs)
        note(`run ${name} has finished all its ${epoch} epochs; continue with a larger --epochs`)
      note(
        `run ${name}: ${data.train.count} training and ${data.validation.count || 'no'} validation images of ` +
          `${describeSize(data)}, ${describeReading(reads)}, ${config.epochs} ${config.epochs === 1 ? 'epoch' : 'epochs'}${describeStart(position, config)}`,
      )
      for (const { message } of data.warnings) note(`warning: ${message}`)
      for (const caution of method.cautions?.(config) ?? []) note(caution)
    },
    compiled: choice => note(describeChoice(choice)),
    progress: progress => bar.update(progress.step, progress.steps, describeProgress(progress)),
    epoch(metrics, isBest) {
      bar.stop()
      const parts = describeEpoch(metrics, { ...config, bound: bound.name }, isBest)
      for (const line of joinParts(parts, columns)) print(line)
    },
    async resumed(pictures, history, data) {
      const metrics = history.at(-1) as EpochMetrics
      const { epoch } = metrics
      if (lacksSummary(folder)) records.summarize(metrics)
      if (!isDrawn(epoch)) return
      if (lacksImages(folder, epoch)) await records.drawImages(pictures, data, epoch)
      if (lacksCurve(folder)) await records.drawCurve(history)
    },
    async saved(pictures, history, data) {
      const metrics = history.at(-1) as EpochMetrics
      records.summarize(metrics)
      if (!isDrawn(metrics.epoch)) return
      await records.drawImages(pictures, data, metrics.epoch)
      await records.drawCurve(history)
    },
  }
}

/** Prints how a training ended; `command` is the one that continues it. */
export function conclude(
  { ended, position, history }: TrainingResult,
  { folder, config, method, use }: NamedRun & { use: LatentUse | undefined },
  command: string,
  { note, print, checkpoints }: Context,
): void {
  const elsewhere = checkpointsOption(checkpoints)
  if (ended === 'interrupted') {
    note(
      `interrupted: saved after epoch ${position.epoch}, step ${position.stepInEpoch} of the next; continue with: elbo ${command}${elsewhere}`,
    )
    return
  }
  const end = method.describeEnd(config, { ended, bestEpoch: position.best?.epoch ?? 0, history })
  if (end) note(end)
  for (const line of use ? warnOfUse(use, history.at(-1)?.kl) : []) note(line)
  const best = history.find(({ epoch }) => epoch === position.best?.epoch)
  if (best?.validationElbo !== undefined) {
    const { bound } = method.traits(config)
    print(
      `best: epoch ${best.epoch}, ${describeValidation(best as Validated, bound.name)} ` +
        `nats/image (${best.validationImages} images; ± one standard error)`,
    )
  }
  if (use) print(describeUse(use))
  print(
    `saved in ${folder}; see plots/elbo.png and images/; measure with: elbo evaluate ${basename(folder)}${elsewhere}`,
  )
}

function describeStart({ epoch, stepInEpoch }: Position, { initFrom }: RunConfig): string {
  if (epoch + stepInEpoch > 0) return `, resumed after epoch ${epoch}, step ${stepInEpoch} of the next`
  return initFrom ? `, starting from the weights of ${initFrom}` : ''
}

/** The text after the progress bar, the most important part first. */
function describeProgress({ epoch, epochs, elbo, imagesPerSecond, remainingSeconds }: TrainingProgress): string {
  return [
    `epoch ${epoch}/${epochs}`,
    `ETA ${duration(remainingSeconds)}`,
    ...(Number.isNaN(elbo) ? [] : [`ELBO ${elbo.toFixed(1)} nats/image`]),
    `${Math.round(imagesPerSecond)} images/s`,
  ].join(' | ')
}

/** The parts in one line, or in several if they do not fit into the terminal. A part in parentheses belongs to the one before it. */
function joinParts([first = '', ...parts]: readonly string[], columns: number): string[] {
  const lines = [first]
  for (const part of parts) {
    const joined = `${lines.at(-1)}${part.startsWith('(') ? ' ' : '  '}${part}`
    if (joined.length <= columns) lines[lines.length - 1] = joined
    else lines.push(`${' '.repeat(first.length)}  ${part}`)
  }
  return lines
}

/** The parts of the line after an epoch; `bound` is the name of the validation bound. */
function describeEpoch(
  m: EpochMetrics,
  { epochs, bound }: { epochs: number; bound: string },
  isBest: boolean,
): string[] {
  const parts =
    m.reconstruction === undefined || m.kl === undefined
      ? []
      : [`(reconstruction ${m.reconstruction.toFixed(2)}, KL ${m.kl.toFixed(2)})`]
  return [
    `epoch ${String(m.epoch).padStart(String(epochs).length)}/${epochs}`,
    ...(m.validationElbo === undefined ? [] : [describeValidation(m as Validated, bound), ...parts]),
    ...(m.trainElbo === undefined ? [] : [`train ${(m.trainIwae ?? m.trainElbo).toFixed(2)} nats/image`]),
    ...(m.acceptance === undefined ? [] : [`acceptance ${m.acceptance.toFixed(2)}`]),
    `${Math.round(m.imagesPerSecond)} images/s`,
    ...(isBest && m.validationElbo !== undefined ? ['best'] : []),
  ]
}

function describeValidation(m: Validated, bound: string): string {
  const [value, error] = [m.validationIwae ?? m.validationElbo, m.validationIwaeError ?? m.validationElboError]
  return `validation ${bound} ${value.toFixed(2)} ± ${describeError(error, 2)}`
}

function duration(seconds: number): string {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)]
  return minutes >= 60
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${minutes}:${String(rest === 60 ? 59 : rest).padStart(2, '0')}`
}
