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

/** One entry of the gradient: its estimates, and their variance in (nats per unit)². */
export interface Entry extends Estimate {
  values: Float64Array
  variance: number
}

/** Both entries of one estimator. */
export interface Cloud {
  mean: Entry
  sd: Entry
}

export interface CloudOptions {
  key: HostKey
  /** Gradients of each estimator, at least 2. */
  count: number
  /** Draws of z that a gradient is the mean of, at least 2. */
  draws: number
  baseline: BaselineName
}

const entry = (values: Float64Array): Entry => {
  const estimate = estimateMean(values)
  return { ...estimate, values, variance: estimate.standardError ** 2 * estimate.count }
}

/** `count` gradients of both estimators, from the same noise. */
export function clouds(f: Polynomial, q: Gaussian, { key, count, draws, baseline }: CloudOptions) {
  const noise = normalValues(key, count * draws)
  const values = noise.map(epsilon => valueAt(f, q.mean + q.sd * epsilon))
  const exactMean = baseline === 'mean' ? standardMean(inNoise(f, q)) : 0
  const centred = baseline === 'others' ? minusOthers(values, draws) : values.map(value => value - exactMean)
  const slope = derivative(f)
  const slopes = noise.map(epsilon => valueAt(slope, q.mean + q.sd * epsilon))
  const per = (ofDraw: (i: number, epsilon: number) => number) =>
    entry(
      meansOf(
        noise.map((epsilon, i) => ofDraw(i, epsilon)),
        draws,
      ),
    )
  return {
    // d log q / d mean = ε / sd, and d log q / d sd = (ε² - 1) / sd
    score: {
      mean: per((i, epsilon) => ((centred[i] as number) * epsilon) / q.sd),
      sd: per((i, epsilon) => ((centred[i] as number) * (epsilon * epsilon - 1)) / q.sd),
    },
    path: { mean: per(i => slopes[i] as number), sd: per((i, epsilon) => (slopes[i] as number) * epsilon) },
  } satisfies Record<string, Cloud>
}

/** The mean of each `size` values in a row. */
const meansOf = (values: Float64Array, size: number): Float64Array =>
  Float64Array.from({ length: values.length / size }, (_, g) => sumOf(values, g, size) / size)

const sumOf = (values: Float64Array, group: number, size: number): number =>
  values.subarray(group * size, (group + 1) * size).reduce((sum, value) => sum + value, 0)

/** Each value minus the mean of the others of its group of `size`. */
function minusOthers(values: Float64Array, size: number): Float64Array {
  const sums = Float64Array.from({ length: values.length / size }, (_, g) => sumOf(values, g, size))
  return values.map((value, i) => value - ((sums[Math.floor(i / size)] as number) - value) / (size - 1))
}

/**
 * The exact variances of a gradient that is the mean of `draws` draws, by Gaussian means of polynomials in ε. With s the score and h = f - E[f],
 * the score function has Var(f s) / n without a baseline, Var(h s) / n with the mean, and with the mean of the others
 * Var(h s) / n + (E[h²] E[s²] + E[h s]²) / (n (n - 1)).
 */
export function exactVariances(
  f: Polynomial,
  q: Gaussian,
  { draws, baseline }: Pick<CloudOptions, 'draws' | 'baseline'>,
) {
  const signal = inNoise(f, q)
  const centred = plus(signal, [-standardMean(signal)])
  const slope = inNoise(derivative(f), q)
  const variance = (g: Polynomial) => standardMean(product(g, g)) - standardMean(g) ** 2
  const ofScore = (score: Polynomial) => {
    const own = variance(product(baseline === 'none' ? signal : centred, score)) / draws
    if (baseline !== 'others') return own
    const both = standardMean(product(centred, centred)) * standardMean(product(score, score))
    return own + (both + standardMean(product(centred, score)) ** 2) / (draws * (draws - 1))
  }
  return {
    score: { mean: ofScore(scaled([0, 1], 1 / q.sd)), sd: ofScore(scaled([-1, 0, 1], 1 / q.sd)) },
    path: { mean: variance(slope) / draws, sd: variance(product(slope, [0, 1])) / draws },
  }
}
