/** Random-walk Metropolis (Metropolis et al. 1953): propose z' = z + s epsilon, accept with probability min(1, p(z') / p(z)). */
import * as tf from '#tfjs'
import { type Key, normal, split } from '../random.js'
import { type ChainState, choose, type LogDensity, type Transition } from './target.js'

export function metropolisState(target: LogDensity, z: tf.Tensor): ChainState {
  return { z, logDensity: target(z) }
}

/** One transition of every chain; `stepSize` is the proposal's standard deviation, one number or one per chain [..., 1]. */
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
