/** The interface of spherical, diagonal and full covariances: log p(x | k) = c_k - ½ (x - m_k)ᵀ Λ_k (x - m_k), Λ the precision. */
import type * as tf from '#tfjs'
import type { Coefficients, Moments } from './mixture.js'

/** `sums` [K, pixels] is Σ_n r_nk x_n; `squares` is the same sum of |x|² [K, 1], of x² [K, pixels], or of x xᵀ [K, pixels, pixels]. */
export type GaussianMoments = Moments<'sums' | 'squares'>

/** A quadratic form per component, in double precision. */
export interface QuadraticForms {
  logWeights: Float64Array
  /** m: [K, pixels]. */
  means: Float64Array
  /** Λ⁻¹, in the structure's shape. */
  covariances: Float64Array
  /** The constant c_k, given log |Λ_k|. */
  constant(k: number, logDeterminant: number): number
}

/** The variables of a mixture, by name. */
export type Variables = ReadonlyMap<string, tf.Variable>

export interface GaussianStructure {
  /** Shape of `covariances`: [K], [K, pixels] or [K, pixels, pixels]. */
  readonly covarianceShape: number[]
  readonly coefficientShapes: Readonly<Record<string, number[]>>
  readonly momentShapes: Readonly<Record<'sums' | 'squares', number[]>>
  /** [K, batch] in nats. */
  logProb(variables: Variables, x: tf.Tensor): tf.Tensor
  moments(responsibilities: tf.Tensor, x: tf.Tensor): Record<'sums' | 'squares', tf.Tensor>
  /** The maximum-likelihood covariance of component k about its mean, plus `regularization` on each variance. */
  covariance(moments: GaussianMoments, k: number, mean: Float64Array, regularization: number): Float64Array
  /** Throws an Error that names the component if a covariance is singular. */
  coefficients(forms: QuadraticForms): Coefficients
  totalLogJoint(coefficients: Coefficients, moments: GaussianMoments): number
}

/** log 2π; the log density of a Gaussian has the term -½ D log 2π. */
export const logTwoPi = Math.log(2 * Math.PI)

/** The error for a singular covariance; `component` counts from 0. */
export function singular(component: number, what: string): Error {
  return new Error(
    `component ${component}: the covariance is singular (${what}); use a larger --variance-floor or fewer --components`,
  )
}
