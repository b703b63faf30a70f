/** One pass over the training images: the inputs of its steps, its progress and its speed. */
import type { Feed } from '../compile/scan.js'
import type { Dataset, Split } from '../data/dataset.js'
import { rowSize } from '../data/images.js'
import { type Pass, shuffledPass, wholePass } from '../data/passes.js'
import type { Schedule } from '../inference/algorithm.js'
import type { Learner, Method, RunConfig, Traits } from '../methods/method.js'
import { keyAt, streamKey } from '../random.js'
import type { Keeper } from './keeper.js'
import type { Position } from './snapshot.js'
import type { TrainingProgress } from './training.js'

/** The parts of an open run that do not change. */
export interface OpenRun {
  keeper: Keeper
  config: RunConfig
  method: Method
  traits: Traits
  data: Dataset
  /** The training and the validation images, as the model reads them. */
  images: { train(): Split; validation(): Split }
  learner: Learner
  backend: string
  stepsPerPass: number
}

export function newPass({ traits, images, data, config }: Omit<OpenRun, 'stepsPerPass'>, epoch: number): Pass {
  return traits.passes === 'whole'
    ? wholePass(images.train(), config.batchSize)
    : shuffledPass(data.train, config.batchSize, streamKey(config.seed, 'order'), epoch)
}

/** A pass in progress. */
export interface RunningPass {
  readonly steps: number
  /** The inputs of `count` steps of this pass, from step `from` on. */
  feed(from: number, count: number): Promise<Feed<Schedule>>
  progress(): TrainingProgress
  /** Over the steps of this session. */
  imagesPerSecond(): number
}

export function runningPass(run: OpenRun, position: Position): RunningPass {
  const { config, method, data, stepsPerPass } = run
  const { batchSize } = config
  const pass = newPass(run, position.epoch)
  const stepKey = streamKey(config.seed, 'steps')
  const firstStep = position.step - position.stepInEpoch
  const [started, resumedAt] = [performance.now(), position.stepInEpoch]
  const stepSeconds = () => (performance.now() - started) / 1000 / (position.stepInEpoch - resumedAt)
  return {
    steps: pass.steps,
    async feed(from, count) {
      const numbers = Array.from({ length: count }, (_, i) => from + i)
      return {
        batches: {
          data: await pass.batches(from, count),
          shape: [count, batchSize, rowSize(data.train)],
          dtype: 'float32',
        },
        keys: numbers.map(step => keyAt(stepKey, firstStep + step)),
        schedules: numbers.map(step => ({
          ...method.rates(config, firstStep + step, stepsPerPass),
          used: pass.used(step),
          first: step * batchSize,
        })),
      }
    },
    imagesPerSecond: () => batchSize / stepSeconds(),
    progress: () => ({
      epoch: position.epoch + 1,
      epochs: config.epochs,
      step: position.stepInEpoch,
      steps: pass.steps,
      elbo: (position.sums.elbo ?? Number.NaN) / (position.sums.batches ?? Number.NaN),
      imagesPerSecond: batchSize / stepSeconds(),
      remainingSeconds: ((config.epochs - position.epoch) * pass.steps - position.stepInEpoch) * stepSeconds(),
    }),
  }
}
