/** One row of a comparison: trains or resumes its runs and measures the best of them; finished work is kept. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset } from '../../data/dataset.js'
import { firstImages } from '../../data/images.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import { methodOf } from '../../methods/list.js'
import type { RunConfig } from '../../methods/method.js'
import { streamKey } from '../../random.js'
import { readRunConfig } from '../../runs/config-file.js'
import { runFolder } from '../../runs/directory.js'
import { readReached } from '../../runs/reached.js'
import { lacksCurve, lacksImages } from '../../runs/records.js'
import { loadTrainedRun, readRunHeader } from '../../runs/trained-run.js'
import { UsageError } from '../../settings/setting.js'
import type { Context } from '../command.js'
import { evaluatedSplit, runImages } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { trainRequested } from '../train/train.js'
import type { PlannedRun } from './compare-plan.js'
import { learningCurve, type RunResult, runResult, type TriedRate, type ValidatedMetrics } from './compare-results.js'
import type { CompareSettings } from './compare-settings.js'
import { measure } from './measure.js'

export interface Finished {
  result: RunResult
  /** Wall time of this session; 0 if all was already finished. */
  seconds: number
}

interface Job {
  /** The comparison's name. */
  comparison: string
  data: Dataset
  /** Settings of the measurement. */
  settings: Pick<CompareSettings, 'samples' | 'aisChains' | 'aisTemperatures' | 'testImages'>
  /** Rows of an earlier session. */
  known: readonly RunResult[]
}

/** Finishes runs that differ only in their learning rate, and measures the one with the highest validation bound. */
export async function makeRun(
  choice: readonly PlannedRun[],
  job: Job,
  context: Context,
): Promise<Finished | 'interrupted'> {
  const started = performance.now()
  const trained: TrainedChoice[] = []
  for (const planned of choice) {
    const folder = runFolder(context.checkpoints, planned.name)
    const outcome = await trainToEnd(planned, folder, job, context)
    if (outcome === 'interrupted') return outcome
    trained.push({ planned, folder, kept: outcome === 'kept', ...finishedRun(folder) })
  }
  const best = trained.reduce((best, one) => (boundOf(one) > boundOf(best) ? one : best))
  const known = trained.every(({ kept }) => kept) && job.known.find(row => isSame(row, best, job))
  if (known) return { result: known, seconds: 0 }
  const tried = trained.flatMap(one =>
    trained.length > 1 && one.planned.learningRate !== null
      ? [{ learningRate: one.planned.learningRate, bound: boundOf(one) }]
      : [],
  )
  const result = await measureRun(best, tried, job, context)
  return result ? { result, seconds: (performance.now() - started) / 1000 } : 'interrupted'
}

interface TrainedChoice {
  planned: PlannedRun
  folder: string
  /** Whether all its passes were already finished. */
  kept: boolean
  history: ValidatedMetrics[]
  /** The pass whose snapshot is `best`. */
  best: ValidatedMetrics
}

const boundOf = ({ best }: TrainedChoice): number => best.validationElbo

/** The passes of a run that is trained, and which of them its snapshots call the best. */
function finishedRun(folder: string): Pick<TrainedChoice, 'history' | 'best'> {
  const reached = readReached(folder)
  const history = (reached?.history ?? []) as ValidatedMetrics[]
  const best = history[(reached?.position.best?.epoch ?? 0) - 1]
  if (!best) throw new Error(`${folder}: has no pass that was validated; a comparison needs one`)
  return { history, best }
}

async function trainToEnd(
  { name, config }: PlannedRun,
  folder: string,
  { comparison }: Job,
  context: Context,
): Promise<'kept' | 'trained' | 'interrupted'> {
  const resume = existsSync(join(folder, 'config.json'))
  const resumed = (saved: RunConfig) => resumedConfig(saved, config, folder)
  if (resume) resumed(readRunConfig(folder))
  const isFinished = resume && readReached(folder)?.position.epoch === config.epochs
  if (isFinished && !lacksPictures(folder, config.epochs)) return 'kept'
  const continueWith = `compare --run ${comparison} --resume`
  const { interrupted, failed } = await trainRequested(
    { method: methodOf(config), run: name, prefix: name, resume, fresh: () => config, resumed, continueWith },
    context,
  )
  if (failed) throw new Error(`${folder}: its bound fell, so that it has no place in a comparison`)
  if (interrupted) return 'interrupted'
  return isFinished ? 'kept' : 'trained'
}

/** Whether a killed process saved the last pass and did not draw it; resuming the run draws it. */
const lacksPictures = (folder: string, epochs: number): boolean => lacksImages(folder, epochs) || lacksCurve(folder)

/** The settings of a resumed run. Throws a `UsageError` if it was trained with other settings than those of the comparison. */
function resumedConfig(saved: RunConfig, config: RunConfig, folder: string): RunConfig {
  const method = methodOf(config)
  if (methodOf(saved) !== method) throw new UsageError(`${folder}: this run is of another method; choose another --run`)
  try {
    return method.settings.resume(saved, config)
  } catch (error) {
    throw new UsageError(`${folder}: ${(error as Error).message}`)
  }
}

/** Whether an earlier session measured the same passes on the same images with the same effort. */
function isSame(
  { run, passes, bestPass, validationBound, testBound, testLogPx }: RunResult,
  { planned: { name }, history, best }: TrainedChoice,
  { settings, data: { test } }: Job,
): boolean {
  const { samples, aisChains, aisTemperatures, testImages } = settings
  if (bestPass !== best.epoch || validationBound.mean !== best.validationElbo) return false
  if (run !== name || passes !== history.length || testBound.count !== (testImages ?? test.count)) return false
  if (testLogPx.by === 'importance sampling') return testLogPx.samples === samples
  if (testLogPx.by === 'annealed importance sampling')
    return testLogPx.chains === aisChains && testLogPx.temperatures === aisTemperatures
  return testLogPx.by === 'exact' || testLogPx.by === 'posterior predictive'
}

async function measureRun(
  { planned, folder, history, best }: TrainedChoice,
  tried: readonly TriedRate[],
  { settings, data }: Job,
  context: Context,
): Promise<RunResult | undefined> {
  requireBest(readRunHeader(folder, 'best').position.epoch, best.epoch, folder)
  const run = loadTrainedRun(folder, 'best')
  const test = evaluatedSplit(run, (await runImages(run, undefined, undefined, context.signal)).test)
  const images = firstImages(test, settings.testImages ?? test.count)
  const { parameters } = run.learner
  const bar = progressBar('images', context)
  const { samples, aisChains: chains, aisTemperatures: temperatures } = settings
  const measured = await measure(
    run,
    images,
    { samples, chains, temperatures },
    {
      batchSize: EVALUATION_BATCH,
      mode: run.config.compile,
      key: streamKey(1, 'evaluate'), // as `elbo evaluate` draws by default
      onProgress: done => bar.update(done, images.count, `test images of ${planned.name}`),
      signal: context.signal,
    },
  ).finally(() => {
    bar.stop()
    run.learner.dispose()
  })
  const curve = learningCurve(history, run.config.batchSize, planned.variant.trainImages ?? data.train.count)
  return measured && runResult(planned, tried, { history, best }, curve, parameters, measured)
}

/** Refuses a `best` that leads to another snapshot than the one that the latest snapshot calls the best. */
function requireBest(found: number, expected: number, folder: string): void {
  if (found === expected) return
  throw new Error(
    `${join(folder, 'best')}: is the snapshot of epoch ${found}, but the latest snapshot says that epoch ${expected} is the best; restore the link`,
  )
}
