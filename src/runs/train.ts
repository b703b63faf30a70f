/** The training loop: images -> scan -> validate -> log -> save. */
import { onItsOwn } from '../collectives/all-reduce.js'
import { chunks } from '../compile/scan.js'
import { type Dataset, loadRunDataset } from '../data/dataset.js'
import { warningsOfSplits } from '../data/look.js'
import { methodOf } from '../methods/list.js'
import { createLearner, type Learner, type RunConfig } from '../methods/method.js'
import { generator } from '../random.js'
import { kebabCase } from '../settings/flag-names.js'
import { requireFiniteBound } from './divergence.js'
import { type Keeper, keepInFolder, keepNothing } from './keeper.js'
import { openTraining } from './open-training.js'
import { addSums } from './pass-sums.js'
import { agreeOnChunk, currentTeam, type Facts, requireSameFacts, type Team } from './team.js'
import type { TrainingJob, TrainingResult } from './training.js'

/**
 * Trains a run until its last epoch, until its method has finished, or until `job.signal` stops it. Throws an Error if the ELBO is not finite.
 *
 * @example
 * const { backend } = await openBackend('cpu')
 * const small = { hidden: [8], latentDim: 2, epochs: 1, trainImages: 200, validationImages: 50 }
 * const { ended, history } = await train({ folder: 'checkpoints/first', config: resolveConfig(small), backend })
 * console.log(ended, history[0]?.step) // finished 3
 */
export async function train(job: TrainingJob): Promise<TrainingResult> {
  const { folder, config, resume = false, isLocked = false, observer = {} } = job
  const loaded = await loadRunDataset(config, { onReading: observer.reading, signal: job.signal })
  const { train, validation, test, sha256 } = loaded
  const found = await warningsOfSplits({ train, validation, test }, sha256, observer.reading)
  const data = { ...loaded, warnings: [...loaded.warnings, ...found] }
  const shape = { ...data, images: data.train.count }
  const learner = createLearner(methodOf(config), config, shape, job.backend.device)
  const team = currentTeam()
  if (team) await requireSameFacts(factsOf(config, data))
  const keeper = () => (team?.isChief === false ? keepNothing() : keepInFolder(folder, { resume, isLocked }))
  return trainLearner(job, { learner, data, keeper, owned: [learner], team })
}

/** What workers that train together must have in common. */
function factsOf(config: RunConfig, { sha256, train, validation }: Dataset): Facts {
  const { threads: _, backend: __, data: ___, labels: ____, ...settings } = config
  const flags = Object.entries(settings).map(([name, value]) => [`--${kebabCase(name)}`, value])
  const images = {
    'the digest of all images': sha256,
    'training images': train.count,
    'validation images': validation.count,
  }
  return { generator, ...Object.fromEntries(flags), ...images }
}

/** What a training works on. */
interface Workplace {
  learner: Learner
  data: Dataset
  keeper: () => Keeper
  /** Freed when the training has ended. */
  owned: readonly { dispose(): void }[]
  /** The workers that train together; absent: this process alone. */
  team?: Team | undefined
}

/** The same for a learner, images and a keeper of the caller's. Frees the learner if the training cannot be opened. */
export async function trainLearner(
  job: Pick<TrainingJob, 'config' | 'backend' | 'signal' | 'observer'>,
  { learner, data, keeper, owned, team }: Workplace,
): Promise<TrainingResult> {
  const { config, signal, observer = {} } = job
  const training = await openTraining(job, learner, data, keeper, team)
  const { position, history } = training
  const result = async (ended: TrainingResult['ended']): Promise<TrainingResult> => {
    if (ended !== 'interrupted') await onItsOwn(() => observer.ended?.(learner.codes, data))
    return { ended, position, history }
  }
  try {
    observer.started?.(position, data)
    if (history.length > 0 && position.stepInEpoch === 0)
      await onItsOwn(() => observer.resumed?.(learner.pictures, history, data))
    while (position.epoch < config.epochs) {
      const reason = training.finished()
      if (reason) return await result(reason)
      const pass = training.startPass()
      const before = position.stepInEpoch
      const range = { ...pass.turns, signal, ...(team && { agree: agreement(team) }) }
      for await (const { from, count, outputs, schedules } of chunks(training.steps, range, pass.feed)) {
        const choice = training.settleMode()
        if (choice) observer.compiled?.(choice)
        requireFiniteBound(outputs, position, { config, keeper: training.keeper })
        addSums(
          position.sums,
          outputs,
          schedules.map(({ used }) => used / config.batchSize),
        )
        pass.advance(from + count)
        observer.progress?.(pass.progress())
      }
      if (position.stepInEpoch < pass.steps) {
        if (position.stepInEpoch > before) {
          await training.gather(pass)
          await training.save(false)
        }
        return await result('interrupted')
      }
      const metrics = await training.endPass(pass)
      const isBest = training.record(metrics)
      await training.save(isBest)
      observer.epoch?.(metrics, isBest)
      await onItsOwn(() => observer.saved?.(learner.pictures, history, data))
      const stops = team ? (await agreeOnChunk(team, 0, signal?.aborted === true)).stop : signal?.aborted
      if (stops && position.epoch < config.epochs) return await result('interrupted')
    }
    const reason = training.finished()
    return await result(reason === undefined || reason === 'early' ? 'finished' : reason)
  } finally {
    training.close(...owned)
  }
}

const agreement = (team: Team) => (count: number, stop: boolean) => agreeOnChunk(team, count, stop)
