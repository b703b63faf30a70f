/** The entry of a method in `elbo compare`. */
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

/** One way in which a method takes part in a comparison. */
export interface Contestant<C> {
  /** The setting that is its size, and the option with its sizes if `--methods` gives none. */
  sizes: 'latentDim' | 'components'
  /** Whether it takes gradient steps, and so has a learning rate. */
  steps: boolean
  config(size: number, shared: SharedSettings): C
}
