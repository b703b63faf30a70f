/** The training loop, uncut: data -> scan -> validate -> log -> save. */
import { join } from 'node:path'
import type { Backend } from './backends/backend.js'
import { lockRun } from './checkpoints/lock.js'
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
} from './checkpoints/run-directory.js'
import { type Position, writeSnapshot } from './checkpoints/snapshot.js'
import { type Choice, canCompile, type Mode, type Outputs, type ScanOptions, scan } from './compile/scan.js'
import { type Config, fixedSettings } from './config.js'
import { binarizeOnce, type Dataset, epochOrder, gather, loadDataset, type Split } from './data/dataset.js'
import { type ImageScan, overImages } from './evaluation/over-images.js'
import { type Estimate, estimateMean } from './evaluation/statistics.js'
import type { Algorithm, Schedule } from './inference/algorithm.js'
import type { Vae } from './models/vae.js'
import { keyAt, streamKey } from './random.js'
import {
  createSession,
  initializeSession,
  readRunSnapshot,
  restoreSession,
  type Session,
  writeRunConfig,
} from './session.js'
import { UsageError } from './settings.js'

/** One line of metrics.jsonl. ELBO, reconstruction and KL in nats per image. */
export interface EpochMetrics {
  epoch: number
  step: number
  /** Wall time of training so far, over all sessions of the run but without passes that were cut short and made again. */
  seconds: number
  /** Mean over the pass, while the weights moved; its error is that of the mean over steps. */
  trainElbo: number
  trainElboError: number
  trainReconstruction: number
  trainKl: number
  /** After the pass, on the fixed binary sample of the validation images; validationElbo = reconstruction - kl. */
  validationElbo: number
  validationElboError: number
  reconstruction: number
  kl: number
  validationImages: number
  learningRate: number
  beta: number
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
  /** Mean ELBO of the pass so far, in nats per image. */
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
  saved(vae: Vae, history: EpochMetrics[], data: Dataset): Promise<void>
}

export interface TrainingJob {
  folder: string
  config: Config
  resume: boolean
  backend: Backend
  /** Stops after the chunk in flight, saving where it stands. */
  signal: AbortSignal
  observer: TrainingObserver
}

export interface TrainingResult {
  /** Why the training ended. */
  ended: 'finished' | 'early' | 'interrupted'
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
  const data = loadDataset(config.data)
  const stepsPerEpoch = Math.floor(data.train.count / config.batchSize)
  if (stepsPerEpoch === 0) {
    throw new Error(`--batch-size ${config.batchSize}: there are only ${data.train.count} training images`)
  }
  makeRunFolder(folder)
  const unlock = lockRun(folder)
  const toDispose: { dispose(): void }[] = []
  try {
    requireLinks(folder)
    removeLeftovers(folder)
    const session = createSession(config, data.rows * data.columns)
    toDispose.push(session)
    const { algorithm, vae } = session
    const resumed = resume && snapshotFolder(folder, 'latest') !== undefined
    const position = resumed ? restore(folder, config, session, data) : start()
    const save = (isBest: boolean) =>
      saveSnapshot(folder, stepLabel(position.step), isBest, to => write(to, config, algorithm, data, position))
    if (position.epoch > config.epochs) {
      throw new UsageError(
        `--epochs ${config.epochs}: ${folder} has finished ${position.epoch} epochs already; ask for more`,
      )
    }
    if (resumed) keepMetricsUpTo(folder, position.epoch)
    writeRunConfig(folder, config)
    if (!resumed) {
      initializeSession(session, config, data)
      await save(false)
    }
    observer.started(position, data)

    const history = readMetrics<EpochMetrics>(folder)
    let validation: Split | undefined
    const steps = scan<Schedule>(algorithm.step, startMode(config, position))
    toDispose.push(steps)
    let bounds: ImageScan<object> | undefined
    const stepKey = streamKey(config.seed, 'steps')
    const result = (ended: TrainingResult['ended']): TrainingResult => ({ ended, position, history })
    let clock = performance.now()

    while (position.epoch < config.epochs) {
      if (isStale(position, config.patience)) return result('early')
      const order = epochOrder(streamKey(config.seed, 'order'), position.epoch, data.train.count)
      const passStarted = performance.now()
      const resumedAt = position.stepInEpoch
      while (position.stepInEpoch < stepsPerEpoch) {
        const count = Math.min(steps.chunkSteps, stepsPerEpoch - position.stepInEpoch)
        const numbers = Array.from({ length: count }, (_, i) => position.step + i)
        const from = position.stepInEpoch * config.batchSize
        const images = gather(data.train, order, from, from + count * config.batchSize)
        const outputs = await steps.run(
          { data: images, count, shape: [config.batchSize, data.rows * data.columns] },
          numbers.map(step => keyAt(stepKey, step)),
          numbers.map(step => ({ ...schedule(config, step, stepsPerEpoch), used: config.batchSize })),
        )
        const choice = steps.choice as Choice
        if (!bounds) {
          bounds = overImages(algorithm.bound, choice)
          toDispose.push(bounds)
          observer.compiled(choice)
        }
        position.compile = choice.mode
        requireFinite(outputs, position, folder)
        addSums(position.sums, outputs)
        position.step += count
        position.stepInEpoch += count
        observer.progress(describeProgress(position, config, stepsPerEpoch, resumedAt, passStarted))
        if (signal.aborted && position.stepInEpoch < stepsPerEpoch) {
          await save(false)
          return result('interrupted')
        }
      }
      const imagesPerSecond =
        ((stepsPerEpoch - resumedAt) * config.batchSize) / ((performance.now() - passStarted) / 1000)
      validation ??= binarizeOnce(data.validation, config.binarize, streamKey(config.seed, 'validation'))
      const validated = await validate(bounds as ImageScan<object>, validation, config)
      if (!Number.isFinite(validated.validationElbo)) {
        throw diverged(validated.validationElbo, position, 'the last update broke the weights', folder)
      }
      const seconds = (history.at(-1)?.seconds ?? 0) + (performance.now() - clock) / 1000
      clock = performance.now()
      const metrics: EpochMetrics = {
        epoch: position.epoch + 1,
        step: position.step,
        seconds,
        ...trainingMeans(position.sums, stepsPerEpoch),
        ...validated,
        ...schedule(config, position.step - 1, stepsPerEpoch),
        imagesPerSecond,
        backend: backend.name,
        compile: position.compile as Mode,
      }
      const isBest = position.best === null || metrics.validationElbo > position.best.validationElbo
      position.epoch++
      position.stepInEpoch = 0
      position.sums = {}
      if (isBest) position.best = { epoch: position.epoch, validationElbo: metrics.validationElbo }
      appendMetrics(folder, metrics)
      history.push(metrics)
      await save(isBest)
      observer.epoch(metrics, isBest)
      await observer.saved(vae, history, data)
      if (signal.aborted && position.epoch < config.epochs) return result('interrupted')
    }
    return result('finished')
  } finally {
    for (const made of toDispose) made.dispose()
    unlock()
  }
}

const start = (): Position => ({ epoch: 0, step: 0, stepInEpoch: 0, sums: {}, best: null, compile: null })

/** `auto` measures once: a run goes on in the mode that it began with, because another one rounds differently. */
function startMode({ compile }: Config, { compile: before }: Position): ScanOptions {
  const goesOn = compile === 'auto' && before !== null && before !== 'off' && canCompile()
  return goesOn ? { mode: before, reason: 'as before the run was stopped' } : { mode: compile }
}

/** Learning rate and KL weight of a step; neither depends on how many epochs are to come. */
export function schedule(config: Config, step: number, stepsPerEpoch: number): Omit<Schedule, 'used'> {
  const epoch = Math.floor(step / stepsPerEpoch)
  const warmupSteps = config.klWarmup * stepsPerEpoch
  return {
    learningRate: config.learningRate * config.learningRateDecay ** epoch,
    beta: config.beta * (warmupSteps > 0 ? Math.min(1, step / warmupSteps) : 1),
  }
}

const VALIDATION_BATCH = 500

/** The ELBO of every validation image, on the same binary sample and the same noise after each pass. */
async function validate(bounds: ImageScan<object>, images: Split, config: Config) {
  const options = { batchSize: VALIDATION_BATCH, key: streamKey(config.seed, 'validation noise') }
  const [values = {}] = await bounds.run(images, options, [{}])
  const [elbo, reconstruction, kl] = ['elbo', 'reconstruction', 'kl'].map(name =>
    estimateMean(values[name] as Float32Array),
  ) as [Estimate, Estimate, Estimate]
  return {
    validationElbo: elbo.mean,
    validationElboError: elbo.standardError,
    reconstruction: reconstruction.mean,
    kl: kl.mean,
    validationImages: elbo.count,
  }
}

function restore(folder: string, config: Config, session: Session, data: Dataset): Position {
  const { snapshot, path } = readRunSnapshot(folder, 'latest')
  if (snapshot.data.sha256 !== data.sha256) {
    throw new Error(
      `${path}: this run was trained on other images than those of --data ${config.data}; give its own data`,
    )
  }
  restoreSession(session, config, snapshot, path)
  return snapshot.position
}

function write(folder: string, config: Config, algorithm: Algorithm, data: Dataset, position: Position): Promise<void> {
  const { sha256, rows, columns } = data
  const snapshot = {
    algorithm: 'vae',
    settings: fixedSettings(config),
    data: { source: config.data, sha256, rows, columns },
    position,
  }
  return writeSnapshot(folder, snapshot, algorithm.variables, algorithm.models)
}

/** Sums of each output, and of the squared ELBO, for the mean and its error. */
function addSums(sums: Record<string, number>, outputs: Outputs): void {
  for (const [name, values] of Object.entries(outputs)) {
    for (const value of values) sums[name] = (sums[name] ?? 0) + value
  }
  for (const value of outputs.elbo ?? []) sums.elboSquared = (sums.elboSquared ?? 0) + value * value
}

function trainingMeans(sums: Record<string, number>, steps: number) {
  const mean = (name: string) => (sums[name] ?? Number.NaN) / steps
  const variance = Math.max(0, mean('elboSquared') - mean('elbo') ** 2)
  return {
    trainElbo: mean('elbo'),
    trainElboError: Math.sqrt(variance / Math.max(steps - 1, 1)),
    trainReconstruction: mean('reconstruction'),
    trainKl: mean('kl'),
  }
}

function requireFinite({ elbo, kl, reconstruction }: Outputs, position: Position, folder: string): void {
  const broken = elbo?.findIndex(value => !Number.isFinite(value)) ?? -1
  if (broken < 0) return
  const cause = !Number.isFinite(kl?.[broken])
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

function isStale({ epoch, best }: Position, patience: number | null): boolean {
  return patience !== null && epoch - (best?.epoch ?? 0) >= patience
}

function describeProgress(
  position: Position,
  config: Config,
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
    elbo: (position.sums.elbo ?? Number.NaN) / position.stepInEpoch,
    imagesPerSecond: config.batchSize / stepSeconds,
    remainingSeconds: ((config.epochs - position.epoch) * steps - position.stepInEpoch) * stepSeconds,
  }
}
