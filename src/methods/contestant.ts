/** How a method takes part in `elbo compare`. */
import type { activations } from '../models/networks.js'

/** The settings that all runs of one comparison share. */
export interface SharedSettings {
  hidden: number[]
  activation: (typeof activations)[number]
  batchSize: number
  learningRate: number
  learningRateDecay: number
  /** Pseudo-counts of mixtures. */
  prior: number
}

/** A method with those of its settings that a comparison does not vary. */
export interface Contestant<C> {
  /** What its size is, and so which list of sizes it takes where `--methods` names none. */
  sizes: 'latentDim' | 'components'
  /** Whether it learns by gradient steps, which have a size. */
  steps: boolean
  config(size: number, shared: SharedSettings): C
}
