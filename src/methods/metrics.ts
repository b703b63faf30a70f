/** What a run reports of itself: the numbers of a pass, and where it stands. Nats per image. */

/** After a pass, on the fixed binary sample of the validation images: validationElbo = reconstruction - kl. */
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

/** One line of metrics.jsonl. A method leaves out what it does not compute, and a run without validation images what is measured on them. */
export interface EpochMetrics extends Partial<Validated> {
  epoch: number
  step: number
  /** Wall time of training so far, over all sessions of the run, without passes that were cut short and made again. */
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
  /** Mean acceptance of the chains over the pass, where z is drawn by them. */
  acceptance?: number
  imagesPerSecond: number
  backend: string
  compile: string
}

/** Where a run stands between two passes. */
export interface Progress {
  /** Finished passes. */
  epoch: number
  /** The pass with the highest validation bound; 0 before the first. */
  bestEpoch: number
  history: readonly EpochMetrics[]
}

/** How a run ended. */
export interface EndOfRun {
  ended: 'finished' | 'early' | 'converged'
  bestEpoch: number
  history: readonly EpochMetrics[]
}
