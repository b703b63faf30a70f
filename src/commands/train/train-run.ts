/** What `train` and `em` share: claim a run directory, train with a bar, say how it went. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { explain, isLeftover } from '../../files/files.js'
import { methodOf } from '../../methods/list.js'
import type { Method, RunConfig } from '../../methods/method.js'
import type { EpochMetrics, Validated } from '../../methods/metrics.js'
import { describeReading } from '../../methods/reading.js'
import { readRunConfig, writeRunConfig } from '../../runs/config-file.js'
import { hasHistory, listRuns, runFolder, unusedName } from '../../runs/directory.js'
import { type TrainingRecords, trainingRecords } from '../../runs/records.js'
import type { Position } from '../../runs/snapshot.js'
import { train as trainRun } from '../../runs/train.js'
import type { TrainingObserver, TrainingResult } from '../../runs/training.js'
import { UsageError } from '../../settings/setting.js'
import type { Context, Result } from '../command.js'
import { describeChoice, openAndSay, withThreads } from '../opened-run.js'
import { type ProgressBar, progressBar } from '../progress-bar.js'
import { describeEpoch, describeProgress, describeValidation } from './epoch-lines.js'

/** What is to be trained: where, and with which settings. */
export interface Request {
  method: Method
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
export async function trainRequested(request: Request, context: Context): Promise<Result> {
  const { method, run, prefix, resume, goOnWith } = request
  const name = run ?? (resume ? undefined : unusedName(context.checkpoints, prefix))
  if (name === undefined) throw new UsageError(`--resume: name the run with --run ${knownRuns(context.checkpoints)}`)
  const folder = runFolder(context.checkpoints, name)
  if (!resume) requireEmpty(folder)
  const saved = resume ? readRunConfig(folder) : undefined
  if (saved) requireMethod(saved, method)
  const config = withThreads(saved ? request.resumed(saved) : request.fresh())
  if (saved) noteThreads(saved, config, context)
  const made = !resume && claim(folder, config)
  try {
    const named = { name, folder, config, method, resume }
    return await trainNamed(named, goOnWith ?? `${method.command} --run ${name} --resume`, context)
  } catch (error) {
    // A run that never began leaves nothing behind.
    if (made && !hasHistory(folder)) rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

/** Throws a `UsageError` if the run is of another method than the command. */
function requireMethod(saved: RunConfig, asked: Method): void {
  const { command, name } = methodOf(saved)
  if (command !== asked.command)
    throw new UsageError(`this run is a ${name}: continue it with \`elbo ${command} --run … --resume\``)
}

interface NamedRun {
  name: string
  folder: string
  config: RunConfig
  method: Method
  resume: boolean
}

async function trainNamed(run: NamedRun, goOnWith: string, context: Context): Promise<Result> {
  const { name, folder, config, resume } = run
  const backend = await openAndSay(config.backend, config.threads, context)
  const bar = progressBar('steps', context)
  const records = trainingRecords(folder, config, backend)
  if (records.missing) context.note(records.missing)
  const observer = newObserver(run, bar, records, context)
  const job = { folder, config, resume, backend, signal: context.signal, observer }
  const result = await trainRun(job).finally(() => bar.stop())
  if (result.ended !== 'finished' && result.history.length > 0) await records.drawCurve(result.history)
  conclude(result, run, goOnWith, context)
  return {
    json: { run: name, folder, backend: backend.name, ...summary(result) },
    interrupted: result.ended === 'interrupted',
  }
}

/** Says how the training goes, and draws its pictures. */
function newObserver(
  { name, config, method }: NamedRun,
  bar: ProgressBar,
  records: TrainingRecords,
  { note, print }: Context,
): TrainingObserver {
  const { reads, bound } = method.traits(config)
  return {
    started(position, data) {
      const { epoch } = position
      if (epoch >= config.epochs) note(`run ${name} has all its ${epoch} epochs; ask for more with --epochs`)
      note(
        `run ${name}: ${data.train.count} training and ${data.validation.count || 'no'} validation images of ` +
          `${data.rows}x${data.columns}, ${describeReading(reads)}, ${config.epochs} ${config.epochs === 1 ? 'epoch' : 'epochs'}${describeStart(position, config)}`,
      )
    },
    compiled: choice => note(describeChoice(choice)),
    progress: progress => bar.update(progress.step, progress.steps, describeProgress(progress)),
    epoch(metrics, isBest) {
      bar.stop()
      print(describeEpoch(metrics, { ...config, bound: bound.name }, isBest))
    },
    async saved(pictures, history, data) {
      const metrics = history.at(-1) as EpochMetrics
      records.summarize(metrics)
      if (metrics.epoch % config.imagesEvery !== 0 && metrics.epoch !== 1 && metrics.epoch !== config.epochs) return
      await records.drawImages(pictures, data, metrics.epoch)
      await records.drawCurve(history)
    },
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
  if (mayBeginIn(folder)) return
  throw new UsageError(
    existsSync(join(folder, 'config.json'))
      ? `${folder} has a run already: continue it with --resume, or choose another --run`
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
function mayBeginIn(folder: string): boolean {
  if (!existsSync(folder)) return true
  return statSync(folder).isDirectory() && readdirSync(folder).every(name => isLeftover(name, 'config.json'))
}

function knownRuns(checkpoints: string): string {
  const names = listRuns(checkpoints)
  return names.length > 0 ? `(runs: ${names.join(', ')})` : `(there are no runs in ${checkpoints} yet)`
}

function describeStart({ epoch, stepInEpoch }: Position, { initFrom }: RunConfig): string {
  if (epoch + stepInEpoch > 0) return `, continuing after epoch ${epoch}, step ${stepInEpoch} of the next`
  return initFrom ? `, starting from the weights of ${initFrom}` : ''
}

function conclude(
  { ended, position, history }: TrainingResult,
  { folder, config, method }: NamedRun,
  goOnWith: string,
  { note, print, checkpoints }: Context,
): void {
  const elsewhere = checkpoints === 'checkpoints' ? '' : ` --checkpoints ${checkpoints}`
  if (ended === 'interrupted') {
    note(
      `interrupted: saved after epoch ${position.epoch}, step ${position.stepInEpoch} of the next; continue with: elbo ${goOnWith}${elsewhere}`,
    )
    return
  }
  const end = method.describeEnd(config, { ended, bestEpoch: position.best?.epoch ?? 0, history })
  if (end) note(end)
  const best = history.find(({ epoch }) => epoch === position.best?.epoch)
  if (best?.validationElbo !== undefined) {
    const { bound } = method.traits(config)
    print(
      `best: epoch ${best.epoch}, ${describeValidation(best as Validated, bound.name)} ` +
        `nats/image (${best.validationImages} images; ± one standard error)`,
    )
  }
  print(
    `saved in ${folder}; look at plots/elbo.png and images/, measure with: elbo evaluate ${basename(folder)}${elsewhere}`,
  )
}

function summary({ ended, position, history }: TrainingResult) {
  return { ended, epoch: position.epoch, step: position.step, best: position.best, last: history.at(-1) ?? null }
}
