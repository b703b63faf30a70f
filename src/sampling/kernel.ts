/** Runs several transitions of a Markov kernel on all chains, for Monte Carlo EM. */
import * as tf from '#tfjs'
import { type Key, split } from '../random.js'
import { hmcState, hmcStep } from './hmc.js'
import { metropolisState, metropolisStep } from './metropolis.js'
import type { LogDensity, Transition } from './target.js'

/** A Markov kernel for one target: its initial state, with positions `z`, and its transition. */
export interface Kernel<State extends { readonly z: tf.Tensor }> {
  start(z: tf.Tensor): State
  step(state: State, key: Key): Pick<Transition<State>, 'state' | 'acceptance'>
}

export const metropolisOrHmc = ['metropolis', 'hmc'] as const

export interface KernelOptions {
  sampler: (typeof metropolisOrHmc)[number]
  /** HMC only. */
  leapfrogSteps: number
  /** HMC only. */
  jitter: number
}

export interface Run {
  /** Positions after each transition, [..., dimensions]. */
  readonly draws: tf.Tensor[]
  /** Mean acceptance probability over transitions: [...]. */
  readonly acceptance: tf.Tensor
}

/**
 * Runs `transitions` transitions of Metropolis or HMC from z [..., dimensions].
 *
 * @example
 * const target = (z: tf.Tensor) => tf.mul(tf.sum(tf.square(z), -1), -0.5) // N(0, I), up to a constant
 * const options = { sampler: 'hmc', leapfrogSteps: 5, jitter: 0.2 } as const
 * const { draws, acceptance } = sampleChains(target, tf.zeros([4, 2]), streamKey(1, 'chains'), 3, tf.scalar(0.5), options)
 * console.log(draws.length, acceptance.shape) // 3 [ 4 ]
 */
export function sample(
  target: LogDensity,
  z: tf.Tensor,
  key: Key,
  transitions: number,
  stepSize: tf.Tensor,
  options: KernelOptions,
): Run {
  const { sampler, leapfrogSteps, jitter } = options
  if (sampler === 'hmc') {
    const step: Kernel<ReturnType<typeof hmcState>>['step'] = (state, stepKey) =>
      hmcStep(target, state, stepKey, { stepSize, leapfrogSteps, jitter })
    return runKernel({ start: from => hmcState(target, from), step }, z, key, transitions)
  }
  const step: Kernel<ReturnType<typeof metropolisState>>['step'] = (state, stepKey) =>
    metropolisStep(target, state, stepKey, stepSize)
  return runKernel({ start: from => metropolisState(target, from), step }, z, key, transitions)
}

export function runKernel<State extends { readonly z: tf.Tensor }>(
  kernel: Kernel<State>,
  z: tf.Tensor,
  key: Key,
  transitions: number,
): Run {
  const draws: tf.Tensor[] = []
  const acceptances: tf.Tensor[] = []
  let state = kernel.start(z)
  for (const stepKey of split(key, transitions)) {
    const moved = kernel.step(state, stepKey)
    state = moved.state
    draws.push(state.z)
    acceptances.push(moved.acceptance)
  }
  return { draws, acceptance: tf.div(tf.addN(acceptances), transitions) }
}
