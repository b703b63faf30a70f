/**
 * Adaptation of a step size to a target acceptance rate (Robbins & Monro 1951; Andrieu & Thoms 2008, algorithm 4):
 * log s <- log s + t^-0.6 (acceptance - target).
 */
import * as tf from '#tfjs'

/** Convergence requires that the gains t^-0.6 sum to infinity and their squares to a finite value. */
const DECAY = 0.6

export interface AdaptiveStepSize {
  /** `log_step_size` and the number of `adaptations` so far. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The current step size: a scalar. */
  value(): tf.Tensor
  /** One update after transitions of mean `acceptance` (a scalar). `adapting` is 1, or 0 to keep the step size. */
  adapt(acceptance: tf.Tensor, adapting: tf.Tensor | number): void
}

/**
 * A step size that begins at `initial` and is adapted until proposals are accepted at the rate `targetAcceptance`.
 *
 * @example
 * const stepSize = adaptiveStepSize(0.1, 0.9)
 * stepSize.adapt(tf.scalar(1), 1) // every proposal was accepted: longer steps
 * console.log((stepSize.value().dataSync()[0] ?? 0) > 0.1) // true
 */
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
