/** The seam of everything that learns: an algorithm is its variables and a step. */
import type * as tf from '@tensorflow/tfjs'
import type { Key } from '../random.js'

/** Numbers that the training loop sets anew for every step. */
export interface Schedule {
  learningRate: number
  /** Weight of the KL term in what is maximised; the reported ELBO always has weight 1. */
  beta: number
}

export interface Algorithm {
  /** Every variable that the algorithm's future depends on, by its name in a checkpoint; nothing else is state. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The networks that users load elsewhere, by folder name in a checkpoint. */
  readonly models: ReadonlyMap<string, tf.LayersModel>
  /**
   * Learns from one batch of grey images [batch, pixels] in 0 … 255; assigns `variables`.
   * Returns named scalars: means over the batch, in nats per image.
   */
  step(batch: tf.Tensor, key: Key, schedule: Schedule): Record<string, tf.Tensor>
  /** The bound of each image of a binary batch [batch, pixels] in {0, 255}, without learning: tensors [batch] in nats. */
  bound(batch: tf.Tensor, key: Key): Record<string, tf.Tensor>
  dispose(): void
}
