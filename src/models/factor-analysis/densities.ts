/** Densities and draws of factor analysis, p(z | x) = N(G Wᵀ Psi^-1 (x - mu), G) among them, from what `setParameters` derives. */
import * as tf from '#tfjs'
import { LOG_2PI } from '../../numeric/special-functions.js'
import { type Key, normal } from '../../random.js'
import type { FactorAnalysis } from './model.js'

/** The mean of p(z | x) of each image as a matrix product rounds it. */
export interface Projected {
  /** [batch, latent]. */
  start: tf.Tensor
  /** x - mu - W start: [batch, features]. */
  residual: tf.Tensor
}

/** The same and a Newton step to the mean. */
export interface Inferred extends Projected {
  /** The mean of p(z | x): [batch, latent]. */
  mean: tf.Tensor
  /** R^-1 (mean - start), in which no two factors are alike: [batch, latent]. */
  scaled: tf.Tensor
  /** log p(x, z) at the mean less that at `start`, in nats: [batch], at least 0. */
  gain: tf.Tensor
}

/** The means of p(z | x) of images x [batch, features], right in float32 unless `model.isRefined`. */
export function project(model: FactorAnalysis, x: tf.Tensor): Projected {
  const away = tf.sub(x, model.mu) as tf.Tensor2D
  const start = tf.matMul(away, model.projection as tf.Tensor)
  return { start, residual: tf.sub(away, decode(model, start)) }
}

/** p(z | x) of images x [batch, features]. */
export const infer = (model: FactorAnalysis, x: tf.Tensor): Inferred => refine(model, project(model, x))

/** W z: z [batch, latent] -> [batch, features]. */
const decode = ({ W }: FactorAnalysis, z: tf.Tensor): tf.Tensor => tf.matMul(z, W as tf.Tensor, false, true)

/** With g the gradient of log p(x, z) at `start`, and G = R Rᵀ its inverse negative Hessian, the step is R Rᵀ g and gains 1/2 |Rᵀ g|^2. */
export function refine({ W, psi, posteriorRoot }: FactorAnalysis, { start, residual }: Projected): Inferred {
  const gradient = tf.sub(tf.matMul(residual, tf.div(W, tf.reshape(psi, [-1, 1]))), start)
  const scaled = tf.matMul(gradient, posteriorRoot)
  const step = tf.matMul(scaled, posteriorRoot, false, true)
  return { start, residual, mean: tf.add(start, step), scaled, gain: tf.mul(tf.sum(tf.square(scaled), -1), 0.5) }
}

/**
 * The mean of p(z | x): x [batch, features] -> [batch, latent].
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * console.log(factorPosteriorMean(model, x).shape) // [ 1, 2 ]
 */
export function posteriorMean(model: FactorAnalysis, x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => infer(model, x).mean)
}

/**
 * `samples` draws of p(z | x), given its mean [batch, latent]: [samples, batch, latent].
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const z = sampleFactorPosterior(model, streamKey(1, 'z'), factorPosteriorMean(model, x), 7)
 * console.log(z.shape) // [ 7, 1, 2 ]
 */
export function samplePosterior(model: FactorAnalysis, key: Key, mean: tf.Tensor, samples: number): tf.Tensor {
  return tf.tidy(() => {
    const epsilon = normal(key, [samples * (mean.shape[0] as number), model.latentDim])
    const away = tf.matMul(epsilon, model.posteriorRoot, false, true) // epsilon Rᵀ
    return tf.add(mean, tf.reshape(away, [samples, ...mean.shape]))
  })
}

/**
 * log p(x) in nats, exactly: x [batch, features] -> [batch].
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * console.log(factorLogProb(model, x).shape) // [ 1 ]
 */
export function logProb(model: FactorAnalysis, x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => boundAt(model, infer(model, x)).elbo)
}

/**
 * The bound at the exact posterior, each [batch] in nats per image: elbo = log p(x) = reconstruction - kl.
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const { elbo, reconstruction, kl } = factorBound(model, x, factorPosteriorMean(model, x))
 * console.log(elbo.shape, reconstruction.shape, kl.shape) // [ 1 ] [ 1 ] [ 1 ]
 */
export function exactBound(model: FactorAnalysis, x: tf.Tensor, mean: tf.Tensor) {
  return tf.tidy(() => {
    const residual = tf.sub(tf.sub(x, model.mu), decode(model, mean))
    return boundAt(model, refine(model, { start: mean, residual }))
  })
}

/** As `exactBound`, of what `infer` or `project` returned. */
export function boundAt(model: FactorAnalysis, at: Projected | Inferred) {
  const { psi, latentDim, logDetPosterior, tracePosterior, logDensityAtMean } = model
  const squaredNorm = (z: tf.Tensor) => tf.sum(tf.square(z), -1) // [batch]
  // (x - mu)ᵀ C^-1 (x - mu) = |x - mu - W m|^2_Psi + |m|^2: both terms are positive, so nothing cancels.
  const squared = tf.add(tf.sum(tf.div(tf.square(at.residual), psi), -1), squaredNorm(at.start))
  const half = tf.mul(squared, 0.5)
  const elbo = tf.sub(logDensityAtMean, 'gain' in at ? tf.sub(half, at.gain) : half)
  // 1/2 (tr G + |m|^2 - L - log det G)
  const mean = 'mean' in at ? at.mean : at.start
  const kl = tf.mul(tf.add(squaredNorm(mean), tf.sub(tf.sub(tracePosterior, logDetPosterior), latentDim)), 0.5)
  return { elbo, reconstruction: tf.add(elbo, kl), kl }
}

/** log p(x | z) + log p(z): x [batch, features], z [..., batch, latent] -> [..., batch]. */
export function logJoint(model: FactorAnalysis, x: tf.Tensor, z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const { mu, W, psi, features, latentDim, logDetPosterior, logDensityAtMean } = model
    const flat = tf.reshape(z, [-1, latentDim])
    const decoded = tf.reshape(tf.matMul(flat, W, false, true), [...z.shape.slice(0, -1), features])
    const residual = tf.sub(tf.sub(x, mu), decoded) // [..., batch, features]
    const squared = tf.add(tf.sum(tf.div(tf.square(residual), psi), -1), tf.sum(tf.square(z), -1))
    // at x = mu and z = 0
    const constant = tf.sub(logDensityAtMean, tf.mul(tf.add(logDetPosterior, latentDim * LOG_2PI), 0.5))
    return tf.sub(constant, tf.mul(squared, 0.5))
  })
}

/**
 * `count` draws of z and the mean images of p(x | z): z [count, latent], mean [count, features].
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const { z, mean } = sampleFactors(model, streamKey(1, 'sample'), 9)
 * console.log(z.shape, mean.shape) // [ 9, 2 ] [ 9, 4 ]
 */
export function sample(model: FactorAnalysis, key: Key, count: number): { z: tf.Tensor; mean: tf.Tensor } {
  return tf.tidy(() => {
    const z = normal(key, [count, model.latentDim])
    return { z, mean: tf.add(tf.matMul(z, model.W, false, true), model.mu) }
  })
}
