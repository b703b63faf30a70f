/** The interface of spherical, diagonal and full covariances: log p(x | k) = c_k - ½ (x - m_k)ᵀ Λ_k (x - m_k), Λ the precision. */
import * as tf from '#tfjs'
import { column, type Moments, variable } from './mixture.js'

/** Two sums over images, weighted by r_nk, from which a component's mean and covariance follow. What they are sums of depends on the structure. */
export type GaussianMoments = Moments<'sums' | 'squares'>

/** Values of variables by name, in double precision as float32 holds them. */
export type Values = Readonly<Record<string, Float64Array>>

/** A precision and log |Λ_k| of each component: [K]. */
export interface Precision {
  /** Λ of spherical [K] and diagonal [K, pixels] structures; of full ones P with Λ = Pᵀ P, lower triangular: [K, pixels, pixels]. */
  precision: Float64Array
  logDeterminants: Float64Array
}

/** A quadratic form per component, in double precision. */
export interface QuadraticForms extends Precision {
  /** log w, or its expectation under mean field: [K]. */
  logWeights: Float64Array
  /** c: [K]. */
  constants: Float64Array
  /** m: [K, pixels]. */
  means: Float64Array
}

/** What a pass knows of the images of each component, in double precision. Zero where a component has no images. */
export interface GaussianStatistics {
  /** N_k = Σ_n r_nk: [K]. */
  counts: Float64Array
  /** Σ_n r_nk x_n / N_k: [K, pixels]. */
  means: Float64Array
  /** The covariance about this mean, in the structure's shape. */
  covariances: Float64Array
}

/** A covariance with a floor, and that of the images without the negative variances that rounding leaves where there is none. */
export interface FlooredCovariance {
  covariance: Float64Array
  ofImages: Float64Array
}

/** The variables of a mixture, by name. */
export type Variables = ReadonlyMap<string, tf.Variable>

export interface GaussianStructure {
  /** Shape of `covariances`: [K], [K, pixels] or [K, pixels, pixels]. */
  readonly covarianceShape: number[]
  /** The values that float32 sums count x from, before any image is seen, by name. */
  readonly base: Values
  readonly coefficientShapes: Readonly<Record<string, number[]>>
  readonly momentShapes: Readonly<Record<'sums' | 'squares', number[]>>
  /** Chooses these values, given images x [images, pixels]. */
  chooseBase(x: tf.Tensor): Promise<Values>
  /** log w_k + log p(x | k): [K, batch] in nats. `slots` is what `derive` returned; `isPrecise` as in `Mixture`. */
  logJoint(variables: Variables, x: tf.Tensor, slots: number, isPrecise: boolean): tf.Tensor
  moments(
    variables: Variables,
    responsibilities: tf.Tensor,
    x: tf.Tensor,
    slots: number,
  ): Record<'sums' | 'squares', tf.Tensor>
  /** The statistics of a pass from its moments; `stored` are the values of the variables that its steps had. */
  statistics(moments: GaussianMoments, stored: Values): GaussianStatistics
  /** Precisions, rounded to float32, of covariances. Throws an Error that names the component if one is singular. */
  invert(covariances: Float64Array): Precision
  /** The variable that the precision follows from: `covariances`, or `whitening`, in which float32 holds tiny eigenvalues too. */
  readonly precisionFrom: 'covariances' | 'whitening'
  /** Precisions from that variable's values. */
  storedPrecision(values: Float64Array): Precision
  /** The covariance of component k. */
  covarianceOf(precision: Float64Array, k: number): Float64Array
  /** The most probable covariance, given that of the images, of those with no variance below `floor` in any direction of the structure. */
  atLeast(covariance: Float64Array, floor: number): FlooredCovariance
  /**
   * The values of the variables of `coefficientShapes`, and the number of slots: of how many components of an image a step computes moments and
   * densities in a slower and more precise way; 0 if there is one way only.
   */
  derive(forms: QuadraticForms, base: Values): { coefficients: Values; slots: number }
  /** The mean of (x - m_k)ᵀ Λ_k (x - m_k) over the images of component k. */
  meanDistance(forms: Pick<QuadraticForms, 'means' | 'precision'>, statistics: GaussianStatistics, k: number): number
}

/** The variables that `addConstants` reads, [K] each. */
export const constantNames = ['log_weights', 'constants', 'constants_rest'] as const

/** Their values. c_k can be thousands of nats: `constants_rest` is log w_k and what float32 rounds off c_k. */
export function constantValues({ logWeights, constants }: QuadraticForms): Values {
  const rest = constants.map((value, k) => value - Math.fround(value) + (logWeights[k] as number))
  return { log_weights: logWeights, constants, constants_rest: rest }
}

/** Adds c_k + log w_k to a quadratic form [K, batch], and rounds only once at the size of c_k. */
export function addConstants(variables: Variables, quadratic: tf.Tensor): tf.Tensor {
  const [rest, constants] = ['constants_rest', 'constants'].map(name => column(variable({ variables }, name)))
  return tf.add(tf.add(quadratic, rest as tf.Tensor), constants as tf.Tensor)
}

/** The error for a singular covariance; `component` counts from 0. */
export function singular(component: number, what: string): Error {
  return new Error(
    `component ${component}: the covariance is singular (${what}); use a larger --variance-floor or fewer --components`,
  )
}
