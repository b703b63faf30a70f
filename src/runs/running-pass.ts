/** One pass over the training images: the inputs of its steps, its progress and its speed. */
import type { Feed } from '../compile/scan.js'
import type { Dataset, Split } from '../data/dataset.js'
import { dividedPass, type Pass, type Share, shuffledPass, wholePass } from '../data/passes.js'
import type { Schedule } from '../inference/algorithm.js'
import type { Learner, Method, RunConfig, Traits } from '../methods/method.js'
import { keyAt, streamKey } from '../random.js'
import type { Keeper } from './keeper.js'
import type { Position } from './snapshot.js'
import type { Team } from './team.js'
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

/** How the rest of a pass becomes turns: of all workers together, or of each its own batches where an M step ends the pass. */
function turnsOf(run: OpenRun, { epoch, stepInEpoch }: Position, team: Team | undefined) {
  const pass = newPass(run, epoch)
  if (team === undefined || run.traits.passes === 'shuffled') {
    const itself = (turn: number) => turn
    return { pass, turns: { from: stepInEpoch, to: pass.steps }, stepAt: itself, stepsBefore: itself }
  }
  const { index, count } = team
  const share = { first: stepInEpoch, index, count }
  return {
    pass: dividedPass(run.images.train(), run.config.batchSize, share),
    share,
    turns: { from: 0, to: Math.ceil((pass.steps - stepInEpoch) / count) },
    stepAt: (turn: number) => stepInEpoch + turn * count + index,
    stepsBefore: (turn: number) => Math.min(stepInEpoch + turn * count, pass.steps),
  }
}

/** A pass in progress. Where workers divide its batches, they take turns of one step each. */
export interface RunningPass {
  /** The steps of the pass, those of all workers. */
  readonly steps: number
  /** The batches of this worker, where workers divide them. */
  readonly share?: Share
  /** The turns that are left, numbered like the steps unless workers divide them. */
  readonly turns: { readonly from: number; readonly to: number }
  /** The inputs of this worker's steps in `count` turns, from turn `from` on. */
  feed(from: number, count: number): Promise<Feed<Schedule>>
  /** Moves the position of the run behind the turns before `turn`. */
  advance(turn: number): void
  progress(): TrainingProgress
  /** Over the steps of this session. */
  imagesPerSecond(): number
}

export function runningPass(run: OpenRun, position: Position, team?: Team): RunningPass {
  const { config, method, stepsPerPass } = run
  const { batchSize } = config
  const { steps } = newPass(run, position.epoch)
  const { pass, share, turns, stepAt, stepsBefore } = turnsOf(run, position, team)
  const stepKey = streamKey(config.seed, 'steps')
  const firstStep = position.step - position.stepInEpoch
  const [started, resumedAt] = [performance.now(), position.stepInEpoch]
  const stepSeconds = () => (performance.now() - started) / 1000 / (position.stepInEpoch - resumedAt)
  return {
    steps,
    ...(share && { share }),
    turns,
    async feed(from, wanted) {
      const count = Math.min(wanted, pass.steps - from)
      const own = Array.from({ length: count }, (_, i) => from + i)
      const numbers = own.map(stepAt)
      return {
        batches: await pass.inputs(from, count),
        keys: numbers.map(step => keyAt(stepKey, firstStep + step)),
        schedules: numbers.map((step, i) => ({
          ...method.rates(config, firstStep + step, stepsPerPass),
          used: pass.used(own[i] as number),
          first: step * batchSize,
        })),
      }
    },
    advance(turn) {
      position.stepInEpoch = stepsBefore(turn)
      position.step = firstStep + position.stepInEpoch
    },
    imagesPerSecond: () => batchSize / stepSeconds(),
    progress: () => ({
      epoch: position.epoch + 1,
      epochs: config.epochs,
      step: position.stepInEpoch,
      steps,
      elbo: (position.sums.elbo ?? Number.NaN) / (position.sums.batches ?? Number.NaN),
      imagesPerSecond: batchSize / stepSeconds(),
      remainingSeconds: ((config.epochs - position.epoch) * steps - position.stepInEpoch) * stepSeconds(),
    }),
  }
}
