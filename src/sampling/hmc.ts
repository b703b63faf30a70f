/**
 * Hamiltonian Monte Carlo (Neal 2011, "MCMC using Hamiltonian dynamics"): draw a momentum p ~ N(0, I), follow
 * H = -log density + |p|^2 / 2 by leapfrog steps, accept with probability min(1, e^(H - H')).
 */
import * as tf from '#tfjs'
import { type Key, normal, split, uniform } from '../random.js'
import { type ChainState, choose, type LogDensity, type Transition } from './target.js'

export interface HmcState extends ChainState {
  /** Gradient of the log density in z: [..., dimensions]. */
  readonly gradient: tf.Tensor
}

export interface HmcOptions {
  /** One number, or one per chain [..., 1]. */
  readonly stepSize: tf.Tensor | number
  readonly leapfrogSteps: number
  /** Each chain's step size varies by ± this fraction of `stepSize`, to avoid periodic trajectories (Neal 2011, section 3.2). */
  readonly jitter: number
}

/**
 * The state of chains at positions z [..., dimensions] under a target, with its gradient there.
 *
 * @example
 * const target = (z: tf.Tensor) => tf.mul(tf.sum(tf.square(z), -1), -0.5) // N(0, I), up to a constant
 * const { logDensity, gradient } = hmcState(target, tf.ones([3, 2])) // three chains in two dimensions
 * console.log(logDensity.shape, gradient.dataSync()[0]) // [ 3 ] -1
 */
export function hmcState(target: LogDensity, z: tf.Tensor): HmcState {
  // Chains are independent: the gradient of the sum over chains holds the gradient of each chain.
  const { value, grad } = tf.valueAndGrad(target)(z, tf.ones(z.shape.slice(0, -1)))
  return { z, logDensity: value, gradient: grad }
}

/**
 * One transition of every chain. Compilation unrolls the leapfrog steps, so the program grows with `leapfrogSteps`.
 *
 * @example
 * const target = (z: tf.Tensor) => tf.mul(tf.sum(tf.square(z), -1), -0.5) // N(0, I), up to a constant
 * let state = hmcState(target, tf.zeros([1000, 2]))
 * const options = { stepSize: 0.5, leapfrogSteps: 5, jitter: 0.2 }
 * for (let i = 0; i < 5; i++) state = hmcStep(target, state, keyAt(streamKey(1, 'chains'), i), options).state
 * console.log(Math.abs((tf.mean(tf.square(state.z)).dataSync()[0] ?? 0) - 1) < 0.15) // true
 */
export function hmcStep(target: LogDensity, state: HmcState, key: Key, options: HmcOptions): Transition<HmcState> {
  const [momentumKey, jitterKey, acceptKey] = split(key, 3) as [Key, Key, Key]
  const momentum = normal(momentumKey, state.z.shape)
  const stepSize = jittered(jitterKey, state.logDensity.shape, options)
  const end = leapfrog(target, { ...state, momentum }, stepSize, options.leapfrogSteps)
  const { z, logDensity, gradient } = end
  const logRatio = tf.add(tf.sub(logDensity, state.logDensity), tf.sub(kinetic(momentum), kinetic(end.momentum)))
  const current = { z: state.z, logDensity: state.logDensity, gradient: state.gradient }
  return choose(acceptKey, logRatio, { z, logDensity, gradient }, current)
}

interface Phase extends HmcState {
  readonly momentum: tf.Tensor
}

/** Steps p += e/2 g(z); z += e p; p += e/2 g(z), with adjacent half steps of p merged. */
function leapfrog(target: LogDensity, start: Phase, stepSize: tf.Tensor, steps: number): Phase {
  const kick = ({ momentum, gradient }: Phase, fraction: number) =>
    tf.add(momentum, tf.mul(gradient, tf.mul(stepSize, fraction)))
  let phase: Phase = { ...start, momentum: kick(start, 0.5) }
  for (let i = 1; i <= steps; i++) {
    const state = hmcState(target, tf.add(phase.z, tf.mul(phase.momentum, stepSize)))
    const next = { ...state, momentum: phase.momentum }
    phase = { ...next, momentum: kick(next, i < steps ? 1 : 0.5) }
  }
  return phase
}

/** |p|^2 / 2: [...]. */
const kinetic = (momentum: tf.Tensor): tf.Tensor => tf.mul(tf.sum(tf.square(momentum), -1), 0.5)

/** A randomised step size for each chain: [..., 1]. */
function jittered(key: Key, chains: number[], { stepSize, jitter }: HmcOptions): tf.Tensor {
  const shape = [...chains, 1]
  if (jitter === 0) return tf.mul(tf.ones(shape), stepSize)
  return tf.mul(stepSize, tf.add(tf.mul(uniform(key, shape), 2 * jitter), 1 - jitter))
}
