/** Opens a training: initializes the learner, or restores the latest snapshot. */
import { canCompile, precisionProblem, type Scan } from '../compile/scan.js'
import type { Choice, Mode, ScanOptions } from '../compile/step.js'
import type { Dataset, Split } from '../data/dataset.js'
import { firstImages } from '../data/images.js'
import type { Bounds } from '../evaluation/bound.js'
import type { Schedule } from '../inference/algorithm.js'
import { methodOf } from '../methods/list.js'
import type { Learner, RunConfig, Traits } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { imagesAsRead } from '../methods/reading.js'
import { streamKey } from '../random.js'
import { UsageError } from '../settings/setting.js'
import { compiledForms } from './compiled-forms.js'
import { requireFiniteValidation, requireFiniteVariables } from './divergence.js'
import { putTogether, startAtZero } from './divided-pass.js'
import type { Keeper } from './keeper.js'
import { digestWith, startOfRun, validationBoundOf } from './metrics-file.js'
import { trainingMeans } from './pass-sums.js'
import { newPass, type OpenRun, type RunningPass, runningPass } from './running-pass.js'
import type { Position } from './snapshot.js'
import { fromChief, shareVariables, type Team } from './team.js'
import type { TrainingJob } from './training.js'
import { validate } from './validation.js'

/** An open training. The loop in train.ts advances `position`. */
export interface Training {
  readonly keeper: Keeper
  readonly position: Position
  /** The metrics of all finished passes. */
  readonly history: EpochMetrics[]
  /** Of the current pass. */
  readonly steps: Scan<Schedule>
  /** Call it after the first steps: returns how steps and validation run from now on; undefined from the second call on. */
  settleMode(): Choice | undefined
  /** Why the run ends before its last epoch, if it does. */
  finished(): 'early' | 'converged' | 'fallen' | undefined
  /** The current pass, from `position` on. */
  startPass(): RunningPass
  /** Where workers divide the batches of the pass, gives all what each has gathered; to be called before the run is saved within a pass. */
  gather(pass: RunningPass): Promise<void>
  /** Ends the pass (for EM, by the M step) and measures it. Throws an Error if the bound is not finite. */
  endPass(pass: RunningPass): Promise<EpochMetrics>
  /** Writes a line of metrics.jsonl and advances to the next pass; returns whether this pass is the best so far. */
  record(metrics: EpochMetrics): boolean
  save(isBest: boolean): Promise<void>
  /** Frees the compiled steps and, as soon as none of them runs, `owned`; closes the keeper. */
  close(...owned: readonly { dispose(): void }[]): void
}

/** Checks the settings, opens the keeper, and initializes the learner or restores it. Frees the learner if that fails. */
export async function openTraining(
  { config, backend }: Pick<TrainingJob, 'config' | 'backend'>,
  learner: Learner,
  data: Dataset,
  open: () => Keeper,
  team?: Team,
): Promise<Training> {
  let keeper: Keeper | undefined
  try {
    const method = methodOf(config)
    const traits = method.traits(config)
    requireBatch(traits, config, data)
    if (team) requireShares(traits, config, data, team)
    requirePrecision(config)
    const images = imagesOf(config, traits, data, learner)
    keeper = open()
    const opened = { keeper, config, method, traits, data, images, learner, backend: backend.name }
    const run = { ...opened, stepsPerPass: newPass(opened, 0).steps }
    const position = await findPosition(run)
    const start = { position, history: keeper.history(position) }
    return newTraining(run, team === undefined ? start : await shareStart(team, run, start), team)
  } catch (error) {
    learner.dispose()
    keeper?.close()
    throw error
  }
}

/** Shuffled passes drop an incomplete batch, so they need at least one complete batch. */
function requireBatch({ passes }: Traits, { batchSize }: RunConfig, { train: { count } }: Dataset): void {
  if (passes === 'shuffled' && batchSize > count)
    throw new UsageError(`--batch-size ${batchSize}: there are only ${count} training images`)
}

/** Of a pass that ends with an M step, each worker takes batches of its own. */
function requireShares({ passes }: Traits, { batchSize }: RunConfig, { train }: Dataset, { count }: Team): void {
  const batches = Math.ceil(train.count / batchSize)
  if (passes === 'whole' && batches < count)
    throw new UsageError(
      `--workers ${count}: a pass over ${train.count} images has ${batches} ${batches === 1 ? 'batch' : 'batches'} of --batch-size ${batchSize}, and each worker needs one; use --batch-size ${Math.max(1, Math.floor(train.count / count))}`,
    )
}

/** Throws a `UsageError` where the precision is refused: before the keeper writes anything. */
function requirePrecision({ compile, precision = 'float32' }: RunConfig): void {
  const problem = precisionProblem({ mode: compile, precision })
  if (problem) throw new UsageError(`--precision ${precision}: ${problem.reason}; ${problem.fix}`)
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
  let result: { value: T } | undefined
  return () => {
    result ??= { value: make() }
    return result.value
  }
}

/** Restores the latest snapshot, or initializes the run and saves that; returns the position. */
async function findPosition(run: OpenRun): Promise<Position> {
  const { keeper, learner, data, images } = run
  const restored = keeper.restore(run)
  if (restored) return restored
  const position = startOfRun()
  keeper.begin(run, position)
  await learner.initialize(data, images.train)
  await keeper.warmStart(run)
  await keeper.save(run, position, false)
  return position
}

interface Start {
  position: Position
  history: EpochMetrics[]
}

/** Gives all workers the chief's position, metrics and variables. */
async function shareStart(team: Team, { learner }: OpenRun, start: Start): Promise<Start> {
  const shared = await fromChief(team, start)
  await shareVariables(team, learner.variables.values())
  if (team.isChief) return shared
  learner.restored?.()
  if (learner.parts) await startAtZero(learner.parts.sums, shared.position)
  return shared
}

function newTraining(run: OpenRun, { position, history }: Start, team: Team | undefined): Training {
  const { keeper, config, method, learner } = run
  const compiled = compiledForms(learner, startMode(config, position))
  let clock = performance.now()
  async function measure(pass: RunningPass): Promise<EpochMetrics> {
    const imagesPerSecond = pass.imagesPerSecond()
    const measured = await measurePass(run, position, compiled.bounds)
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
  }

  async function gather({ share }: RunningPass): Promise<void> {
    if (team && share && learner.parts) await putTogether(team, learner.parts, share, position)
  }

  return {
    keeper,
    position,
    history,
    get steps() {
      return compiled.steps()
    },
    settleMode() {
      const choice = compiled.settleMode()
      if (choice) position.compile = choice.mode
      return choice
    },
    finished: () => method.finished(config, { epoch: position.epoch, bestEpoch: position.best?.epoch ?? 0, history }),
    startPass() {
      learner.startPass?.(position.epoch)
      return runningPass(run, position, team)
    },
    gather,
    // All measure together, and take the chief's metrics, so that all choose and stop alike.
    async endPass(pass) {
      await gather(pass)
      const metrics = await measure(pass)
      return team === undefined ? metrics : fromChief(team, metrics)
    },
    record(metrics) {
      const isBest = finishPosition(run, position, metrics)
      keeper.append(metrics)
      history.push(metrics)
      return isBest
    },
    save: isBest => keeper.save(run, position, isBest),
    close(...owned) {
      compiled.dispose(...owned)
      keeper.close()
    },
  }
}

/** A resumed run with `auto` keeps the mode that it began with, because another mode rounds differently. */
function startMode({ compile, precision }: RunConfig, { compile: before }: Position): ScanOptions {
  const keepsMode = compile === 'auto' && before !== null && before !== 'off' && canCompile()
  const mode = keepsMode ? { mode: before, reason: 'as before the run was stopped' } : { mode: compile }
  return { ...mode, precision }
}

/** Ends the pass and measures it: means over its steps, values of the M step, the validation bound, and the rates. */
async function measurePass(run: OpenRun, position: Position, bounds: () => Bounds) {
  const { config, method, traits, learner, images, stepsPerPass } = run
  const values = await learner.finishPass?.()
  const validated = await validate(bounds(), images.validation(), config.seed)
  if (validated) requireFiniteValidation(validated.validationElbo, position, run)
  await requireFiniteVariables(learner.variables, position, run)
  // The rates of methods with whole passes are constant.
  const rates = traits.passes === 'shuffled' ? method.rates(config, position.step - 1, stepsPerPass) : {}
  return { ...trainingMeans(position.sums), ...values, ...validated, ...rates }
}

/**
 * Advances to the next pass; returns whether this one is the best so far. Every pass is if none is validated, or as long as the method's
 * bound may not choose; the first that it may choose is better than all before.
 */
function finishPosition({ config, method }: OpenRun, position: Position, metrics: EpochMetrics): boolean {
  const chooses = (pass: number) => method.choosesBest?.(config, pass) ?? true
  const validationBound = validationBoundOf(metrics)
  const before = position.best && chooses(position.best.epoch) ? position.best.validationBound : null
  const isBest = validationBound === null || before === null || !chooses(metrics.epoch) || validationBound > before
  position.epoch = metrics.epoch
  position.stepInEpoch = 0
  position.sums = {}
  if (isBest) position.best = { epoch: metrics.epoch, validationBound }
  // A run that an older version began goes on without the digest: its bytes stay those of a run that was never stopped.
  if (position.metricsSha256 !== undefined) position.metricsSha256 = digestWith(position.metricsSha256, metrics)
  return isBest
}
