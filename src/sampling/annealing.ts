/**
 * log p(x) by annealed importance sampling (Neal 2001; Wu et al. 2017): z moves from the prior to the posterior through
 * p_b(z) ~ p(z) p(x|z)^b, 0 = b_0 < … < b_T = 1, with an HMC transition at each b, and log w = sum_t (b_t - b_t-1) log p(x|z_t-1).
 * E[w] = p(x), so E[log w] <= log p(x): a bound that needs no encoder. A reverse chain from a draw of the posterior has E[1/w] = 1/p(x),
 * so E[log w] >= log p(x) (Grosse, Ghahramani & Adams 2015). Such draws are known for images that the model itself generated.
 */
import * as tf from '#tfjs'
import { type Density, standardNormal } from '../distributions/normal.js'
import type { Key } from '../random.js'
import { type HmcOptions, hmcState, hmcStep } from './hmc.js'

/** log p(x|z) in nats: z [chains, batch, latent] -> [chains, batch]. */
export type LogLikelihood = (z: tf.Tensor) => tf.Tensor

export interface AisState {
  /** [chains, batch, latent]. */
  readonly z: tf.Tensor
  /** [chains, batch], in nats. */
  readonly logWeights: tf.Tensor
}

/**
 * Inverse temperatures b_0 = 0 … b_T = 1 along a sigmoid, T = `steps`, dense at both ends (Wu et al. 2017, with delta = 4).
 *
 * @example
 * console.log(temperatures(4).map(b => b.toFixed(3))) // [ '0.000', '0.105', '0.500', '0.895', '1.000' ]
 */
export function temperatures(steps: number): number[] {
  const sigmoid = (t: number) => 1 / (1 + Math.exp(-4 * (2 * t - 1)))
  return Array.from({ length: steps + 1 }, (_, t) => (sigmoid(t / steps) - sigmoid(0)) / (sigmoid(1) - sigmoid(0)))
}

/**
 * Chains at draws from the prior, N(0, I) unless told otherwise.
 *
 * @example
 * const { z, logWeights } = aisStart(streamKey(1, 'start'), [10, 3, 2]) // chains, images, latent dimensions
 * console.log(z.shape, logWeights.shape) // [ 10, 3, 2 ] [ 10, 3 ]
 */
export function aisStart(
  key: Key,
  shape: readonly [chains: number, batch: number, latent: number],
  prior: Density = standardNormal,
): AisState {
  return { z: prior.sample(key, [...shape]), logWeights: tf.zeros([shape[0], shape[1]]) }
}

/** log p(z) + b log p(x|z), the target of HMC at inverse temperature b. */
const tempered =
  (logLikelihood: LogLikelihood, b: number, prior: Density) =>
  (z: tf.Tensor): tf.Tensor =>
    tf.add(prior.logProb(z), tf.mul(logLikelihood(z), b))

/** How a step moves: HMC, and the prior, N(0, I) if it is left out. */
export interface AisOptions extends HmcOptions {
  prior?: Density
}

/**
 * One step from b_t-1 to `to` = b_t = b_t-1 + `rise`: updates the weights, then moves z by HMC at b_t. Also returns the acceptance
 * probabilities [chains, batch].
 *
 * @example
 * const logLikelihood = (z: tf.Tensor) => tf.mul(tf.sum(tf.square(tf.sub(z, 1)), -1), -2) // of x, given z
 * const schedule = temperatures(10)
 * let state = aisStart(streamKey(1, 'start'), [100, 1, 2])
 * for (const [t, to] of schedule.entries()) {
 *   const rise = to - (schedule[t - 1] ?? 0)
 *   const options = { stepSize: 0.3, leapfrogSteps: 3, jitter: 0.2 }
 *   state = aisStep(logLikelihood, state, keyAt(streamKey(1, 'chains'), t), { to, rise }, options).state
 * }
 * const logPx = tf.sub(tf.logSumExp(state.logWeights, 0), Math.log(100)) // exactly -2.409
 * console.log(Math.abs((logPx.dataSync()[0] ?? 0) + 2.409) < 0.3) // true
 */
export function aisStep(
  logLikelihood: LogLikelihood,
  { z, logWeights }: AisState,
  key: Key,
  { to, rise }: { to: number; rise: number },
  { prior = standardNormal, ...options }: AisOptions,
): { state: AisState; acceptance: tf.Tensor } {
  const weighed = tf.add(logWeights, tf.mul(logLikelihood(z), rise))
  const target = tempered(logLikelihood, to, prior)
  const { state, acceptance } = hmcStep(target, hmcState(target, z), key, options)
  return { state: { z: state.z, logWeights: weighed }, acceptance }
}

/**
 * The reverse of `aisStep`, from `to` = b_t to b_t-1 = b_t - `rise`: moves z by HMC at b_t, then updates the weights. HMC is reversible, so
 * the same transition serves both directions.
 */
export function aisReverseStep(
  logLikelihood: LogLikelihood,
  { z, logWeights }: AisState,
  key: Key,
  { to, rise }: { to: number; rise: number },
  { prior = standardNormal, ...options }: AisOptions,
): { state: AisState; acceptance: tf.Tensor } {
  const target = tempered(logLikelihood, to, prior)
  const { state, acceptance } = hmcStep(target, hmcState(target, z), key, options)
  return { state: { z: state.z, logWeights: tf.add(logWeights, tf.mul(logLikelihood(state.z), rise)) }, acceptance }
}
