/** Random-walk Metropolis (Metropolis et al. 1953): propose z' = z + s epsilon, accept with probability min(1, p(z') / p(z)). */
import * as tf from '#tfjs'
import { type Key, normal, split } from '../random.js'
import { type ChainState, choose, type LogDensity, type Transition } from './target.js'

/**
 * The state of chains at positions z [..., dimensions] under a target.
 *
 * @example
 * const target = (z: tf.Tensor) => tf.mul(tf.sum(tf.square(z), -1), -0.5) // N(0, I), up to a constant
 * console.log(metropolisState(target, tf.zeros([3, 2])).logDensity.shape) // [ 3 ]
 */
export function metropolisState(target: LogDensity, z: tf.Tensor): ChainState {
  return { z, logDensity: target(z) }
}

/**
 * One transition of every chain; `stepSize` is the proposal's standard deviation, one number or one per chain [..., 1].
 *
 * @example
 * const target = (z: tf.Tensor) => tf.mul(tf.sum(tf.square(z), -1), -0.5) // N(0, I), up to a constant
 * const state = metropolisState(target, tf.zeros([3, 2]))
 * const { acceptance } = metropolisStep(target, state, streamKey(1, 'chains'), 0.5)
 * console.log(acceptance.shape) // [ 3 ]
 */
export function metropolisStep(
  target: LogDensity,
  state: ChainState,
  key: Key,
  stepSize: tf.Tensor | number,
): Transition<ChainState> {
  const [proposalKey, acceptKey] = split(key, 2) as [Key, Key]
  const proposed = metropolisState(target, tf.add(state.z, tf.mul(normal(proposalKey, state.z.shape), stepSize)))
  return choose(acceptKey, tf.sub(proposed.logDensity, state.logDensity), proposed, {
    z: state.z,
    logDensity: state.logDensity,
  })
}
