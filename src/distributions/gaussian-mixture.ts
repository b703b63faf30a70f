/** A mixture of normal distributions with diagonal covariances, whose parameters are tensors: p(z) = Σ_k w_k N(z; mu_k, diag sigma_k^2). */
import * as tf from '#tfjs'
import { LOG_2PI } from '../numeric/special-functions.js'
import { type Key, normal, split, uniform } from '../random.js'
import * as gaussian from './normal.js'

/** The parameters of K components. */
export interface Components {
  /** [K, dimensions]. */
  readonly means: tf.Tensor
  /** Log variances, [K, dimensions]. */
  readonly logVars: tf.Tensor
  /** Log weights, [K]; the weights sum to 1. */
  readonly logWeights: tf.Tensor
}

/**
 * log p(z) in nats: z [..., dimensions] -> [...]. Its quadratic forms are two matrix products, so that nothing of size
 * [..., K, dimensions] is made; in float32 they are exact to about 1e-7 Σ_j (z_j^2 + mu_kj^2) / sigma_kj^2 nats.
 */
export function logProb(z: tf.Tensor, { means, logVars, logWeights }: Components): tf.Tensor {
  return tf.tidy(() => {
    const precisions = tf.exp(tf.neg(logVars)) as tf.Tensor2D
    const scaled = tf.mul(means, precisions) as tf.Tensor2D
    // log w_k + log N(z; mu_k, sigma_k^2) = constant_k + Σ_j z_j mu_kj / sigma_kj^2 - Σ_j z_j^2 / (2 sigma_kj^2)
    const norms = tf.sum(tf.add(tf.add(tf.mul(means, scaled), logVars), LOG_2PI), -1)
    const constant = tf.sub(logWeights, tf.mul(norms, 0.5)) // [K]
    const rows = tf.reshape(z, [-1, z.shape.at(-1) as number]) as tf.Tensor2D
    const squares = tf.matMul(tf.square(rows), precisions, false, true) // [rows, K]
    const products = tf.matMul(rows, scaled, false, true)
    const logs = tf.add(tf.sub(products, tf.mul(squares, 0.5)), constant)
    return tf.reshape(tf.logSumExp(logs, -1), z.shape.slice(0, -1))
  })
}

/** Independent draws: a tensor of `shape` [..., dimensions]. */
export function sample(key: Key, shape: number[], { means, logVars, logWeights }: Components): tf.Tensor {
  return tf.tidy(() => {
    const [componentKey, noiseKey] = split(key, 2) as [Key, Key]
    const components = logWeights.size
    const rows = tf.util.sizeFromShape(shape.slice(0, -1))
    // The component whose share of (0, 1), in the order of k, holds a uniform number.
    const upTo = tf.cumsum(tf.exp(logWeights)) // [K]
    const passed = tf.greaterEqual(uniform(componentKey, [rows, 1]), tf.reshape(upTo, [1, components]))
    const chosen = tf.minimum(tf.sum(tf.cast(passed, 'int32'), 1), tf.scalar(components - 1, 'int32'))
    const of = (parameters: tf.Tensor) => tf.reshape(tf.gather(parameters, chosen), shape)
    return gaussian.at(normal(noiseKey, shape), of(means), of(logVars))
  })
}

/** Mean and variance of each dimension, [dimensions] each. */
export function moments({ means, logVars, logWeights }: Components): { mean: tf.Tensor; variance: tf.Tensor } {
  return tf.tidy(() => {
    const weights = tf.reshape(tf.exp(logWeights), [-1, 1])
    const mean = tf.sum(tf.mul(weights, means), 0)
    const spread = tf.square(tf.sub(means, mean))
    return { mean, variance: tf.sum(tf.mul(weights, tf.add(tf.exp(logVars), spread)), 0) }
  })
}
