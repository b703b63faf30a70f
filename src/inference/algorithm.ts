/** The seam of everything that learns: an algorithm is its variables and a step. */
import type * as tf from '@tensorflow/tfjs'
import type { overImages } from '../evaluation/over-images.js'
import type { Key } from '../random.js'
import type { Annealer, AnnealingEffort } from '../sampling/anneal-images.js'

/** Numbers that the training loop sets anew for every step. */
export interface Schedule {
  learningRate: number
  /** Weight of the KL term in what is maximised; the reported ELBO always has weight 1. */
  beta: number
  /** So many images of the batch, from its beginning, count; the others only fill it up. Less than all only where a pass has an end. */
  used: number
  /** Index within the pass of the batch's first image. Counts only where passes see the images in order. */
  first: number
}

/** What learns, and gives the bound of a batch in one step. */
export interface Algorithm extends Learner {
  /**
   * The bound of each image of a batch [batch, pixels] in 0 … 255, without learning: tensors [batch] in nats. Where the parameters have a
   * posterior, `logPredictive` is log E[p(x)] under it.
   */
  bound(batch: tf.Tensor, key: Key): Record<string, tf.Tensor>
}

/** What learns without an encoder: the bound of an image takes many steps. */
export interface AnnealedAlgorithm extends Learner {
  /** What finds the bound of images, and log p(x); without `effort`, with as much as is spent after each pass. */
  annealer(how: Parameters<typeof overImages>[1], effort?: AnnealingEffort): Annealer
  /** So many of the validation images are enough after a pass. */
  readonly validationImages: number
}

export interface Learner {
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
