/** What samplers draw from, and what every transition of theirs returns: a state and a step, batched over any number of chains. */
import * as tf from '@tensorflow/tfjs'
import { type Key, uniform } from '../random.js'

/** An unnormalised log density in nats: positions [..., dimensions] -> [...], each chain by itself. Differentiable in z for HMC. */
export type LogDensity = (z: tf.Tensor) => tf.Tensor

/** Positions and their log density; it changes with the target, so make it anew when that changes. */
export interface ChainState {
  /** [..., dimensions]. */
  readonly z: tf.Tensor
  /** [...]. */
  readonly logDensity: tf.Tensor
}

export interface Transition<State> {
  readonly state: State
  /** Which chains moved to their proposal: bool [...]. */
  readonly accepted: tf.Tensor
  /** min(1, e^logRatio): [...], in [0, 1]. */
  readonly acceptance: tf.Tensor
}

/**
 * Metropolis's choice: chain by chain `proposed` with probability min(1, e^logRatio), otherwise `current`. A ratio that is not a
 * number, from a proposal where the density overflowed, is a rejection.
 */
export function choose<State extends { readonly [Name in keyof State]: tf.Tensor }>(
  key: Key,
  logRatio: tf.Tensor,
  proposed: State,
  current: State,
): Transition<State> {
  const accepted = tf.less(tf.log(uniform(key, logRatio.shape)), logRatio)
  const pick = (one: tf.Tensor, other: tf.Tensor) =>
    tf.where(one.rank > accepted.rank ? tf.reshape(accepted, [...accepted.shape, 1]) : accepted, one, other)
  const names = Object.keys(current) as (keyof State)[]
  const state = Object.fromEntries(names.map(name => [name, pick(proposed[name], current[name])])) as State
  const isNumber = tf.greaterEqual(logRatio, Number.NEGATIVE_INFINITY)
  return { state, accepted, acceptance: tf.where(isNumber, tf.exp(tf.minimum(logRatio, 0)), 0) }
}
