/** A training's job, observer and result. */
import type { Backend } from '../backends/backend.js'
import type { Choice } from '../compile/step.js'
import type { Dataset } from '../data/dataset.js'
import type { ReadingStage } from '../data/progress.js'
import type { Encoding } from '../evaluation/codes.js'
import type { RunConfig } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import type { Pictures } from '../methods/pictures.js'
import type { Position } from './snapshot.js'

/** Callbacks during training. They do not affect what it computes. */
export interface TrainingObserver {
  /** While images are read before the first step: what is done with them, with how many, of how many. */
  reading(stage: ReadingStage, done: number, of: number): void
  started(position: Position, data: Dataset): void
  /** After the first steps of this session: how steps run from now on, and why. */
  compiled(choice: Choice): void
  progress(progress: TrainingProgress): void
  epoch(metrics: EpochMetrics, isBest: boolean): void
  /** When a run continues between two passes: what `saved` made of the last one may be missing. */
  resumed(pictures: Pictures, history: EpochMetrics[], data: Dataset): Promise<void>
  /** After a pass is saved; `history` has the metrics of all passes. */
  saved(pictures: Pictures, history: EpochMetrics[], data: Dataset): Promise<void>
  /** When the training ends other than by an interruption, with the codes of the model after its last pass, if it has any. */
  ended(codes: Encoding | undefined, data: Dataset): Promise<void>
}

/** The progress after each chunk of steps. */
export interface TrainingProgress {
  epoch: number
  epochs: number
  /** Finished steps and total steps of this pass. */
  step: number
  steps: number
  /** Mean ELBO of the pass so far, in nats per image; NaN for a method that does not compute it during training. */
  elbo: number
  imagesPerSecond: number
  /** Until the end of the last epoch, at this speed. */
  remainingSeconds: number
}

export interface TrainingJob {
  /** The run directory; created if it does not exist. */
  folder: string
  config: RunConfig
  /** Resume from the latest snapshot, if there is one. */
  resume?: boolean
  backend: Backend
  /** The caller has locked the run, and unlocks it. */
  isLocked?: boolean
  /** Stops after the current chunk of steps and saves the position. */
  signal?: AbortSignal | undefined
  observer?: Partial<TrainingObserver>
}

export interface TrainingResult {
  /** Why the training ended. */
  ended: 'finished' | 'early' | 'converged' | 'fallen' | 'interrupted'
  position: Position
  history: EpochMetrics[]
}
