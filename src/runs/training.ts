/** What a training is asked to do, what it tells of itself, and how it ends. */
import type { Backend } from '../backends/backend.js'
import type { Choice } from '../compile/step.js'
import type { Dataset } from '../data/dataset.js'
import type { RunConfig } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import type { Pictures } from '../methods/pictures.js'
import type { Position } from './snapshot.js'

/** What a caller may want to show or draw. The training computes the same whatever these do. */
export interface TrainingObserver {
  started(position: Position, data: Dataset): void
  /** After the first steps of this session: how steps run from now on, and why. */
  compiled(choice: Choice): void
  progress(progress: TrainingProgress): void
  epoch(metrics: EpochMetrics, isBest: boolean): void
  /** When a run goes on between two passes: what `saved` made of the last one may be missing. */
  resumed(pictures: Pictures, history: EpochMetrics[], data: Dataset): Promise<void>
  /** After a pass is saved; `history` has the metrics of all of them. */
  saved(pictures: Pictures, history: EpochMetrics[], data: Dataset): Promise<void>
}

/** After each chunk of steps. */
export interface TrainingProgress {
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

export interface TrainingJob {
  /** The run directory; made if it is not there. */
  folder: string
  config: RunConfig
  /** Go on from the latest snapshot, if there is one. */
  resume?: boolean
  backend: Backend
  /** The caller has locked the run, and unlocks it. */
  isLocked?: boolean
  /** Stops after the chunk in flight and saves where the run stands. */
  signal?: AbortSignal | undefined
  observer?: Partial<TrainingObserver>
}

export interface TrainingResult {
  /** Why the training ended. */
  ended: 'finished' | 'early' | 'converged' | 'interrupted'
  position: Position
  history: EpochMetrics[]
}
