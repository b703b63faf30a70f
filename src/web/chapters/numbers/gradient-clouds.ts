/**
 * Two unbiased estimators of the gradient of E_q[f(z)] in the mean and the width of q = N(mean, sd²), from the same draws: the score function
 * (Williams 1992) and the change of variables z = mean + sd ε (Kingma & Welling 2013, section 2.4).
 */
import { type Estimate, estimateMean } from '../../../numeric/means.js'
import { type HostKey, normalValues } from '../../../random.js'
import {
  derivative,
  type Gaussian,
  inNoise,
  type Polynomial,
  plus,
  product,
  scaled,
  standardMean,
  valueAt,
} from './polynomial.js'

/** What is subtracted from f in the score function: nothing, the exact mean E_q[f], or the mean of the other draws. */
export const baselineNames = ['none', 'mean', 'others'] as const

export type BaselineName = (typeof baselineNames)[number]

/** One entry of the gradient: its estimates, one per draw, and their variance. */
export interface Entry extends Estimate {
  values: Float64Array
  /** Of one draw, in (nats per unit)², from the draws; NaN for one draw. */
  variance: number
}

/** Both entries of one estimator. */
export interface Cloud {
  mean: Entry
  sd: Entry
}

const entry = (values: Float64Array): Entry => {
  const estimate = estimateMean(values)
  return { ...estimate, values, variance: estimate.standardError ** 2 * estimate.count }
}

/** `count` draws of both estimators, from the same noise. */
export function clouds(f: Polynomial, q: Gaussian, options: { key: HostKey; count: number; baseline: BaselineName }) {
  const noise = normalValues(options.key, options.count)
  const values = noise.map(epsilon => valueAt(f, q.mean + q.sd * epsilon))
  const centred = centre(values, options.baseline, () => standardMean(inNoise(f, q)))
  const slope = derivative(f)
  const slopes = noise.map(epsilon => valueAt(slope, q.mean + q.sd * epsilon))
  const per = (entryOf: (i: number, epsilon: number) => number) => entry(noise.map((epsilon, i) => entryOf(i, epsilon)))
  return {
    // d log q / d mean = ε / sd, and d log q / d sd = (ε² - 1) / sd
    score: {
      mean: per((i, epsilon) => ((centred[i] as number) * epsilon) / q.sd),
      sd: per((i, epsilon) => ((centred[i] as number) * (epsilon * epsilon - 1)) / q.sd),
    },
    path: { mean: per(i => slopes[i] as number), sd: per((i, epsilon) => (slopes[i] as number) * epsilon) },
  } satisfies Record<string, Cloud>
}

function centre(values: Float64Array, baseline: BaselineName, exactMean: () => number): Float64Array {
  if (baseline === 'none') return values
  if (baseline === 'mean') {
    const mean = exactMean()
    return values.map(value => value - mean)
  }
  const total = values.reduce((sum, value) => sum + value, 0)
  const others = Math.max(1, values.length - 1)
  return values.map(value => value - (total - value) / others)
}

/** The exact variances of one draw, with a constant baseline `b`: E[g²] - E[g]², all of them Gaussian means of polynomials in ε. */
export function exactVariances(f: Polynomial, q: Gaussian, baseline: 'none' | 'mean') {
  const inEpsilon = inNoise(f, q)
  const centred = baseline === 'mean' ? plus(inEpsilon, [-standardMean(inEpsilon)]) : inEpsilon
  const slope = inNoise(derivative(f), q)
  const variance = (g: Polynomial) => standardMean(product(g, g)) - standardMean(g) ** 2
  return {
    score: {
      mean: variance(scaled(product(centred, [0, 1]), 1 / q.sd)),
      sd: variance(scaled(product(centred, [-1, 0, 1]), 1 / q.sd)),
    },
    path: { mean: variance(slope), sd: variance(product(slope, [0, 1])) },
  }
}
