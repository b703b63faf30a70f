/** The seam of everything that learns: an algorithm is its variables and a step. */
import type * as tf from '@tensorflow/tfjs'
import type { Key } from '../random.js'

/** Numbers that the training loop sets anew for every step. */
export interface Schedule {
  learningRate: number
  /** Weight of the KL term in what is maximised; the reported ELBO always has weight 1. */
  beta: number
  /** The first so many images of the batch count; the others only fill it up. Fewer than all only where a pass has an end. */
  used: number
  /** Index within the pass of the batch's first image. Counts only where passes see the images in order. */
  first: number
}

export interface Algorithm {
  /** Every variable that the algorithm's future depends on, by its name in a checkpoint; nothing else is state. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The networks that users load elsewhere, by folder name in a checkpoint. */
  readonly models: ReadonlyMap<string, tf.LayersModel>
  /**
   * Learns from one batch of images [batch, pixels] in 0 … 255; assigns `variables`.
   * Returns named scalars: means over the batch's used images, in nats per image.
   */
  step(batch: tf.Tensor, key: Key, schedule: Schedule): Record<string, tf.Tensor>
  /**
   * Ends a pass over all training images, for methods whose steps only gather statistics (the M step): reads and assigns `variables`.
   * Returns named numbers of the whole training set, in nats per image. A pass of such a method sees every image once, in order.
   */
  finishPass?(): Promise<Record<string, number>>
  dispose(): void
}

/** An algorithm whose bound of a batch takes one step. */
export interface BoundedAlgorithm extends Algorithm {
  /**
   * The bound of each image of a batch [batch, pixels] in 0 … 255, without learning: tensors [batch] in nats. Where the parameters have a
   * posterior, `logPredictive` is log E[p(x)] under it.
   */
  bound(batch: tf.Tensor, key: Key): Record<string, tf.Tensor>
}
