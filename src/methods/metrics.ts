/** The metrics and the progress of a run. Bounds are in nats per image. */

/** Measured after a pass, on the fixed binary sample of the validation images: validationElbo = reconstruction - kl. */
export interface Validated {
  validationElbo: number
  /** Absent for a single image. */
  validationElboError?: number
  /** The importance-weighted bound with the run's number of samples, if it is the objective. */
  validationIwae?: number
  validationIwaeError?: number
  reconstruction?: number
  kl?: number
  validationImages: number
}

/** One line of metrics.jsonl. A field is absent if the method does not compute it, or if it needs validation images and there are none. */
export interface EpochMetrics extends Partial<Validated> {
  epoch: number
  step: number
  /** Wall time of training so far in seconds, over all sessions; interrupted passes that were repeated do not count. */
  seconds: number
  /** Mean over the pass, while the parameters changed; the error is that of the mean over steps, absent for a single step. */
  trainElbo?: number
  trainElboError?: number
  trainReconstruction?: number
  trainKl?: number
  trainIwae?: number
  learningRate?: number
  beta?: number
  /** For EM: the bound on all training images after the E step and after the M step. */
  elboAfterE?: number
  elboAfterM?: number
  /** log p(theta), for maximum a posteriori estimates: EM increases elbo + logPrior. */
  logPrior?: number
  /** What EM increases from pass to pass: the bound after the M step, plus log p(theta) if there is a prior. */
  objective?: number
  /** Mean acceptance rate over the pass, if z is drawn by Markov chains. */
  acceptance?: number
  imagesPerSecond: number
  backend: string
  compile: string
}

/** The state of a run between two passes. */
export interface Progress {
  /** Number of finished passes. */
  epoch: number
  /** The pass with the highest validation bound; 0 before the first. */
  bestEpoch: number
  history: readonly EpochMetrics[]
}

/** How a run ended. */
export interface EndOfRun {
  ended: 'finished' | 'early' | 'converged' | 'fallen'
  bestEpoch: number
  history: readonly EpochMetrics[]
}
