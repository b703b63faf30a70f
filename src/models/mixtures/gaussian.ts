/** The Gaussian mixture, p(x) = Σ_k w_k N(x; m_k, Σ_k) (Bishop 2006, section 9.2), with spherical, diagonal or full covariances. */
import * as tf from '#tfjs'
import { row } from '../../numeric/linear-algebra.js'
import { axisStructure } from './axis-gaussian.js'
import { fullStructure } from './full-gaussian.js'
import { type GaussianMoments, type GaussianStructure, logTwoPi } from './gaussian-structure.js'
import { assign, type Coefficients, countValues, createVariables, type Mixture, read } from './mixture.js'
import { isUnused, maximizeWeights } from './weights.js'

export const covarianceKinds = ['spherical', 'diagonal', 'full'] as const

/**
 * Variables: weights [K], means [K, pixels], covariances [K], [K, pixels] or [K, pixels, pixels]; derived: log_weights and offsets [K],
 * and linear, quadratic or whitening, whitened_means.
 *
 * Moments, and the derived variables, count x from `origin` [pixels]. Sums of x² about zero lose all digits of a variance that is small beside
 * the squared mean, as on a white background; about a value that many images have, nothing cancels. No density depends on it.
 */
export interface GaussianMixture extends Mixture<'sums' | 'squares'> {
  readonly family: 'gaussian'
  readonly covariance: (typeof covarianceKinds)[number]
  readonly structure: GaussianStructure
  /** What the variable of that name holds. */
  readonly origin: Float64Array
  setOrigin(origin: Float64Array): void
  restored(): void
}

export interface GaussianParameters {
  /** [K], positive, summing to 1. */
  weights: Float64Array
  /** [K, pixels]. */
  means: Float64Array
  /** Variances [K] (spherical) or [K, pixels] (diagonal), or matrices [K, pixels, pixels]. */
  covariances: Float64Array
}

export interface GaussianMixtureOptions {
  pixels: number
  components: number
  covariance: GaussianMixture['covariance']
  /** Initial parameters; default: all components N(0, I). */
  start?: GaussianParameters
}

/** The prior of a maximum a posteriori M step. */
export interface GaussianPrior {
  /** Weights ~ Dirichlet(concentration, …), at least 1; 1 is flat. */
  concentration: number
  /** Added to each estimated variance, like scikit-learn's `reg_covar`. */
  regularization: number
}

/** A flat prior: maximum likelihood, with scikit-learn's regularization. */
export const flatGaussianPrior: GaussianPrior = { concentration: 1, regularization: 1e-6 }

type GaussianShape = Omit<GaussianMixtureOptions, 'start'>

/** The numbers of values of a mixture, which is not made: of its variables, of the sums of a pass, and of the covariances. */
export function countGaussian(shape: GaussianShape): { variables: number; moments: number; covariances: number } {
  const structure = structureOf(shape)
  return {
    variables: countValues(variableShapes(shape, structure)),
    moments: countValues(structure.momentShapes),
    covariances: countValues({ covariances: structure.covarianceShape }),
  }
}

const structureOf = ({ pixels, components, covariance }: GaussianShape): GaussianStructure =>
  covariance === 'full'
    ? fullStructure(components, pixels)
    : axisStructure(covariance === 'spherical', components, pixels)

const variableShapes = ({ pixels, components }: GaussianShape, structure: GaussianStructure) => ({
  weights: [components],
  means: [components, pixels],
  covariances: structure.covarianceShape,
  log_weights: [components],
  ...structure.coefficientShapes,
  origin: [pixels],
})

export function createGaussianMixture(options: GaussianMixtureOptions): GaussianMixture {
  const { pixels, components, covariance } = options
  const structure = structureOf(options)
  const variables = createVariables(variableShapes(options, structure))
  const originVariable = variables.get('origin') as tf.Variable
  const origin = new Float64Array(pixels)
  const centred = (x: tf.Tensor) => tf.sub(x, originVariable)
  const mixture: GaussianMixture = {
    family: 'gaussian',
    covariance,
    structure,
    components,
    pixels,
    variables,
    origin,
    logProb: x => structure.logProb(variables, centred(x)),
    momentShapes: structure.momentShapes,
    moments: (responsibilities, x) => structure.moments(responsibilities, centred(x)),
    totalLogJoint: structure.totalLogJoint,
    setOrigin(values) {
      assign(variables, { origin: values })
      origin.set(Float32Array.from(values))
    },
    restored: () => origin.set(originVariable.dataSync<'float32'>()),
    dispose: () => variables.forEach(value => void value.dispose()),
  }
  setGaussianParameters(mixture, options.start ?? equalComponents(mixture))
  return mixture
}

function equalComponents({ components, pixels, covariance, structure }: GaussianMixture): GaussianParameters {
  const covariances = new Float64Array(structure.covarianceShape.reduce((size, length) => size * length))
  const isVariance = (i: number) => covariance !== 'full' || (i % (pixels * pixels)) % (pixels + 1) === 0
  return {
    weights: new Float64Array(components).fill(1 / components),
    means: new Float64Array(components * pixels),
    covariances: covariances.map((_, i) => (isVariance(i) ? 1 : 0)),
  }
}

/** Assigns the parameters and the coefficients derived from them, which it returns. Throws an Error if a covariance is singular. */
export function setGaussianParameters(mixture: GaussianMixture, parameters: GaussianParameters): Coefficients {
  const coefficients = mixture.structure.coefficients({
    logWeights: parameters.weights.map(Math.log),
    means: parameters.means.map((mean, i) => mean - (mixture.origin[i % mixture.pixels] as number)),
    covariances: parameters.covariances,
    constant: (_, logDeterminant) => (logDeterminant - mixture.pixels * logTwoPi) / 2,
  })
  assign(mixture.variables, { ...parameters, ...coefficients })
  return coefficients
}

/** The M step: the most probable parameters given the moments. Components without images keep mean and covariance. */
export async function maximizeGaussian(mixture: GaussianMixture, moments: GaussianMoments, prior: GaussianPrior) {
  const { weights, logPrior } = maximizeWeights(moments.counts, prior.concentration)
  const [means, covariances] = await Promise.all([read(mixture, 'means'), read(mixture, 'covariances')])
  const size = covariances.length / mixture.components
  moments.counts.forEach((count, k) => {
    if (isUnused(count)) return
    const mean = row(moments.sums, k, mixture.pixels).map(total => total / count)
    means.set(
      mean.map((value, i) => value + (mixture.origin[i] as number)),
      k * mixture.pixels,
    )
    covariances.set(mixture.structure.covariance(moments, k, mean, prior.regularization), k * size)
  })
  return { coefficients: setGaussianParameters(mixture, { weights, means, covariances }), logPrior }
}
