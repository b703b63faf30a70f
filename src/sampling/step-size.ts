/**
 * A step size that seeks an acceptance rate (Robbins & Monro 1951; Andrieu & Thoms 2008, algorithm 4):
 * log s <- log s + t^-0.6 (acceptance - target), while it adapts.
 */
import * as tf from '@tensorflow/tfjs'

/** Gains t^-0.6 sum to infinity and their squares do not, as convergence asks. */
const DECAY = 0.6

export interface AdaptiveStepSize {
  /** `log_step_size` and the number of `adaptations` so far. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The step size now: a scalar. */
  value(): tf.Tensor
  /** Moves towards the target after transitions of a mean `acceptance` (a scalar); not at all where the scalar `adapting` is 0 rather than 1. */
  adapt(acceptance: tf.Tensor, adapting: tf.Tensor | number): void
}

export function adaptiveStepSize(initial: number, targetAcceptance: number): AdaptiveStepSize {
  const logStepSize = tf.tidy(() => tf.variable(tf.scalar(Math.log(initial)), false))
  const adaptations = tf.tidy(() => tf.variable(tf.scalar(0), false))
  return {
    variables: new Map([
      ['log_step_size', logStepSize],
      ['adaptations', adaptations],
    ]),
    value: () => tf.exp(logStepSize),
    adapt(acceptance, adapting) {
      adaptations.assign(tf.add(adaptations, adapting))
      const gain = tf.mul(tf.pow(tf.maximum(adaptations, 1), -DECAY), adapting)
      logStepSize.assign(tf.add(logStepSize, tf.mul(gain, tf.sub(acceptance, targetAcceptance))))
    },
  }
}
