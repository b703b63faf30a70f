/** A training that is ready to run: the run locked, the images read, the model made and brought to where the run stands. */
import { dirname } from 'node:path'
import { canCompile, type Scan, scan } from '../compile/scan.js'
import type { Choice, Mode, ScanOptions } from '../compile/step.js'
import type { Dataset, Split } from '../data/dataset.js'
import { firstImages } from '../data/images.js'
import type { Bounds } from '../evaluation/bound.js'
import { makeFolder } from '../files/folders.js'
import type { Schedule } from '../inference/algorithm.js'
import { methodOf } from '../methods/list.js'
import type { Learner, RunConfig, Traits } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { imagesAsRead } from '../methods/reading.js'
import { streamKey } from '../random.js'
import { UsageError } from '../settings/setting.js'
import { writeRunConfig } from './config-file.js'
import {
  appendMetrics,
  keepMetricsUpTo,
  makeRunFolder,
  readMetrics,
  removeLeftovers,
  requireLinks,
  saveSnapshot,
  snapshotFolder,
  stepLabel,
} from './directory.js'
import { lockRun } from './lock.js'
import { diverged, trainingMeans } from './pass-sums.js'
import { newPass, type OpenRun, type RunningPass, runningPass } from './running-pass.js'
import { type Position, writeSnapshot } from './snapshot.js'
import { readRunSnapshot, restoreLearner } from './trained-run.js'
import type { TrainingJob } from './training.js'
import { validate } from './validation.js'
import { startFrom } from './warm-start.js'

/** A training between opening and closing. `position` is where it stands; the loop of train.ts moves it on. */
export interface Training {
  readonly position: Position
  /** The metrics of all finished passes. */
  readonly history: EpochMetrics[]
  readonly steps: Scan<Schedule>
  /** To be called once steps have run: how they run from now on, and the validation images too; undefined from the second call on. */
  settleMode(): Choice | undefined
  /** Why the run ends before its last epoch, if it does. */
  finished(): 'early' | 'converged' | undefined
  /** The current pass, from where the run stands. */
  startPass(): RunningPass
  /** Ends the pass (the M step of methods that have one) and measures it. Throws an Error if the bound is no finite number. */
  endPass(pass: RunningPass): Promise<EpochMetrics>
  /** Writes a line of metrics.jsonl and moves on to the next pass; returns whether this pass is the best so far. */
  record(metrics: EpochMetrics): boolean
  save(isBest: boolean): Promise<void>
  /** Frees the model, once no step in flight uses it, and unlocks the run. */
  close(): void
}

/** Locks a run, new or to be resumed, and brings the learner to where it stands. Frees the learner if that fails. */
export async function openTraining(job: TrainingJob, learner: Learner, data: Dataset): Promise<Training> {
  let unlock = () => {}
  try {
    const { folder, config, backend, resume = false, isLocked = false } = job
    const method = methodOf(config)
    const traits = method.traits(config)
    requireBatch(traits, config, data)
    makeFolder(folder)
    if (!isLocked) unlock = lockRun(folder)
    makeRunFolder(folder)
    removeLeftovers(folder)
    requireLinks(folder)
    const images = imagesOf(config, traits, data, learner)
    const opened = { folder, config, method, traits, data, images, learner, backend: backend.name }
    const run = { ...opened, stepsPerPass: newPass(opened, 0).steps }
    return newTraining(run, await findPosition(run, resume), unlock)
  } catch (error) {
    learner.dispose()
    unlock()
    throw error
  }
}

/** Passes that leave out what fills no batch need one batch at least. */
function requireBatch({ passes }: Traits, { batchSize }: RunConfig, { train: { count } }: Dataset): void {
  if (passes === 'shuffled' && batchSize > count)
    throw new UsageError(`--batch-size ${batchSize}: there are only ${count} training images`)
}

function imagesOf({ seed }: RunConfig, { reads }: Traits, data: Dataset, learner: Learner): OpenRun['images'] {
  const read = (split: Split, name: string) => imagesAsRead(split, reads, streamKey(seed, name))
  return {
    train: once(() => read(data.train, 'train')),
    validation: once(() =>
      firstImages(read(data.validation, 'validation'), learner.validationImages ?? data.validation.count),
    ),
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Where the run stands: at its latest snapshot, or at its start, which is then saved. */
async function findPosition(run: OpenRun, resume: boolean): Promise<Position> {
  const { folder, config, learner, data, images } = run
  if (resume && snapshotFolder(folder, 'latest') !== undefined) {
    const position = restore(run)
    if (position.epoch > config.epochs) {
      throw new UsageError(
        `--epochs ${config.epochs}: ${folder} has finished ${position.epoch} epochs already; ask for more`,
      )
    }
    keepMetricsUpTo(folder, position.epoch)
    writeRunConfig(folder, config)
    return position
  }
  const position: Position = { epoch: 0, step: 0, stepInEpoch: 0, sums: {}, best: null, compile: null }
  writeRunConfig(folder, config)
  keepMetricsUpTo(folder, 0)
  await learner.initialize(data, images.train)
  if (config.initFrom && learner.vae) startFrom(config.initFrom, dirname(folder), learner.vae, config, data)
  await save(run, position, false)
  return position
}

function restore({ folder, config, method, learner, data }: OpenRun): Position {
  const { snapshot, path } = readRunSnapshot(folder, 'latest')
  if (snapshot.data.sha256 !== data.sha256) {
    throw new Error(
      `${path}: this run was trained on other images than those of --data ${config.data}; give its own data`,
    )
  }
  restoreLearner(learner, method.settings.fixed(config), snapshot, path)
  return snapshot.position
}

function save(run: OpenRun, position: Position, isBest: boolean): Promise<void> {
  const { folder, config, method, learner, data } = run
  const { sha256, rows, columns } = data
  const snapshot = {
    algorithm: learner.algorithm,
    settings: method.settings.fixed(config),
    data: { source: config.data, sha256, rows, columns, images: data.train.count },
    position,
  }
  return saveSnapshot(folder, stepLabel(position.step), isBest, to =>
    writeSnapshot(to, snapshot, learner.variables, learner.models),
  )
}

function newTraining(run: OpenRun, position: Position, unlock: () => void): Training {
  const { folder, config, method, learner } = run
  const history = readMetrics<EpochMetrics>(folder)
  const steps = scan<Schedule>(learner.step, startMode(config, position))
  let bounds: Bounds | undefined
  let clock = performance.now()
  return {
    position,
    history,
    steps,
    settleMode() {
      if (bounds) return undefined
      const choice = steps.choice as Choice
      position.compile = choice.mode
      bounds = learner.bounds(choice)
      return choice
    },
    finished: () => method.finished(config, { epoch: position.epoch, bestEpoch: position.best?.epoch ?? 0, history }),
    startPass: () => runningPass(run, position),
    async endPass(pass) {
      const imagesPerSecond = pass.imagesPerSecond()
      const measured = await measurePass(run, position, bounds as Bounds)
      const seconds = (history.at(-1)?.seconds ?? 0) + (performance.now() - clock) / 1000
      clock = performance.now()
      return {
        epoch: position.epoch + 1,
        step: position.step,
        seconds,
        ...measured,
        imagesPerSecond,
        backend: run.backend,
        compile: position.compile as Mode,
      }
    },
    record(metrics) {
      const isBest = finishPosition(position, metrics)
      appendMetrics(folder, metrics)
      history.push(metrics)
      return isBest
    },
    save: isBest => save(run, position, isBest),
    close() {
      bounds?.dispose()
      steps.dispose(learner)
      unlock()
    },
  }
}

/** `auto` measures once: a run goes on in the mode that it began with, because another one rounds differently. */
function startMode({ compile }: RunConfig, { compile: before }: Position): ScanOptions {
  const goesOn = compile === 'auto' && before !== null && before !== 'off' && canCompile()
  return goesOn ? { mode: before, reason: 'as before the run was stopped' } : { mode: compile }
}

/** The numbers of a pass that its steps have made: of its end, of its steps, of the validation images, and its rates. */
async function measurePass(
  { folder, config, method, traits, learner, images, stepsPerPass }: OpenRun,
  position: Position,
  bounds: Bounds,
) {
  const ofPass = await learner.finishPass?.()
  const validated = await validate(bounds, images.validation(), config.seed)
  if (validated && !Number.isFinite(validated.validationElbo))
    throw diverged(validated.validationElbo, position, 'the last update broke the weights', folder)
  // A method with whole passes has the same rates in every step.
  const rates = traits.passes === 'shuffled' ? method.rates(config, position.step - 1, stepsPerPass) : {}
  return { ...trainingMeans(position.sums), ...ofPass, ...validated, ...rates }
}

/** Moves on to the next pass; returns whether this one is the best so far. Where nothing is validated, every pass is better than the last. */
function finishPosition(position: Position, { epoch, validationIwae, validationElbo }: EpochMetrics): boolean {
  const validationBound = validationIwae ?? validationElbo ?? null
  const before = position.best?.validationBound
  const isBest = validationBound === null || before == null || validationBound > before
  position.epoch = epoch
  position.stepInEpoch = 0
  position.sums = {}
  if (isBest) position.best = { epoch, validationBound }
  return isBest
}
