/**
 * The mean-field posterior q(w) q(m, Λ) of a Gaussian mixture: w ~ Dirichlet(α), and m_k, Λ_k ~ Normal-Wishart(m, κ, V, ν), that is
 * Λ ~ Wishart(V⁻¹, ν) and m | Λ ~ N(m_k, (κ Λ)⁻¹) (Bishop 2006, section 10.2). With a diagonal covariance each precision is
 * Gamma(ν/2, V/2); with a spherical one the single precision is Gamma(Dν/2, DV/2). V / ν then equals that of scikit-learn's
 * BayesianGaussianMixture. But scikit-learn uses the Wishart's E[log |Λ|] in these cases too, which for more than one pixel is not the
 * expectation under its q.
 */
import { expectedLogWeights, klDirichlet, klGamma, klWishart, wishartLogShift } from '../../distributions/conjugate.js'
import type { GaussianMixture } from '../../models/mixtures/gaussian.js'
import { type GaussianMoments, logTwoPi } from '../../models/mixtures/gaussian-structure.js'
import type { Coefficients } from '../../models/mixtures/mixture.js'
import { isUnused } from '../../models/mixtures/weights.js'
import { apply, cholesky, dot, gramOfLower, logDeterminant, row, square, sum } from '../../numeric/linear-algebra.js'
import { digamma } from '../../numeric/special-functions.js'
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

/** The optimal q(w) q(m, Λ) given the moments. */
export function gaussianPosterior(
  mixture: GaussianMixture,
  moments: GaussianMoments,
  hyperparameters: GaussianHyperparameters,
): GlobalPosterior {
  const { components, pixels, structure, origin } = mixture
  // The moments count x from the origin, and so does everything here but the means that are returned.
  const prior = { ...hyperparameters, mean: hyperparameters.mean.map((value, i) => value - (origin[i] as number)) }
  const alpha = moments.counts.map(count => prior.concentration + count)
  const meanPrecision = moments.counts.map(count => prior.meanPrecision + count)
  const freedom = moments.counts.map(count => prior.degreesOfFreedom + count)
  const means = posteriorMeans(moments, prior, meanPrecision)
  const covariances = posteriorCovariances(mixture, moments, prior, freedom)
  const logDeterminants = new Float64Array(components)
  const coefficients = structure.coefficients({
    logWeights: expectedLogWeights(alpha),
    means,
    covariances,
    constant(k, logDeterminant) {
      logDeterminants[k] = logDeterminant
      const expected = logDeterminant + logShift(mixture, freedom[k] as number)
      return (expected - pixels * logTwoPi - pixels / (meanPrecision[k] as number)) / 2
    },
  })
  const kl = moments.counts.map((_, k) => {
    const q = { freedom: freedom[k] as number, meanPrecision: meanPrecision[k] as number, mean: row(means, k, pixels) }
    const covariance = row(covariances, k, prior.covariance.length)
    return klComponent(
      mixture,
      { ...q, covariance, logDeterminant: logDeterminants[k] as number, k, coefficients },
      prior,
    )
  })
  const total = sum(alpha)
  return {
    kl: klDirichlet(alpha, prior.concentration) + sum(kl),
    posterior: { concentration: alpha, mean_precision: meanPrecision, degrees_of_freedom: freedom },
    parameters: {
      weights: alpha.map(value => value / total),
      means: means.map((mean, i) => mean + (origin[i % pixels] as number)),
      covariances,
    },
    coefficients,
  }
}

/** m_k = (κ0 m0 + Σ r x) / κ_k: [K, pixels]. */
function posteriorMeans(
  { sums }: GaussianMoments,
  prior: GaussianHyperparameters,
  meanPrecision: Float64Array,
): Float64Array {
  const pixels = prior.mean.length
  return sums.map((total, i) => {
    const k = Math.floor(i / pixels)
    return (prior.meanPrecision * (prior.mean[i % pixels] as number) + total) / (meanPrecision[k] as number)
  })
}

/** E[Λ]⁻¹ = V_k / ν_k of each component, in the shape of its covariance. */
function posteriorCovariances(
  mixture: GaussianMixture,
  moments: GaussianMoments,
  prior: GaussianHyperparameters,
  freedom: Float64Array,
): Float64Array {
  const size = prior.covariance.length
  const covariances = new Float64Array(freedom.length * size)
  freedom.forEach((nu, k) => {
    const scale = scaleOf(mixture, moments, k, prior).map(value => value / nu)
    covariances.set(scale, k * size)
  })
  return covariances
}

/** V_k = V0 + N_k S_k + κ0 N_k / κ_k (x̄ - m0)(x̄ - m0)ᵀ; only its diagonal, or the mean of that, if the covariance is diagonal or spherical. */
function scaleOf(
  { covariance: kind, pixels, structure }: GaussianMixture,
  moments: GaussianMoments,
  k: number,
  prior: GaussianHyperparameters,
): Float64Array {
  const count = moments.counts[k] as number
  if (isUnused(count)) return prior.covariance
  const mean = row(moments.sums, k, pixels).map(total => total / count)
  const scatter = structure.covariance(moments, k, mean, 0)
  const shift = outer(
    kind,
    mean.map((value, i) => value - (prior.mean[i] as number)),
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
  /** m_k. */
  mean: Float64Array
  /** E[Λ]⁻¹ = V / ν. */
  covariance: Float64Array
  /** log |E[Λ]|. */
  logDeterminant: number
  coefficients: Coefficients
}

/** KL(q(m, Λ) || p(m, Λ)) = E_Λ KL(q(m | Λ) || p(m | Λ)) + KL(q(Λ) || p(Λ)). */
function klComponent(mixture: GaussianMixture, q: Component, prior: GaussianHyperparameters): number {
  const ratio = prior.meanPrecision / q.meanPrecision
  const shift = q.mean.map((value, i) => value - (prior.mean[i] as number))
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
  const whitening = square(q.coefficients.whitening as Float64Array, q.k, pixels)
  const white = apply(whitening, shift)
  const priorTerms = {
    logDeterminant: logDeterminant(cholesky(square(prior.covariance, 0, pixels))),
    freedom: prior.degreesOfFreedom,
  }
  const posteriorTerms = {
    logDeterminant: pixels * Math.log(q.freedom) - q.logDeterminant, // log |V|
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
