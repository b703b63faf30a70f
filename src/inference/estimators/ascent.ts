/** The interface of gradient estimators. */
import type * as tf from '#tfjs'
import type { Elbo } from '../../objectives/elbo.js'
import type { ImportanceWeighted } from '../../objectives/importance-weighted.js'
import type { Key } from '../../random.js'
import type { Schedule } from '../algorithm.js'

/**
 * One step on images x [batch, pixels]. The returned function runs on the gradient tape; anything computed before it is a constant.
 * The gradient of `ascended`, a scalar in nats per image, is the estimate. Its value need not be a bound.
 */
export type Ascent = (
  x: tf.Tensor,
  key: Key,
  schedule: Pick<Schedule, 'beta'>,
) => () => {
  ascended: tf.Tensor
  /** Values that the step reports, [batch] each. */
  bound: Elbo | ImportanceWeighted
}
