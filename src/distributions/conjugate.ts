/**
 * Conjugate distributions of mixture parameters: expectations and KL divergences in nats, in double precision on the host (Bishop 2006,
 * appendix B).
 */
import { sum } from '../numeric/linear-algebra.js'
import { digamma, logGamma, multivariateLogGamma } from '../numeric/special-functions.js'

/** E[log w_k] under Dirichlet(alpha): ψ(α_k) - ψ(Σ α). */
export function expectedLogWeights(alpha: Float64Array): Float64Array {
  const digammaOfSum = digamma(sum(alpha))
  return alpha.map(value => digamma(value) - digammaOfSum)
}

/** KL(Dirichlet(alpha) || Dirichlet(prior, …, prior)). */
export function klDirichlet(alpha: Float64Array, prior: number): number {
  const expected = expectedLogWeights(alpha)
  const perComponent = alpha.map(
    (value, k) => logGamma(prior) - logGamma(value) + (value - prior) * (expected[k] as number),
  )
  return logGamma(sum(alpha)) - logGamma(prior * alpha.length) + sum(perComponent)
}

/** KL(Gamma(a, b) || Gamma(a0, b0)), parametrised by shape and rate. */
export function klGamma(a: number, b: number, a0: number, b0: number): number {
  return (a - a0) * digamma(a) - logGamma(a) + logGamma(a0) + a0 * Math.log(b / b0) + (a * (b0 - b)) / b
}

/** E[log |Λ|] + log |W⁻¹| under Wishart(W, ν) for D x D matrices: D log 2 + Σ_i ψ((ν - i) / 2), i = 0 … D - 1. */
export function wishartLogShift(size: number, freedom: number): number {
  let shift = size * Math.LN2
  for (let i = 0; i < size; i++) shift += digamma((freedom - i) / 2)
  return shift
}

/** A Wishart distribution with inverse scale V = W⁻¹. */
export interface WishartTerms {
  /** log |V|. */
  logDeterminant: number
  /** ν. */
  freedom: number
}

/** KL(Wishart(V⁻¹, ν) || Wishart(V0⁻¹, ν0)) for D x D matrices; `trace` is tr(V0 E[Λ]) = ν tr(V0 V⁻¹). */
export function klWishart(size: number, q: WishartTerms, prior: WishartTerms, trace: number): number {
  // log B = ν/2 log |V| - ν D/2 log 2 - log Γ_D(ν/2)
  const logB = ({ logDeterminant, freedom }: WishartTerms) =>
    (freedom / 2) * (logDeterminant - size * Math.LN2) - multivariateLogGamma(size, freedom / 2)
  const expectedLogDeterminant = wishartLogShift(size, q.freedom) - q.logDeterminant
  const difference = ((q.freedom - prior.freedom) / 2) * expectedLogDeterminant
  return logB(q) - logB(prior) + difference + (trace - q.freedom * size) / 2
}
