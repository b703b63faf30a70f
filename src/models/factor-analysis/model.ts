/**
 * Factor analysis and its parameters: x = W z + mu + epsilon with z ~ N(0, I) and epsilon ~ N(0, diag psi), so x ~ N(mu, W Wᵀ + diag psi)
 * (Rubin & Thayer 1982). Probabilistic PCA is the case psi = sigma^2 (1, …, 1) (Tipping & Bishop 1999).
 */
import { Matrix } from 'ml-matrix'
import * as tf from '#tfjs'
import { gibbsSweep } from '../../distributions/gibbs-sweep.js'
import { cholesky, dot, invert } from '../../numeric/linear-algebra.js'
import { LOG_2PI } from '../../numeric/special-functions.js'
import { type Key, normal } from '../../random.js'
import { FLOAT32_ROUNDING } from '../mixtures/mixture.js'

/** A variance for each feature (factor analysis), or one for all (probabilistic PCA). */
export const noises = ['diagonal', 'isotropic'] as const

/** The parameters theta, in double precision. */
export interface FactorParameters {
  /** [features]. */
  readonly mu: Float64Array
  /** [features, latent]. */
  readonly W: Matrix
  /** Variances of the noise, [features], above 0. */
  readonly psi: Float64Array
}

/** p(z | x) = N(G Wᵀ Psi^-1 (x - mu), G): the part that does not depend on x. */
export interface FactorPosterior {
  /** I + Wᵀ Psi^-1 W, the inverse of G: [latent, latent]. */
  readonly precision: Matrix
  /** G: [latent, latent]. */
  readonly covariance: Matrix
  readonly logDetCovariance: number
}

/** The model: theta, and the tensors that `setParameters` derives from it. */
export interface FactorAnalysis {
  readonly features: number
  readonly latentDim: number
  readonly variables: ReadonlyMap<string, tf.Variable>
  readonly mu: tf.Variable
  readonly W: tf.Variable
  readonly psi: tf.Variable
  /** Psi^-1 W G, [features, latent]: the posterior's mean is (x - mu) times it. */
  readonly projection: tf.Variable
  /** R with G = R Rᵀ, lower triangular, [latent, latent]. */
  readonly posteriorRoot: tf.Variable
  /** For `gibbsStep` on p(z | x), [latent, latent] each. */
  readonly sweep: { readonly carry: tf.Variable; readonly noise: tf.Variable }
  /** log det G, and the trace of G. */
  readonly logDetPosterior: tf.Variable
  readonly tracePosterior: tf.Variable
  /** log p(x) at x = mu, in nats. */
  readonly logDensityAtMean: tf.Variable
  /** Whether the product with `projection` rounds so much that training refines it by a Newton step (densities.ts). */
  isRefined: boolean
  dispose(): void
}

/** The numbers of values of a model, which is not made: of its variables, and of the sums of a pass. */
export const countFactorAnalysis = (features: number, latentDim: number): { variables: number; moments: number } => ({
  variables: 2 * features * (latentDim + 1) + 3 * latentDim ** 2 + 2,
  moments: features * (latentDim + 2) + latentDim ** 2 + latentDim + 1,
})

/**
 * A model with W = 0, mu = 0, psi = 1, to be filled by `setParameters` or from a checkpoint.
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * console.log(model.W.shape, model.psi.shape) // [ 4, 2 ] [ 4 ]
 */
export function createFactorAnalysis({ features, latentDim }: { features: number; latentDim: number }): FactorAnalysis {
  const zeros = (...shape: number[]) => tf.tidy(() => tf.variable(tf.zeros(shape), false))
  const tensors = {
    mu: zeros(features),
    W: zeros(features, latentDim),
    psi: zeros(features),
    projection: zeros(features, latentDim),
    posteriorRoot: zeros(latentDim, latentDim),
    sweep: { carry: zeros(latentDim, latentDim), noise: zeros(latentDim, latentDim) },
    logDetPosterior: zeros(),
    tracePosterior: zeros(),
    logDensityAtMean: zeros(),
  }
  const { mu, W, psi, ...derived } = tensors
  const model: FactorAnalysis = {
    features,
    latentDim,
    ...tensors,
    isRefined: false,
    variables: new Map<string, tf.Variable>([
      ['mu', mu],
      ['W', W],
      ['psi', psi],
      ['derived/projection', derived.projection],
      ['derived/posterior_root', derived.posteriorRoot],
      ['derived/gibbs_carry', derived.sweep.carry],
      ['derived/gibbs_noise', derived.sweep.noise],
      ['derived/log_det_posterior', derived.logDetPosterior],
      ['derived/trace_posterior', derived.tracePosterior],
      ['derived/log_density_at_mean', derived.logDensityAtMean],
    ]),
    dispose: () => tf.dispose(tensors),
  }
  setParameters(model, {
    mu: new Float64Array(features),
    W: Matrix.zeros(features, latentDim),
    psi: new Float64Array(features).fill(1),
  })
  return model
}

/**
 * Writes theta, rounded to float32, and what derives from the rounded values, which it returns. Throws an Error unless psi > 0.
 *
 * @example
 * const model = createFactorAnalysis({ features: 3, latentDim: 1 })
 * const theta = await readFactorParameters(model)
 * setFactorParameters(model, { ...theta, psi: Float64Array.of(0.5, 0.25, 1) })
 * console.log(model.psi.dataSync()) // Float32Array(3) [ 0.5, 0.25, 1 ]
 */
export function setParameters(model: FactorAnalysis, { mu, W, psi }: FactorParameters): FactorParameters {
  const invalid = psi.findIndex(variance => !(Math.fround(variance) > 0))
  if (invalid >= 0)
    throw new Error(
      `factor analysis: the noise variance of feature ${invalid} is ${psi[invalid]}; it must be above 0 (raise the variance floor)`,
    )
  const theta = { mu: mu.map(Math.fround), W: Matrix.fround(W), psi: psi.map(Math.fround) }
  const { precision, covariance, logDetCovariance } = posteriorOf(theta)
  const { carry, noise } = gibbsSweep(precision)
  const projection = theta.W.clone().divColumnVector(theta.psi).mmul(covariance) // Psi^-1 W G
  model.isRefined = roundingOfProjection(theta, projection, precision) > TOLERATED_ROUNDING
  const values: [tf.Variable, ArrayLike<number>][] = [
    [model.mu, theta.mu],
    [model.W, theta.W.to1DArray()],
    [model.psi, theta.psi],
    [model.projection, projection.to1DArray()],
    [model.posteriorRoot, cholesky(covariance).to1DArray()],
    [model.sweep.carry, carry.to1DArray()],
    [model.sweep.noise, noise.to1DArray()],
    [model.logDetPosterior, [logDetCovariance]],
    [model.tracePosterior, [covariance.trace()]],
    [model.logDensityAtMean, [logDensityAtMean(theta.psi, logDetCovariance)]],
  ]
  for (const [variable, list] of values)
    tf.tidy(() => variable.assign(tf.tensor(Float32Array.from(list), variable.shape)))
  return theta
}

/** Nats. The product with the projection of an expected image may cost this much of log p(x) in training; a rare image costs some times as much. */
const TOLERATED_ROUNDING = 1e-5

/**
 * What it costs, in nats of log p(x) of an image that the model expects, that each entry of the projection is rounded to float32: z is off by d and
 * log p(x, z) by 1/2 dᵀ G^-1 d. Of factors that are nearly the same, large entries cancel.
 */
function roundingOfProjection({ W, psi }: FactorParameters, projection: Matrix, precision: Matrix): number {
  const weights = precision.diagonal()
  const costs = Array.from(psi, (variance, i) => {
    const expected = variance + dot(W.getRow(i), W.getRow(i))
    return expected * projection.getRow(i).reduce((sum, entry, l) => sum + entry ** 2 * (weights[l] as number), 0)
  })
  return (FLOAT32_ROUNDING ** 2 * costs.reduce((sum, cost) => sum + cost, 0)) / 2
}

/** -1/2 (D log 2 pi + log det C) with det C = det Psi / det G: in double precision, because a sum over many variances is thousands of nats. */
function logDensityAtMean(psi: ArrayLike<number>, logDetCovariance: number): number {
  const logDetNoise = Array.from(psi).reduce((sum, variance) => sum + Math.log(variance), 0)
  return -(psi.length * LOG_2PI + logDetNoise - logDetCovariance) / 2
}

/**
 * The parameters theta of a model, in double precision.
 *
 * @example
 * const model = createFactorAnalysis({ features: 3, latentDim: 1 })
 * console.log((await readFactorParameters(model)).psi) // Float64Array(3) [ 1, 1, 1 ]
 */
export async function readParameters({ mu, W, psi }: FactorAnalysis): Promise<FactorParameters> {
  return parametersOf(W, await Promise.all([mu.data(), W.data(), psi.data()]))
}

/** Derives anew what follows from theta, after its variables were restored. */
export function restoreParameters(model: FactorAnalysis): void {
  const { mu, W, psi } = model
  setParameters(model, parametersOf(W, [mu.dataSync(), W.dataSync(), psi.dataSync()]))
}

type Data = ArrayLike<number>

function parametersOf({ shape }: tf.Tensor, [m, w, p]: readonly [Data, Data, Data]): FactorParameters {
  return {
    mu: Float64Array.from(m),
    W: Matrix.from1DArray(shape[0] as number, shape[1] as number, w),
    psi: Float64Array.from(p),
  }
}

export interface Start {
  /** The features' means and variances over the data, [features] each. */
  mean: ArrayLike<number>
  variance: ArrayLike<number>
  noise: (typeof noises)[number]
  varianceFloor: number
}

/**
 * Initial parameters: mu and psi are the moments of the data; W is normal, with variance (mean variance of a feature) / latentDim.
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * console.log((await readFactorParameters(model)).mu) // Float64Array(4) [ 0.5, 1, 0.5, 0 ]
 */
export function initializeFactorAnalysis(
  model: FactorAnalysis,
  key: Key,
  { mean, variance, noise, varianceFloor }: Start,
): void {
  const meanVariance = Array.from(variance).reduce((sum, value) => sum + value, 0) / model.features
  const psi = Float64Array.from(variance, value =>
    Math.max(noise === 'isotropic' ? meanVariance : value, varianceFloor),
  )
  const draws = tf.tidy(() => normal(key, [model.features, model.latentDim]).dataSync<'float32'>())
  const scale = Math.sqrt(meanVariance / model.latentDim)
  const W = Matrix.from1DArray(model.features, model.latentDim, draws).mul(scale)
  setParameters(model, { mu: Float64Array.from(mean), W, psi })
}

/** G, its inverse and its log determinant; by Woodbury's identity all matrices are [latent, latent]. */
export function posteriorOf({ W, psi }: FactorParameters): FactorPosterior {
  const inner = W.transpose().mmul(W.clone().divColumnVector(psi)) // Wᵀ Psi^-1 W
  const precision = Matrix.add(inner, inner.transpose()).div(2).add(Matrix.eye(W.columns))
  const { inverse, logDet } = invert(precision)
  return { precision, covariance: inverse, logDetCovariance: -logDet }
}
