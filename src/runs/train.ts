/** The training loop, uncut: data -> scan -> validate -> log -> save. */
import { dirname, join } from 'node:path'
import type { Backend } from '../backends/backend.js'
import { type Choice, canCompile, type Mode, type Outputs, type ScanOptions, scan } from '../compile/scan.js'
import { binarizeOnce } from '../data/binarize.js'
import { type Dataset, loadRunDataset, type Split } from '../data/dataset.js'
import { firstImages, imageSize } from '../data/images.js'
import { type Pass, shuffledPass, wholePass } from '../data/passes.js'
import { type Bounds, boundsBy } from '../evaluation/bound.js'
import type { Schedule } from '../inference/algorithm.js'
import { unlessAborted } from '../interruption.js'
import type { Config } from '../methods/config.js'
import type { Pictures } from '../methods/pictures.js'
import {
  binarizes,
  createSession,
  fixedSettings,
  isEm,
  type RunConfig,
  readRunSnapshot,
  restoreSession,
  type Session,
  writeRunConfig,
} from '../methods/session.js'
import { estimateMean } from '../numeric/means.js'
import { keyAt, streamKey } from '../random.js'
import { UsageError } from '../settings/setting.js'
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
import { type Position, writeSnapshot } from './snapshot.js'
import { startFrom } from './warm-start.js'

/** After a pass, on the fixed binary sample of the validation images, in nats per image: validationElbo = reconstruction - kl. */
export interface Validated {
  validationElbo: number
  validationElboError: number
  /** The importance-weighted bound with the run's number of samples, where that is the objective. */
  validationIwae?: number
  validationIwaeError?: number
  reconstruction?: number
  kl?: number
  validationImages: number
}

/**
 * One line of metrics.jsonl. ELBO, reconstruction and KL in nats per image; a method leaves out what it does not compute, and a run
 * without validation images what they are for.
 */
export interface EpochMetrics extends Partial<Validated> {
  epoch: number
  step: number
  /** Wall time of training so far, over all sessions of the run but without passes that were cut short and made again. */
  seconds: number
  /** Mean over the pass, while the parameters moved; its error is that of the mean over steps. */
  trainElbo?: number
  trainElboError?: number
  trainReconstruction?: number
  trainKl?: number
  trainIwae?: number
  learningRate?: number
  beta?: number
  /** Methods that update at the end of a pass: the bound on all training images after each half step. */
  elboAfterE?: number
  elboAfterM?: number
  /** log p(theta), for maximum a posteriori: what grows is elbo + logPrior. */
  logPrior?: number
  /** What grows from pass to pass: the bound after the M step, with log p(theta) where there is a prior. */
  objective?: number
  /** Of chains, where z is drawn by them: mean over the pass. */
  acceptance?: number
  imagesPerSecond: number
  backend: string
  compile: string
}

export interface Progress {
  epoch: number
  epochs: number
  /** Steps done and to do in this pass. */
  step: number
  steps: number
  /** Mean ELBO of the pass so far, in nats per image; NaN for a method that does not compute it as it learns. */
  elbo: number
  imagesPerSecond: number
  /** Until the last epoch ends, at this speed. */
  remainingSeconds: number
}

/** What a caller may want to show or draw. The training computes the same whatever these do. */
export interface TrainingObserver {
  started(position: Position, data: Dataset): void
  /** After the first steps of this session: how steps run from now on, and why. */
  compiled(choice: Choice): void
  progress(progress: Progress): void
  epoch(metrics: EpochMetrics, isBest: boolean): void
  /** After a pass is saved; `history` has the metrics of all of them. */
  saved(pictures: Pictures, history: EpochMetrics[], data: Dataset): Promise<void>
}

export interface TrainingJob {
  folder: string
  config: RunConfig
  resume: boolean
  backend: Backend
  /** Stops after the chunk in flight, saving where it stands. */
  signal: AbortSignal
  observer: TrainingObserver
}

export interface TrainingResult {
  /** Why the training ended. */
  ended: 'finished' | 'early' | 'converged' | 'interrupted'
  position: Position
  history: EpochMetrics[]
}

/** Trains a run to its last epoch, or until it is told to stop or stops getting better. */
export async function train({
  folder,
  config,
  resume,
  backend,
  signal,
  observer,
}: TrainingJob): Promise<TrainingResult> {
  const data = loadRunDataset(config)
  requireBatch(config, data)
  makeRunFolder(folder)
  const unlock = lockRun(folder)
  const toDispose: { dispose(): void }[] = []
  let left: Promise<unknown> | undefined
  try {
    requireLinks(folder)
    removeLeftovers(folder)
    const session = createSession(config, { ...data, images: data.train.count })
    toDispose.push(session)
    const { algorithm } = session
    let fixed: Split | undefined
    const fixedTrain = () => {
      fixed ??= fixedSample(config, data.train, 'train')
      return fixed
    }
    const passes = newPasses(config, data, algorithm.finishPass && fixedTrain)
    const stepsPerEpoch = passes(0).steps
    const resumed = resume && snapshotFolder(folder, 'latest') !== undefined
    const position = resumed ? restore(folder, config, session, data) : start()
    const save = (isBest: boolean) =>
      saveSnapshot(folder, stepLabel(position.step), isBest, to => write(to, config, session, data, position))
    if (position.epoch > config.epochs) {
      throw new UsageError(
        `--epochs ${config.epochs}: ${folder} has finished ${position.epoch} epochs already; ask for more`,
      )
    }
    if (resumed) keepMetricsUpTo(folder, position.epoch)
    writeRunConfig(folder, config)
    if (!resumed) {
      await session.initialize(data, fixedTrain)
      if (session.vae && !isEm(config) && config.initFrom !== null)
        startFrom(config.initFrom, dirname(folder), session.vae, config, data)
      await save(false)
    }
    observer.started(position, data)

    const history = readMetrics<EpochMetrics>(folder)
    let validation: Split | undefined
    const steps = scan<Schedule>(algorithm.step, startMode(config, position))
    toDispose.push(steps)
    let bounds: Bounds | undefined
    const stepKey = streamKey(config.seed, 'steps')
    const result = (ended: TrainingResult['ended']): TrainingResult => ({ ended, position, history })
    let clock = performance.now()

    while (position.epoch < config.epochs) {
      const reason = reasonToStop(config, position, history)
      if (reason) return result(reason)
      const pass = passes(position.epoch)
      const passStarted = performance.now()
      const resumedAt = position.stepInEpoch
      while (position.stepInEpoch < stepsPerEpoch) {
        const from = position.stepInEpoch
        const count = Math.min(steps.chunkSteps, stepsPerEpoch - from)
        const numbers = Array.from({ length: count }, (_, i) => position.step + i)
        const schedules = numbers.map((step, i) => ({
          ...schedule(config, step, stepsPerEpoch),
          used: pass.used(from + i),
          first: (from + i) * config.batchSize,
        }))
        const work = steps.run(
          { data: pass.batches(from, count), count, shape: [config.batchSize, imageSize(data)] },
          numbers.map(step => keyAt(stepKey, step)),
          schedules,
        )
        // The first run compiles for some seconds, and the snapshot on disk is already where this run stands.
        const outputs = bounds ? await work : await unlessAborted(work, signal)
        if (!outputs) {
          left = work.catch(() => {})
          return result('interrupted')
        }
        const choice = steps.choice as Choice
        if (!bounds) {
          bounds = boundsBy(algorithm, choice)
          toDispose.push(bounds)
          observer.compiled(choice)
        }
        position.compile = choice.mode
        requireFinite(outputs, position, folder)
        addSums(
          position.sums,
          outputs,
          schedules.map(({ used }) => used / config.batchSize),
        )
        position.step += count
        position.stepInEpoch += count
        observer.progress(describeProgress(position, config, stepsPerEpoch, resumedAt, passStarted))
        if (signal.aborted && position.stepInEpoch < stepsPerEpoch) {
          await save(false)
          return result('interrupted')
        }
      }
      const ofPass = await algorithm.finishPass?.()
      const imagesPerSecond =
        ((stepsPerEpoch - resumedAt) * config.batchSize) / ((performance.now() - passStarted) / 1000)
      validation ??= firstImages(
        fixedSample(config, data.validation, 'validation'),
        'validationImages' in algorithm ? algorithm.validationImages : data.validation.count,
      )
      const validated = validation.count > 0 ? await validate(bounds as Bounds, validation, config) : undefined
      if (validated && !Number.isFinite(validated.validationElbo)) {
        throw diverged(validated.validationElbo, position, 'the last update broke the weights', folder)
      }
      const seconds = (history.at(-1)?.seconds ?? 0) + (performance.now() - clock) / 1000
      clock = performance.now()
      const metrics: EpochMetrics = {
        epoch: position.epoch + 1,
        step: position.step,
        seconds,
        ...trainingMeans(position.sums),
        ...ofPass,
        ...validated,
        ...(isEm(config) ? {} : schedule(config, position.step - 1, stepsPerEpoch)),
        imagesPerSecond,
        backend: backend.name,
        compile: position.compile as Mode,
      }
      const validationBound = validated?.validationIwae ?? validated?.validationElbo ?? null
      const isBest = isBetter(validationBound, position.best)
      position.epoch++
      position.stepInEpoch = 0
      position.sums = {}
      if (isBest) position.best = { epoch: position.epoch, validationBound }
      appendMetrics(folder, metrics)
      history.push(metrics)
      await save(isBest)
      observer.epoch(metrics, isBest)
      await observer.saved(session.pictures, history, data)
      if (signal.aborted && position.epoch < config.epochs) return result('interrupted')
    }
    return result(reasonToStop(config, position, history) === 'converged' ? 'converged' : 'finished')
  } finally {
    const free = () => {
      for (const made of toDispose) made.dispose()
    }
    if (left !== undefined) void left.then(free)
    else free()
    unlock()
  }
}

/** Passes that leave out what fills no batch need one batch at least. */
function requireBatch(config: RunConfig, { train: { count } }: Dataset): void {
  if (!isEm(config) && config.batchSize > count)
    throw new Error(`--batch-size ${config.batchSize}: there are only ${count} training images`)
}

/** The passes of a run by epoch. Methods that end a pass by an update see every image, the same binary sample each time. */
function newPasses(config: RunConfig, data: Dataset, whole: (() => Split) | undefined): (epoch: number) => Pass {
  if (whole) {
    const pass = wholePass(whole(), config.batchSize)
    return () => pass
  }
  return epoch => shuffledPass(data.train, config.batchSize, streamKey(config.seed, 'order'), epoch)
}

/** The images of a split as the model always sees them, unless it reads grey ones. */
function fixedSample(config: RunConfig, split: Split, name: string): Split {
  return binarizes(config) ? binarizeOnce(split, config.binarize, streamKey(config.seed, name)) : split
}

const start = (): Position => ({ epoch: 0, step: 0, stepInEpoch: 0, sums: {}, best: null, compile: null })

/** `auto` measures once: a run goes on in the mode that it began with, because another one rounds differently. */
function startMode({ compile }: RunConfig, { compile: before }: Position): ScanOptions {
  const goesOn = compile === 'auto' && before !== null && before !== 'off' && canCompile()
  return goesOn ? { mode: before, reason: 'as before the run was stopped' } : { mode: compile }
}

/** Learning rate and KL weight of a step; neither depends on how many epochs are to come. */
export function schedule(config: RunConfig, step: number, stepsPerEpoch: number): Omit<Schedule, 'used' | 'first'> {
  if (isEm(config)) return { learningRate: config.learningRate, beta: 1 }
  const epoch = Math.floor(step / stepsPerEpoch)
  const warmupSteps = config.klWarmup * stepsPerEpoch
  return {
    learningRate: config.learningRate * config.learningRateDecay ** decays(config, epoch),
    beta: config.beta * (warmupSteps > 0 ? Math.min(1, step / warmupSteps) : 1),
  }
}

/** How often the learning rate has fallen before an epoch. */
const decays = ({ learningRateMilestones: milestones }: Config, epoch: number): number =>
  milestones?.filter(finished => finished <= epoch).length ?? epoch

const VALIDATION_BATCH = 500

/** The ELBO of every validation image, on the same binary sample and the same noise after each pass. */
async function validate(bounds: Bounds, images: Split, config: RunConfig): Promise<Validated> {
  const options = { batchSize: VALIDATION_BATCH, key: streamKey(config.seed, 'validation noise') }
  const { elbo = new Float32Array(), iwae, reconstruction, kl } = await bounds.run(images, options)
  const { mean, standardError, count } = estimateMean(elbo)
  const tighter = iwae && estimateMean(iwae)
  return {
    validationElbo: mean,
    validationElboError: standardError,
    ...(tighter && { validationIwae: tighter.mean, validationIwaeError: tighter.standardError }),
    ...(reconstruction && { reconstruction: estimateMean(reconstruction).mean }),
    ...(kl && { kl: estimateMean(kl).mean }),
    validationImages: count,
  }
}

/** Where nothing is validated, every pass is better than the one before it. */
const isBetter = (bound: number | null, best: Position['best']): boolean =>
  bound === null || best?.validationBound == null || bound > best.validationBound

function restore(folder: string, config: RunConfig, session: Session, data: Dataset): Position {
  const { snapshot, path } = readRunSnapshot(folder, 'latest')
  if (snapshot.data.sha256 !== data.sha256) {
    throw new Error(
      `${path}: this run was trained on other images than those of --data ${config.data}; give its own data`,
    )
  }
  restoreSession(session, config, snapshot, path)
  return snapshot.position
}

function write(folder: string, config: RunConfig, session: Session, data: Dataset, position: Position): Promise<void> {
  const { sha256, rows, columns } = data
  const snapshot = {
    algorithm: session.method,
    settings: fixedSettings(config),
    data: { source: config.data, sha256, rows, columns, images: data.train.count },
    position,
  }
  return writeSnapshot(folder, snapshot, session.algorithm.variables, session.algorithm.models)
}

/** Adds each output of each step, and the squared ELBO, for the mean and its error; `weights` are the full batches that steps stand for. */
function addSums(sums: Record<string, number>, outputs: Outputs, weights: readonly number[]): void {
  const add = (name: string, values: readonly number[]) =>
    values.forEach((value, i) => {
      sums[name] = (sums[name] ?? 0) + value * (weights[i] as number)
    })
  for (const [name, values] of Object.entries(outputs)) add(name, [...values])
  if (outputs.elbo)
    add(
      'elboSquared',
      [...outputs.elbo].map(value => value * value),
    )
  add('batches', new Array<number>(weights.length).fill(1))
}

/** Mean of each output over the pass, by the name `train…`. */
function trainingMeans({ batches = 0, elboSquared = 0, ...sums }: Record<string, number>): Record<string, number> {
  const means = Object.entries(sums).map(([name, sum]) => [
    `train${name[0]?.toUpperCase()}${name.slice(1)}`,
    sum / batches,
  ])
  if (sums.elbo === undefined) return Object.fromEntries(means)
  const variance = Math.max(0, elboSquared / batches - (sums.elbo / batches) ** 2)
  return { ...Object.fromEntries(means), trainElboError: Math.sqrt(variance / Math.max(batches - 1, 1)) }
}

function requireFinite({ elbo, kl, reconstruction }: Outputs, position: Position, folder: string): void {
  const broken = elbo?.findIndex(value => !Number.isFinite(value)) ?? -1
  if (broken < 0) return
  const cause =
    kl && !Number.isFinite(kl[broken])
      ? "the encoder's mean or log variance overflowed"
      : `the decoder's logits overflowed (reconstruction ${reconstruction?.[broken]})`
  throw diverged(elbo?.[broken], { ...position, step: position.step + broken + 1 }, cause, folder)
}

function diverged(elbo: number | undefined, { step, epoch }: Position, cause: string, folder: string): Error {
  return new Error(
    `step ${step} (epoch ${epoch + 1}): the ELBO is ${elbo} nats: ${cause}; the usual reason is too large a learning rate. ` +
      `The last good snapshot stays in ${join(folder, 'latest')}; start another run with a smaller --learning-rate or with --clip-norm`,
  )
}

/** Why a run ends before its last epoch, if it does. */
function reasonToStop(
  config: RunConfig,
  { epoch, best }: Position,
  history: readonly EpochMetrics[],
): 'early' | 'converged' | undefined {
  if (!isEm(config)) {
    return config.patience !== null && epoch - (best?.epoch ?? 0) >= config.patience ? 'early' : undefined
  }
  const gain = lastGain(history)
  if (config.tolerance === null || config.method === 'monte-carlo' || gain === undefined) return undefined
  return gain < config.tolerance ? 'converged' : undefined
}

/** What the last pass added to what grows, in nats per training image; undefined before the second pass. */
export function lastGain(history: readonly EpochMetrics[]): number | undefined {
  const [before, last] = history
    .slice(-2)
    .map(({ objective, elboAfterM, trainElbo }) => objective ?? elboAfterM ?? trainElbo)
  return before === undefined || last === undefined ? undefined : last - before
}

function describeProgress(
  position: Position,
  config: RunConfig,
  steps: number,
  resumedAt: number,
  started: number,
): Progress {
  const stepSeconds = (performance.now() - started) / 1000 / (position.stepInEpoch - resumedAt)
  return {
    epoch: position.epoch + 1,
    epochs: config.epochs,
    step: position.stepInEpoch,
    steps,
    elbo: (position.sums.elbo ?? Number.NaN) / (position.sums.batches ?? Number.NaN),
    imagesPerSecond: config.batchSize / stepSeconds,
    remainingSeconds: ((config.epochs - position.epoch) * steps - position.stepInEpoch) * stepSeconds,
  }
}
