/** The Gaussian mixture, p(x) = Σ_k w_k N(x; m_k, Σ_k) (Bishop 2006, section 9.2), with spherical, diagonal or full covariances. */
import * as tf from '#tfjs'
import { row, sum } from '../../numeric/linear-algebra.js'
import { LOG_2PI } from '../../numeric/special-functions.js'
import { axisStructure } from './axis-gaussian.js'
import { fullStructure } from './full-gaussian.js'
import {
  constantNames,
  constantValues,
  type GaussianMoments,
  type GaussianStatistics,
  type GaussianStructure,
  type Precision,
  type QuadraticForms,
  type Values,
} from './gaussian-structure.js'
import { assign, countValues, createVariables, type Mixture, read, variable } from './mixture.js'
import { isUnused, maximizeWeights } from './weights.js'

export const covarianceKinds = ['spherical', 'diagonal', 'full'] as const

/**
 * Variables: weights [K], means [K, pixels], covariances [K], [K, pixels] or [K, pixels, pixels]; derived from them and from values that x is
 * counted from: log_weights, constants and constants_rest [K], and those of the structure. What derives is computed in double precision from
 * the parameters as they are stored.
 */
export interface GaussianMixture extends Mixture<'sums' | 'squares'> {
  readonly family: 'gaussian'
  readonly covariance: (typeof covarianceKinds)[number]
  readonly structure: GaussianStructure
  /** What the variables of the structure's base hold. */
  base: Values
  /** What the structure derived. */
  slots: number
}

export interface GaussianParameters {
  /** [K], positive, summing to 1. */
  weights: Float64Array
  /** [K, pixels]. */
  means: Float64Array
  /** Variances [K] (spherical) or [K, pixels] (diagonal), or matrices [K, pixels, pixels]. */
  covariances: Float64Array
}

/** What a posterior over the parameters changes about log w and c; without one they follow from the parameters. */
export interface ExpectedConstants {
  /** E[log w]: [K]. */
  logWeights: Float64Array
  /** The constant c_k, given log |Λ_k|. */
  constant(k: number, logDeterminant: number): number
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
  /** Lower limit of each variance; of a full covariance, of its variance in every direction. */
  varianceFloor: number
}

/** A flat prior: maximum likelihood. */
export const flatGaussianPrior: GaussianPrior = { concentration: 1, varianceFloor: 1e-6 }

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

const variableShapes = (
  { pixels, components }: GaussianShape,
  structure: GaussianStructure,
): Record<string, number[]> => ({
  weights: [components],
  means: [components, pixels],
  covariances: structure.covarianceShape,
  ...Object.fromEntries(constantNames.map(name => [name, [components]])),
  ...structure.coefficientShapes,
  ...Object.fromEntries(Object.entries(structure.base).map(([name, { length }]) => [name, [length]])),
})

/**
 * A mixture of Gaussians; without `start` every component is N(0, I).
 *
 * @example
 * const mixture = createGaussianMixture({ pixels: 3, components: 2, covariance: 'full' })
 * console.log(mixture.variables.get('covariances')?.shape) // [ 2, 3, 3 ]
 */
export function createGaussianMixture(options: GaussianMixtureOptions): GaussianMixture {
  const { pixels, components, covariance } = options
  const structure = structureOf(options)
  const variables = createVariables(variableShapes(options, structure))
  const mixture: GaussianMixture = {
    family: 'gaussian',
    covariance,
    structure,
    components,
    pixels,
    variables,
    base: structure.base,
    slots: 0,
    form: () => `slots ${mixture.slots}`,
    momentShapes: structure.momentShapes,
    logJoint: (x, isPrecise = false) => structure.logJoint(variables, x, mixture.slots, isPrecise),
    moments: (responsibilities, x) => structure.moments(variables, responsibilities, x, mixture.slots),
    async adapt(x) {
      setBase(mixture, await structure.chooseBase(x))
      setGaussianParameters(mixture, equalComponents(mixture, await meanOf(x)))
    },
    dispose: () => variables.forEach(value => void value.dispose()),
  }
  setBase(mixture, structure.base)
  setGaussianParameters(mixture, options.start ?? equalComponents(mixture, new Float64Array(pixels)))
  return mixture
}

async function meanOf(x: tf.Tensor): Promise<Float64Array> {
  const mean = tf.mean(x, 0)
  const values = Float64Array.from(await mean.data())
  mean.dispose()
  return values
}

/** All components N(mean, I). */
function equalComponents(mixture: GaussianMixture, mean: Float64Array): GaussianParameters {
  const { components, pixels, covariance, structure } = mixture
  const covariances = new Float64Array(structure.covarianceShape.reduce((size, length) => size * length))
  const isVariance = (i: number) => covariance !== 'full' || (i % (pixels * pixels)) % (pixels + 1) === 0
  return {
    weights: new Float64Array(components).fill(1 / components),
    means: Float64Array.from({ length: components * pixels }, (_, i) => mean[i % pixels] as number),
    covariances: covariances.map((_, i) => (isVariance(i) ? 1 : 0)),
  }
}

function setBase(mixture: GaussianMixture, base: Values): void {
  assign(mixture.variables, base)
  mixture.base = Object.fromEntries(Object.entries(base).map(([name, values]) => [name, values.map(Math.fround)]))
}

/** The statistics of a pass that these parameters were held in. */
export async function gaussianStatistics(
  mixture: GaussianMixture,
  moments: GaussianMoments,
): Promise<GaussianStatistics & { before: Values }> {
  const { structure, base } = mixture
  const names = ['means', 'slot', structure.precisionFrom].filter(name => mixture.variables.has(name))
  const values = await Promise.all(names.map(async name => [name, await read(mixture, name)] as const))
  const before = { ...base, ...Object.fromEntries(values) }
  return { ...structure.statistics(moments, before), before }
}

/**
 * Assigns the parameters, rounded to float32, and what derives from them; returns the quadratic forms, with log |Λ|. Throws an Error if a
 * covariance is singular.
 */
export function setGaussianParameters(
  mixture: GaussianMixture,
  { weights, means, covariances }: GaussianParameters,
  expected?: ExpectedConstants,
): QuadraticForms {
  const { variables, structure } = mixture
  const inverse = structure.invert(covariances)
  assign(variables, { weights, means, covariances })
  return derive(mixture, { weights: weights.map(Math.fround), means: means.map(Math.fround) }, inverse, expected)
}

/** Derives anew what follows from the stored parameters, after they were restored. */
export function restoreGaussian(mixture: GaussianMixture, expected?: ExpectedConstants): void {
  const { structure } = mixture
  const stored = (name: string) => Float64Array.from(variable(mixture, name).dataSync<'float32'>())
  mixture.base = Object.fromEntries(Object.keys(structure.base).map(name => [name, stored(name)]))
  const inverse = structure.storedPrecision(stored(structure.precisionFrom))
  derive(mixture, { weights: stored('weights'), means: stored('means') }, inverse, expected)
}

function derive(
  mixture: GaussianMixture,
  { weights, means }: Values,
  inverse: Precision,
  expected: ExpectedConstants = exactConstants(weights as Float64Array, mixture.pixels),
): QuadraticForms {
  const { structure, variables } = mixture
  const constants = inverse.logDeterminants.map((value, k) => expected.constant(k, value))
  const forms = { ...inverse, logWeights: expected.logWeights, constants, means: means as Float64Array }
  const { coefficients, slots } = structure.derive(forms, mixture.base)
  assign(variables, { ...constantValues(forms), ...coefficients })
  mixture.slots = slots
  return forms
}

const exactConstants = (weights: Float64Array, pixels: number): ExpectedConstants => ({
  logWeights: weights.map(Math.log),
  constant: (_, logDeterminant) => (logDeterminant - pixels * LOG_2PI) / 2,
})

/** Σ_n Σ_k r_nk (log w_k + log p(x_n | k)) over so many images, in nats. */
export function totalGaussianLogJoint(
  { structure }: GaussianMixture,
  forms: QuadraticForms,
  statistics: GaussianStatistics,
  images: number,
): number {
  const { counts } = statistics
  const totals = counts.map((count, k) => {
    if (isUnused(count)) return 0
    const constant = (forms.logWeights[k] as number) + (forms.constants[k] as number)
    return count * (constant - structure.meanDistance(forms, statistics, k) / 2)
  })
  // Of float32 responsibilities, Σ_k N_k is the number of images only up to rounding, which the constants would multiply by thousands.
  return (sum(totals) / sum(counts)) * images
}

/**
 * The M step: the most probable parameters given the moments of so many images, of those with no variance below the floor. Components without images
 * keep mean and covariance.
 */
export async function maximizeGaussian(
  mixture: GaussianMixture,
  moments: GaussianMoments,
  images: number,
  { concentration, varianceFloor }: GaussianPrior,
) {
  const { structure, pixels } = mixture
  const statistics = await gaussianStatistics(mixture, moments)
  const { before } = statistics
  const { weights, logPrior } = maximizeWeights(moments.counts, concentration)
  const { precision } = structure.storedPrecision(before[structure.precisionFrom] as Float64Array)
  const means = Float64Array.from(before.means as Float64Array)
  const covariances = new Float64Array(statistics.covariances.length)
  const size = covariances.length / mixture.components
  moments.counts.forEach((count, k) => {
    if (isUnused(count)) {
      covariances.set(structure.covarianceOf(precision, k), k * size)
      return
    }
    means.set(row(statistics.means, k, pixels), k * pixels)
    const { covariance, ofImages } = structure.atLeast(row(statistics.covariances, k, size), varianceFloor)
    covariances.set(covariance, k * size)
    statistics.covariances.set(ofImages, k * size)
  })
  const forms = setGaussianParameters(mixture, { weights, means, covariances })
  return { logJoint: totalGaussianLogJoint(mixture, forms, statistics, images), logPrior }
}
