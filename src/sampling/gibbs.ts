/** Gibbs sampling of a Gaussian, one sweep over all coordinates per step: see distributions/gibbs-sweep.ts for the equation. */
import * as tf from '#tfjs'
import type { GibbsSweep } from '../distributions/gibbs-sweep.js'
import { type Key, normal } from '../random.js'

/**
 * One sweep of every chain: z [..., dimensions]; `mean` broadcasts with it. Every move is accepted.
 *
 * @example
 * const { carry, noise } = gibbsSweep(new Matrix([[2, 0.5], [0.5, 1]])) // the precision of the target
 * const sweep = { carry: tf.tensor2d(carry.to2DArray()), noise: tf.tensor2d(noise.to2DArray()) }
 * const z = gibbsStep(streamKey(1, 'sweep'), tf.zeros([100, 2]), tf.tensor1d([1, 0]), sweep)
 * console.log(z.shape) // [ 100, 2 ]
 */
export function gibbsStep(key: Key, z: tf.Tensor, mean: tf.Tensor, { carry, noise }: GibbsSweep<tf.Tensor>): tf.Tensor {
  const carried = multiplyRows(tf.sub(z, mean), carry)
  return tf.add(mean, tf.add(carried, multiplyRows(normal(key, z.shape), noise)))
}

/** z [..., n] times [n, m], flattened to a product of two matrices: not every backend supports more. */
function multiplyRows(z: tf.Tensor, by: tf.Tensor): tf.Tensor {
  const product = tf.matMul(tf.reshape(z, [-1, by.shape[0] as number]), by)
  return tf.reshape(product, [...z.shape.slice(0, -1), by.shape[1] as number])
}
