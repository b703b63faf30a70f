/** Sums over the points of one row of a grid of z. */
import * as tf from '#tfjs'
import type { PointSums, RowSums } from './grid-sums.js'

/** The sums over a row of points, from log p(x, z) and log q(z|x) [side, size]. */
export function sumRow(
  logJoint: tf.Tensor,
  logQ: tf.Tensor,
  side: number,
): RowSums<tf.Tensor> & Record<string, tf.Tensor> {
  const half = (values: tf.Tensor) => tf.stridedSlice(values, [0, 0], values.shape, [2, 1])
  const even = Object.entries(sumPoints(half(logJoint), half(logQ))).map(([name, sums]) => [`${name}Even`, sums])
  const all = sumPoints(logJoint, logQ)
  const ends = tf.exp(tf.sub(tf.gather(logJoint, [0, side - 1]), all.jointMax))
  return { ...all, ...Object.fromEntries(even), jointEnds: tf.sum(ends, 0) }
}

/** The sums over points, from log p(x, z) and log q(z|x) [points, size]. */
function sumPoints(logJoint: tf.Tensor, logQ: tf.Tensor): PointSums<tf.Tensor> {
  const [jointMax, qMax] = [tf.max(logJoint, 0), tf.max(logQ, 0)]
  const joint = tf.exp(tf.sub(logJoint, jointMax))
  const q = tf.exp(tf.sub(logQ, qMax))
  const ratio = tf.mul(q, tf.sub(logJoint, logQ))
  return { jointMax, joint: tf.sum(joint, 0), qMax, q: tf.sum(q, 0), ratio: tf.sum(ratio, 0) }
}
