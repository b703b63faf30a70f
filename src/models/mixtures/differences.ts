/**
 * Gaussian components with spherical or diagonal covariances by differences: x - m_k is subtracted before it is squared, so that nothing cancels.
 * That takes a vector per image and component, where matrix products take a number. So only the most probable components of each image are
 * computed like this, one after another; they are its ranks.
 */
import * as tf from '#tfjs'
import type { Variables } from './gaussian-structure.js'
import { column, variable } from './mixture.js'

/** Below every log density in float32; a component with this value is in no rank. */
const NONE = -3e38

/** A component of each image. */
interface Rank {
  /** int32 [batch]. */
  component: tf.Tensor1D
  /** The value by which it was chosen: [1, batch]. */
  value: tf.Tensor
  /** Where it is, if its value is above that of no component: bool [K, batch]. */
  place: tf.Tensor
}

/** The components with the largest values [K, batch] of each image, in descending order, and the values without them. */
function ranksOf(values: tf.Tensor, count: number, none: number): { ranks: Rank[]; left: tf.Tensor } {
  const numbers = column(tf.range(0, values.shape[0] as number, 1, 'int32'))
  let left = values
  const ranks = Array.from({ length: count }, () => {
    const component = tf.argMax(left, 0) as tf.Tensor1D
    const value = tf.max(left, 0, true)
    const isOwn = tf.equal(numbers, tf.reshape(component, [1, -1]))
    const place = tf.logicalAnd(isOwn, tf.greater(value, none))
    left = tf.where(isOwn, none, left)
    return { component, value, place }
  })
  return { ranks, left }
}

/**
 * log w_k + log p(x | k) [K, batch], given as matrix products round it, with `count` ranks of each image by differences. `among` [K, 1] says which
 * components may be in a rank, and gets the correction of the first rank if it is in none: components that compete for an image are near to
 * each other, and rounded alike.
 */
export function refineLogJoint(
  variables: Variables,
  x: tf.Tensor,
  joint: tf.Tensor,
  { count, among }: { count: number; among: tf.Tensor },
): tf.Tensor {
  const { ranks } = ranksOf(tf.where(among, joint, NONE), count, NONE)
  const exact = ranks.map(({ component }) => tf.reshape(logJointOf(variables, x, component), [1, -1]))
  const [first] = ranks as [Rank]
  const shifted = tf.add(joint, tf.where(among, tf.sub(exact[0] as tf.Tensor, first.value), 0))
  return ranks.reduce((refined, { place }, i) => tf.where(place, exact[i] as tf.Tensor, refined), shifted)
}

/** log w_k + log p(x | k) of one component k of each image, [batch]. Whole nats are added apart from the rest, which float32 does exactly up to 2^24. */
function logJointOf(variables: Variables, x: tf.Tensor, component: tf.Tensor1D): tf.Tensor {
  const own = (name: string) => tf.gather(variable({ variables }, name), component)
  const variances = own('covariances')
  const away = tf.sub(x, own('means')) // [batch, pixels]
  const terms = tf.div(tf.mul(tf.square(away), -0.5), variances.rank === 1 ? column(variances) : variances)
  const whole = tf.round(terms)
  const rest = tf.add(tf.sum(tf.sub(terms, whole), 1), own('constants_rest'))
  return tf.add(tf.add(tf.sum(whole, 1), own('constants')), rest)
}

/**
 * Σ_n r_nk (x_n - m_k) and Σ_n r_nk (x_n - m_k)² [K, pixels] of the `count` largest responsibilities [K, batch] of each image, and the
 * responsibilities that are left, [K, batch].
 */
export function momentsOfRanks(variables: Variables, responsibilities: tf.Tensor, x: tf.Tensor, count: number) {
  const { ranks, left } = ranksOf(responsibilities, count, 0)
  const parts = ranks.map(({ component, value, place }) => {
    const weights = tf.mul(tf.cast(place, 'float32'), value) // [K, batch]
    const away = tf.sub(x, tf.gather(variable({ variables }, 'means'), component))
    return { sums: tf.matMul(weights, away), squares: tf.matMul(weights, tf.square(away)) }
  })
  const together = (name: 'sums' | 'squares') => tf.addN(parts.map(part => part[name]))
  return { sums: together('sums'), squares: together('squares'), left }
}
