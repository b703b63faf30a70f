/** What `train` and `em` share: claim a run directory, train with a bar, say how it went. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { explain, isLeftover } from '../../files/files.js'
import { binarizes, boundName, isEm, type RunConfig, readRunConfig, writeRunConfig } from '../../methods/session.js'
import { hasHistory, listRuns, runFolder } from '../../runs/directory.js'
import { trainingRecords } from '../../runs/records.js'
import type { Position } from '../../runs/snapshot.js'
import {
  type EpochMetrics,
  lastGain,
  type TrainingResult,
  train as trainRun,
  type Validated,
} from '../../runs/train.js'
import { UsageError } from '../../settings/setting.js'
import type { Context, Result } from '../command.js'
import { describeChoice, openAndSay, withThreads } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'

/** What is to be trained: where, and with which settings. */
export interface Request {
  /** Null: the first free of PREFIX-1, PREFIX-2, … */
  run: string | null
  prefix: string
  resume: boolean
  /** The settings of a new run. */
  fresh(): RunConfig
  /** The settings with which a run goes on that began with `saved`. */
  resumed(saved: RunConfig): RunConfig
  /** The command that goes on after an interruption, if it is not the one of the run's own model. */
  goOnWith?: string
}

/** Trains a new run, or goes on with one. */
export async function trainRequested(
  { run, prefix, resume, fresh, resumed, goOnWith }: Request,
  context: Context,
): Promise<Result> {
  const name = run ?? (resume ? undefined : unusedName(context.checkpoints, prefix))
  if (name === undefined) throw new UsageError(`--resume: name the run with --run ${knownRuns(context.checkpoints)}`)
  const folder = runFolder(context.checkpoints, name)
  if (!resume) requireEmpty(folder)
  const saved = resume ? readRunConfig(folder) : undefined
  const config = withThreads(saved ? resumed(saved) : fresh())
  if (saved) noteThreads(saved, config, context)
  const made = !resume && claim(folder, config)
  try {
    const own = `${isEm(config) ? `em ${config.model}` : 'train'} --run ${name} --resume`
    return await trainNamed(name, folder, config, { resume, goOnWith: goOnWith ?? own }, context)
  } catch (error) {
    // A run that never began leaves nothing behind.
    if (made && !hasHistory(folder)) rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

async function trainNamed(
  name: string,
  folder: string,
  config: RunConfig,
  { resume, goOnWith }: Required<Pick<Request, 'resume' | 'goOnWith'>>,
  context: Context,
): Promise<Result> {
  const backend = await openAndSay(config.backend, config.threads, context)
  const bar = progressBar('steps', context)
  const records = trainingRecords(folder, config, backend)
  if (records.missing) context.note(records.missing)
  const result = await trainRun({
    folder,
    config,
    resume,
    backend,
    signal: context.signal,
    observer: {
      started(position, data) {
        const { epoch } = position
        if (epoch >= config.epochs) context.note(`run ${name} has all its ${epoch} epochs; a larger --epochs goes on`)
        context.note(
          `run ${name}: ${data.train.count} training and ${data.validation.count || 'no'} validation images of ` +
            `${data.rows}x${data.columns}, ${binarizes(config) ? `${config.binarize} binarization` : 'grey'}, ${config.epochs} ${config.epochs === 1 ? 'epoch' : 'epochs'}${describeStart(position, config)}`,
        )
      },
      compiled: choice => context.note(describeChoice(choice)),
      progress: p =>
        bar.update(
          p.step,
          p.steps,
          `epoch ${p.epoch}/${p.epochs} | ${Number.isNaN(p.elbo) ? '' : `ELBO ${p.elbo.toFixed(1)} nats/image | `}` +
            `${Math.round(p.imagesPerSecond)} images/s | ETA ${duration(p.remainingSeconds)}`,
        ),
      epoch(metrics, isBest) {
        bar.stop()
        context.print(describeEpoch(metrics, config, isBest))
      },
      async saved(pictures, history, data) {
        const metrics = history.at(-1) as EpochMetrics
        records.summarize(metrics)
        if (metrics.epoch % config.imagesEvery !== 0 && metrics.epoch !== 1 && metrics.epoch !== config.epochs) return
        await records.drawImages(pictures, data, metrics.epoch)
        await records.drawCurve(history)
      },
    },
  }).finally(() => bar.stop())
  if (result.ended !== 'finished' && result.history.length > 0) await records.drawCurve(result.history)
  conclude(result, config, goOnWith, folder, context)
  return {
    json: { run: name, folder, backend: backend.name, ...summary(result) },
    interrupted: result.ended === 'interrupted',
  }
}

/** Sums over threads round differently for another number of them. */
function noteThreads({ threads: before }: RunConfig, { threads: now }: RunConfig, { note }: Context): void {
  if (before === null || before === now) return
  note(
    `threads: ${before} so far, ${now} from now on: the last digits will differ from those of a run that kept ${before}`,
  )
}

function requireEmpty(folder: string): void {
  if (isEmpty(folder)) return
  throw new UsageError(
    existsSync(join(folder, 'config.json'))
      ? `${folder} has a run already: go on with it by --resume, or choose another --run`
      : `${folder} is there already and holds no run; choose another --run`,
  )
}

/** Makes the run's folder, so that it can be resumed whatever happens next; false if an empty one was there already. */
function claim(folder: string, config: RunConfig): boolean {
  let made = true
  try {
    mkdirSync(dirname(folder), { recursive: true })
    mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explain(error, folder)
    made = false
  }
  writeRunConfig(folder, config)
  return made
}

/** Whether a run may begin there. A start that was killed while it wrote config.json leaves that file's beginning. */
function isEmpty(folder: string): boolean {
  if (!existsSync(folder)) return true
  return statSync(folder).isDirectory() && readdirSync(folder).every(name => isLeftover(name, 'config.json'))
}

function unusedName(checkpoints: string, prefix: string): string {
  const taken = new Set(listRuns(checkpoints))
  let n = 1
  while (taken.has(`${prefix}-${n}`)) n++
  return `${prefix}-${n}`
}

function knownRuns(checkpoints: string): string {
  const names = listRuns(checkpoints)
  return names.length > 0 ? `(runs: ${names.join(', ')})` : `(there are no runs in ${checkpoints} yet)`
}

function describeStart({ epoch, stepInEpoch }: Position, config: RunConfig): string {
  if (epoch + stepInEpoch > 0) return `, going on after epoch ${epoch}, step ${stepInEpoch} of the next`
  return isEm(config) || config.initFrom === null ? '' : `, beginning with the weights of ${config.initFrom}`
}

function describeEpoch(m: EpochMetrics, config: RunConfig, isBest: boolean): string {
  const parts =
    m.reconstruction === undefined || m.kl === undefined
      ? ''
      : ` (reconstruction ${m.reconstruction.toFixed(2)}, KL ${m.kl.toFixed(2)})`
  return [
    `epoch ${String(m.epoch).padStart(String(config.epochs).length)}/${config.epochs}`,
    ...(m.validationElbo === undefined ? [] : [`${describeValidation(m as Validated, config)}${parts}`]),
    ...(m.trainElbo === undefined ? [] : [`train ${(m.trainIwae ?? m.trainElbo).toFixed(2)} nats/image`]),
    ...(m.acceptance === undefined ? [] : [`acceptance ${m.acceptance.toFixed(2)}`]),
    `${Math.round(m.imagesPerSecond)} images/s`,
    ...(isBest && m.validationElbo !== undefined ? ['best'] : []),
  ].join('  ')
}

function describeValidation(m: Validated, config: RunConfig): string {
  const [bound, error] = [m.validationIwae ?? m.validationElbo, m.validationIwaeError ?? m.validationElboError]
  return `validation ${boundName(config)} ${bound.toFixed(2)} ± ${error.toFixed(2)}`
}

function conclude(
  { ended, position, history }: TrainingResult,
  config: RunConfig,
  goOnWith: string,
  folder: string,
  { note, print, checkpoints }: Context,
): void {
  const elsewhere = checkpoints === 'checkpoints' ? '' : ` --checkpoints ${checkpoints}`
  if (ended === 'interrupted') {
    note(
      `interrupted: saved after epoch ${position.epoch}, step ${position.stepInEpoch} of the next; go on with: elbo ${goOnWith}${elsewhere}`,
    )
    return
  }
  if (ended === 'early')
    note(`stopped early: no better validation ${boundName(config)} since epoch ${position.best?.epoch}`)
  if (isEm(config)) note(describeConvergence(config, ended, history))
  const best = history.find(({ epoch }) => epoch === position.best?.epoch)
  if (best?.validationElbo !== undefined) {
    print(
      `best: epoch ${best.epoch}, ${describeValidation(best as Validated, config)} ` +
        `nats/image (${best.validationImages} images; ± one standard error)`,
    )
  }
  print(
    `saved in ${folder}; look at plots/elbo.png and images/, measure with: elbo evaluate ${basename(folder)}${elsewhere}`,
  )
}

function describeConvergence(
  { tolerance, method }: Extract<RunConfig, { model: string }>,
  ended: TrainingResult['ended'],
  history: readonly EpochMetrics[],
): string {
  const gain = lastGain(history)
  const passes = `${history.length} ${history.length === 1 ? 'pass' : 'passes'}`
  if (method === 'monte-carlo') return `${passes} made; draws have no convergence to wait for`
  if (gain === undefined) return `not converged: ${passes} only; a larger --epochs goes on`
  const gained = `the last one gained ${gain.toPrecision(2)} nats/image`
  if (ended === 'converged') return `converged after ${passes}: ${gained}, less than the tolerance of ${tolerance}`
  if (tolerance === null) return `${passes} made: ${gained}`
  return `not converged after ${passes}: ${gained}, more than the tolerance of ${tolerance}; --resume with a larger --epochs goes on`
}

function summary({ ended, position, history }: TrainingResult) {
  return { ended, epoch: position.epoch, step: position.step, best: position.best, last: history.at(-1) ?? null }
}

function duration(seconds: number): string {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)]
  return minutes >= 60
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${minutes}:${String(rest === 60 ? 59 : rest).padStart(2, '0')}`
}
