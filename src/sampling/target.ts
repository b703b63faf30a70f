/** Targets and transitions of samplers, batched over any number of chains. */
import * as tf from '#tfjs'
import { type Key, uniform } from '../random.js'

/** An unnormalised log density in nats: positions [..., dimensions] -> [...], independent across chains. HMC needs its gradient in z. */
export type LogDensity = (z: tf.Tensor) => tf.Tensor

/** Positions and their log density under one target. Create a new state when the target changes. */
export interface ChainState {
  /** [..., dimensions]. */
  readonly z: tf.Tensor
  /** [...]. */
  readonly logDensity: tf.Tensor
}

export interface Transition<State> {
  readonly state: State
  /** Whether each chain accepted its proposal: bool [...]. */
  readonly accepted: tf.Tensor
  /** Acceptance probability min(1, e^logRatio): [...]. */
  readonly acceptance: tf.Tensor
}

/**
 * The Metropolis accept step: for each chain `proposed` with probability min(1, e^logRatio), otherwise `current`. A ratio of NaN, from an
 * overflow of the density, is a rejection.
 */
export function choose<State extends { readonly [Name in keyof State]: tf.Tensor }>(
  key: Key,
  logRatio: tf.Tensor,
  proposed: State,
  current: State,
): Transition<State> {
  const accepted = tf.less(tf.log(uniform(key, logRatio.shape)), logRatio)
  const pick = (ifAccepted: tf.Tensor, ifRejected: tf.Tensor) => {
    const mask = ifAccepted.rank > accepted.rank ? tf.reshape(accepted, [...accepted.shape, 1]) : accepted
    return tf.where(mask, ifAccepted, ifRejected)
  }
  const names = Object.keys(current) as (keyof State)[]
  const state = Object.fromEntries(names.map(name => [name, pick(proposed[name], current[name])])) as State
  const isNumber = tf.greaterEqual(logRatio, Number.NEGATIVE_INFINITY)
  return { state, accepted, acceptance: tf.where(isNumber, tf.exp(tf.minimum(logRatio, 0)), 0) }
}
