/**
 * The mean-field posterior q(w) q(m, Λ) of a Gaussian mixture: w ~ Dirichlet(α), and m_k, Λ_k ~ Normal-Wishart(m, κ, V, ν), that is
 * Λ ~ Wishart(V⁻¹, ν) and m | Λ ~ N(m_k, (κ Λ)⁻¹) (Bishop 2006, section 10.2). With a diagonal covariance each precision is
 * Gamma(ν/2, V/2); with a spherical one the single precision is Gamma(Dν/2, DV/2). V / ν then equals that of scikit-learn's
 * BayesianGaussianMixture. But scikit-learn uses the Wishart's E[log |Λ|] in these cases too, which for more than one pixel is not the
 * expectation under its q.
 */
import type * as tf from '#tfjs'
import { expectedLogWeights, klDirichlet, klGamma, klWishart, wishartLogShift } from '../../distributions/conjugate.js'
import {
  type ExpectedConstants,
  type GaussianMixture,
  restoreGaussian,
  setGaussianParameters,
  totalGaussianLogJoint,
} from '../../models/mixtures/gaussian.js'
import type { GaussianStatistics, QuadraticForms } from '../../models/mixtures/gaussian-structure.js'
import { variable } from '../../models/mixtures/mixture.js'
import { isUnused } from '../../models/mixtures/weights.js'
import { apply, cholesky, dot, gramOfLower, logDeterminant, row, square, sum } from '../../numeric/linear-algebra.js'
import { digamma, LOG_2PI } from '../../numeric/special-functions.js'
import type { GlobalPosterior } from './global-posterior.js'

/** The prior of the parameters, with scikit-learn's names; `gaussianHyperparameters` has its defaults. */
export interface GaussianHyperparameters {
  /** w ~ Dirichlet(concentration, …): `weight_concentration_prior`. */
  concentration: number
  /** m0 [pixels]: `mean_prior`. */
  mean: Float64Array
  /** κ0: `mean_precision_prior`. */
  meanPrecision: number
  /** V0, in the shape of one component's covariance: `covariance_prior`. */
  covariance: Float64Array
  /** ν0, above pixels - 1 for full covariances: `degrees_of_freedom_prior`. */
  degreesOfFreedom: number
}

/** The shapes of q's parameters. */
export const gaussianPosteriorShapes = ({ components }: GaussianMixture): Record<string, number[]> => ({
  concentration: [components],
  mean_precision: [components],
  degrees_of_freedom: [components],
})

/** The optimal q(w) q(m, Λ) given the statistics of a pass over so many images, which the mixture adopts. */
export function gaussianPosterior(
  mixture: GaussianMixture,
  statistics: GaussianStatistics,
  images: number,
  prior: GaussianHyperparameters,
): GlobalPosterior {
  const { counts } = statistics
  const stored = (before: number) => counts.map(count => Math.fround(before + count))
  const alpha = stored(prior.concentration)
  const [meanPrecision, freedom] = [stored(prior.meanPrecision), stored(prior.degreesOfFreedom)]
  const means = posteriorMeans(statistics, prior, meanPrecision)
  const covariances = posteriorCovariances(mixture, statistics, prior, freedom)
  const total = sum(alpha)
  const forms = setGaussianParameters(
    mixture,
    { weights: alpha.map(value => value / total), means, covariances },
    expectedConstants(mixture, alpha, meanPrecision, freedom),
  )
  const kl = counts.map((_, k) => {
    const q = { freedom: freedom[k] as number, meanPrecision: meanPrecision[k] as number, k, forms }
    return klComponent(mixture, { ...q, covariance: row(covariances, k, prior.covariance.length) }, prior)
  })
  return {
    kl: klDirichlet(alpha, prior.concentration) + sum(kl),
    logJoint: totalGaussianLogJoint(mixture, forms, statistics, images),
    posterior: { concentration: alpha, mean_precision: meanPrecision, degrees_of_freedom: freedom },
  }
}

/** Derives anew what follows from q's parameters, after they were restored. */
export function restoreGaussianPosterior(mixture: GaussianMixture, posterior: ReadonlyMap<string, tf.Variable>): void {
  const [alpha, meanPrecision, freedom] = ['concentration', 'mean_precision', 'degrees_of_freedom'].map(name =>
    Float64Array.from(variable({ variables: posterior }, name).dataSync<'float32'>()),
  ) as [Float64Array, Float64Array, Float64Array]
  restoreGaussian(mixture, expectedConstants(mixture, alpha, meanPrecision, freedom))
}

/** E[log w_k], and c_k = (E[log |Λ_k|] - D log 2π - D / κ_k) / 2. */
const expectedConstants = (
  mixture: GaussianMixture,
  alpha: Float64Array,
  meanPrecision: Float64Array,
  freedom: Float64Array,
): ExpectedConstants => ({
  logWeights: expectedLogWeights(alpha),
  constant(k, logDeterminant) {
    const expected = logDeterminant + logShift(mixture, freedom[k] as number)
    return (expected - mixture.pixels * (LOG_2PI + 1 / (meanPrecision[k] as number))) / 2
  },
})

/** m_k = (κ0 m0 + N_k x̄_k) / κ_k: [K, pixels]. */
function posteriorMeans(
  { counts, means }: GaussianStatistics,
  prior: GaussianHyperparameters,
  meanPrecision: Float64Array,
): Float64Array {
  const pixels = prior.mean.length
  return means.map((mean, i) => {
    const k = Math.floor(i / pixels)
    const before = prior.mean[i % pixels] as number
    return isUnused(counts[k] as number)
      ? before
      : before + ((counts[k] as number) / (meanPrecision[k] as number)) * (mean - before)
  })
}

/** E[Λ]⁻¹ = V_k / ν_k of each component, in the shape of its covariance. */
function posteriorCovariances(
  mixture: GaussianMixture,
  statistics: GaussianStatistics,
  prior: GaussianHyperparameters,
  freedom: Float64Array,
): Float64Array {
  const size = prior.covariance.length
  const covariances = new Float64Array(freedom.length * size)
  freedom.forEach((nu, k) => {
    const scale = scaleOf(mixture, statistics, k, prior).map(value => value / nu)
    covariances.set(scale, k * size)
  })
  return covariances
}

/** V_k = V0 + N_k S_k + κ0 N_k / κ_k (x̄ - m0)(x̄ - m0)ᵀ; only its diagonal, or the mean of that, if the covariance is diagonal or spherical. */
function scaleOf(
  { covariance: kind, pixels }: GaussianMixture,
  { counts, means, covariances }: GaussianStatistics,
  k: number,
  prior: GaussianHyperparameters,
): Float64Array {
  const count = counts[k] as number
  if (isUnused(count)) return prior.covariance
  const scatter = row(covariances, k, prior.covariance.length)
  const shift = outer(
    kind,
    row(means, k, pixels).map((value, i) => value - (prior.mean[i] as number)),
  )
  const shrinkage = prior.meanPrecision / (prior.meanPrecision + count)
  return prior.covariance.map((value, i) => value + count * ((scatter[i] as number) + shrinkage * (shift[i] as number)))
}

/** d dᵀ in the shape of a covariance of this kind. */
function outer(kind: GaussianMixture['covariance'], d: Float64Array): Float64Array {
  if (kind === 'spherical') return Float64Array.of(dot(d, d) / d.length)
  if (kind === 'diagonal') return d.map(value => value * value)
  return Float64Array.from({ length: d.length ** 2 }, (_, at) => {
    return (d[Math.floor(at / d.length)] as number) * (d[at % d.length] as number)
  })
}

/** E[log |Λ|] - log |E[Λ]|. */
function logShift({ covariance, pixels }: GaussianMixture, freedom: number): number {
  if (covariance === 'full') return wishartLogShift(pixels, freedom) - pixels * Math.log(freedom)
  const shape = ((covariance === 'spherical' ? pixels : 1) * freedom) / 2
  return pixels * (digamma(shape) - Math.log(shape))
}

interface Component {
  k: number
  freedom: number
  meanPrecision: number
  /** E[Λ]⁻¹ = V / ν. */
  covariance: Float64Array
  /** E[Λ] of all components, and their means. */
  forms: QuadraticForms
}

/** KL(q(m, Λ) || p(m, Λ)) = E_Λ KL(q(m | Λ) || p(m | Λ)) + KL(q(Λ) || p(Λ)). */
function klComponent(mixture: GaussianMixture, q: Component, prior: GaussianHyperparameters): number {
  const ratio = prior.meanPrecision / q.meanPrecision
  const mean = row(q.forms.means, q.k, mixture.pixels)
  const shift = mean.map((value, i) => value - (prior.mean[i] as number))
  const { distance, kl } =
    mixture.covariance === 'full' ? fullTerms(mixture, q, prior, shift) : axisTerms(mixture, q, prior, shift)
  return (mixture.pixels * (ratio - 1 - Math.log(ratio)) + prior.meanPrecision * distance) / 2 + kl
}

interface Terms {
  /** (m - m0)ᵀ E[Λ] (m - m0). */
  distance: number
  /** KL(q(Λ) || p(Λ)). */
  kl: number
}

function fullTerms(
  { pixels }: GaussianMixture,
  q: Component,
  prior: GaussianHyperparameters,
  shift: Float64Array,
): Terms {
  const whitening = square(q.forms.precision, q.k, pixels)
  const white = apply(whitening, shift)
  const priorTerms = {
    logDeterminant: logDeterminant(cholesky(square(prior.covariance, 0, pixels))),
    freedom: prior.degreesOfFreedom,
  }
  const posteriorTerms = {
    logDeterminant: pixels * Math.log(q.freedom) - (q.forms.logDeterminants[q.k] as number), // log |V|
    freedom: q.freedom,
  }
  const trace = dot(gramOfLower(whitening).to1DArray(), prior.covariance)
  return { distance: dot(white, white), kl: klWishart(pixels, posteriorTerms, priorTerms, trace) }
}

function axisTerms(
  { pixels }: GaussianMixture,
  q: Component,
  prior: GaussianHyperparameters,
  shift: Float64Array,
): Terms {
  const perPrecision = pixels / q.covariance.length
  const distances = shift.map((value, i) => value ** 2 / (q.covariance[Math.floor(i / perPrecision)] as number))
  const half = perPrecision / 2
  const kl = q.covariance.map((variance, i) => {
    const [rate, priorRate] = [half * q.freedom * variance, half * (prior.covariance[i] as number)]
    return klGamma(half * q.freedom, rate, half * prior.degreesOfFreedom, priorRate)
  })
  return { distance: sum(distances), kl: sum(kl) }
}
