/** The interface of everything that learns: an algorithm is its variables and a step. */
import type * as tf from '#tfjs'
import type { CompensatedSums } from '../numeric/compensated-sums.js'
import type { Key } from '../random.js'

/** Numbers that the training loop sets for every step. */
export interface Schedule {
  learningRate: number
  /** Weight of the KL term in the training objective; the reported ELBO always has weight 1. */
  beta: number
  /** Number of images in the batch without padding. The last batch of a pass over all images may be padded. */
  used: number
  /** Index of the batch's first image in the pass. Meaningful only for passes that see the images in order. */
  first: number
}

/** What the workers of a cluster, each of which sees some batches of a pass, put together before it ends. */
export interface PassParts {
  /** Sums over the images of the pass. */
  readonly sums: readonly CompensatedSums<string>[]
  /** A row for each batch, [batches, …], which only the step of that batch reads and assigns; absent: none. */
  readonly rows?: tf.Variable
}

export interface Algorithm {
  /** The whole state of the algorithm, by name in a checkpoint. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The networks that are saved as TF.js layers models, by folder name in a checkpoint. */
  readonly models: ReadonlyMap<string, tf.LayersModel>
  /**
   * Learns from one batch of images [batch, pixels] in 0 … 255 and assigns `variables`. A row of a conditional model ends with a class.
   * Returns named scalars: means over the used images, in nats per image.
   */
  step(batch: tf.Tensor, key: Key, schedule: Schedule): Record<string, tf.Tensor>
  /**
   * Ends a pass over all training images; EM methods, whose steps only gather statistics, do their M step here. Assigns `variables`.
   * Returns named numbers for the whole training set, in nats per image. The pass must see every image once, in order.
   */
  finishPass?(): Promise<Record<string, number>>
  /** Where `finishPass` ends a pass whose batches several workers can divide: what they put together before. Absent: they cannot. */
  readonly parts?: PassParts
  /**
   * Which of several programs `step` and `bound` are, if that changes between passes or when variables are restored: one that is compiled is
   * then wrong, and has to be compiled again.
   */
  form?(): string
  dispose(): void
}

/** An algorithm that computes its bound on a batch in one step. */
export interface BoundedAlgorithm extends Algorithm {
  /**
   * The bound of each image of a batch, as `step` gets it, without learning: tensors [batch] in nats. If the method has a
   * posterior over parameters, `logPredictive` may be log E[p(x)] under it.
   */
  bound(batch: tf.Tensor, key: Key): Record<string, tf.Tensor>
}
