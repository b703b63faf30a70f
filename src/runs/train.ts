/** The training loop: images -> scan -> validate -> log -> save. */
import { chunks } from '../compile/scan.js'
import { type Dataset, loadRunDataset } from '../data/dataset.js'
import { methodOf } from '../methods/list.js'
import { createLearner, type Learner } from '../methods/method.js'
import { requireFiniteBound } from './divergence.js'
import { type Keeper, keepInFolder } from './keeper.js'
import { openTraining } from './open-training.js'
import { addSums } from './pass-sums.js'
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
  const data = await loadRunDataset(config, observer.decoded)
  const shape = { ...data, images: data.train.count }
  const learner = createLearner(methodOf(config), config, shape, job.backend.device)
  const keeper = () => keepInFolder(folder, { resume, isLocked })
  return trainLearner(job, { learner, data, keeper, owned: [learner] })
}

/** What a training works on. */
interface Workplace {
  learner: Learner
  data: Dataset
  keeper: () => Keeper
  /** Freed when the training has ended. */
  owned: readonly { dispose(): void }[]
}

/** The same for a learner, images and a keeper of the caller's. Frees the learner if the training cannot be opened. */
export async function trainLearner(
  job: Pick<TrainingJob, 'config' | 'backend' | 'signal' | 'observer'>,
  { learner, data, keeper, owned }: Workplace,
): Promise<TrainingResult> {
  const { config, signal, observer = {} } = job
  const training = await openTraining(job, learner, data, keeper)
  const { position, history } = training
  const result = async (ended: TrainingResult['ended']): Promise<TrainingResult> => {
    if (ended !== 'interrupted') await observer.ended?.(learner, data)
    return { ended, position, history }
  }
  try {
    observer.started?.(position, data)
    if (history.length > 0 && position.stepInEpoch === 0) await observer.resumed?.(learner.pictures, history, data)
    while (position.epoch < config.epochs) {
      const reason = training.finished()
      if (reason) return await result(reason)
      const pass = training.startPass()
      const range = { from: position.stepInEpoch, to: pass.steps, signal }
      for await (const { count, outputs, schedules } of chunks(training.steps, range, pass.feed)) {
        const choice = training.settleMode()
        if (choice) observer.compiled?.(choice)
        requireFiniteBound(outputs, position, { config, keeper: training.keeper })
        addSums(
          position.sums,
          outputs,
          schedules.map(({ used }) => used / config.batchSize),
        )
        position.step += count
        position.stepInEpoch += count
        observer.progress?.(pass.progress())
      }
      if (position.stepInEpoch < pass.steps) {
        if (position.stepInEpoch > range.from) await training.save(false)
        return await result('interrupted')
      }
      const metrics = await training.endPass(pass)
      const isBest = training.record(metrics)
      await training.save(isBest)
      observer.epoch?.(metrics, isBest)
      await observer.saved?.(learner.pictures, history, data)
      if (signal?.aborted && position.epoch < config.epochs) return await result('interrupted')
    }
    const reason = training.finished()
    return await result(reason === undefined || reason === 'early' ? 'finished' : reason)
  } finally {
    training.close(...owned)
  }
}
