/** What a gradient step ascends: the seam of the estimators. */
import type * as tf from '@tensorflow/tfjs'
import type { Elbo } from '../../objectives/elbo.js'
import type { ImportanceWeighted } from '../../objectives/importance-weighted.js'
import type { Key } from '../../random.js'
import type { Schedule } from '../algorithm.js'

/**
 * One step's work on images x [batch, pixels]. The function that comes back runs on the gradient tape: what was computed before
 * it is a constant. The gradient of `ascended`, a scalar in nats per image, is the estimate; its value need not be a bound.
 */
export type Ascent = (
  x: tf.Tensor,
  key: Key,
  schedule: Pick<Schedule, 'beta'>,
) => () => {
  ascended: tf.Tensor
  /** What the step reports, [batch] each. */
  bound: Elbo | ImportanceWeighted
}
