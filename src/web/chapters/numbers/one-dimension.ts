/**
 * Two models with one hidden number z, for which log p(x) is known: p(z) = N(0, 1), and x = z or x = z² with Gaussian noise. log p(x, z) is a
 * polynomial in z, so the ELBO of a Gaussian q is a closed form; log p(x) and KL(q‖p) are sums over a grid.
 */
import { LOG_2PI } from '../../../numeric/special-functions.js'
import { derivative, type Gaussian, meanUnder, type Polynomial, plus, product, scaled, valueAt } from './polynomial.js'

/** What the mean of x given z is. */
export const modelNames = ['line', 'square'] as const

export type ModelName = (typeof modelNames)[number]

/** The mean of x given z, and the standard deviation of the noise. */
const models: Readonly<Record<ModelName, { mean: Polynomial; noise: number }>> = {
  line: { mean: [0, 1], noise: 0.6 },
  square: { mean: [0, 0, 1], noise: 1 },
}

const logPrior: Polynomial = [-LOG_2PI / 2, 0, -1 / 2]

function logLikelihood(name: ModelName, x: number): Polynomial {
  const { mean, noise } = models[name]
  const residual = plus([x], scaled(mean, -1))
  return plus([-LOG_2PI / 2 - Math.log(noise)], scaled(product(residual, residual), -1 / (2 * noise * noise)))
}

/** log p(x, z) in nats, as a polynomial in z. */
export const logJoint = (name: ModelName, x: number): Polynomial => plus(logLikelihood(name, x), logPrior)

/** The grid of z: beyond it every density here is below 1e-15. */
const [GRID_END, GRID_CELLS] = [9, 3600]
const CELL = (2 * GRID_END) / GRID_CELLS

const gridPoints: readonly number[] = Array.from({ length: GRID_CELLS + 1 }, (_, i) => -GRID_END + i * CELL)

/** log p(x) in nats, by a sum over the grid: its error is that of rounding, because the integrand is smooth and vanishes at both ends. */
export function logEvidence(name: ModelName, x: number): number {
  const joint = logJoint(name, x)
  return Math.log(CELL * gridPoints.reduce((sum, z) => sum + Math.exp(valueAt(joint, z)), 0))
}

/** log N(z; mean, sd²) in nats. */
export const logDensity = ({ mean, sd }: Gaussian, z: number): number =>
  -LOG_2PI / 2 - Math.log(sd) - ((z - mean) / sd) ** 2 / 2

/** KL(q‖p(z|x)) in nats by a sum over 6000 points within 12 sd of q's mean, not by way of the ELBO. */
export function klToPosterior(name: ModelName, x: number, q: Gaussian): number {
  const [joint, evidence] = [logJoint(name, x), logEvidence(name, x)]
  const [cells, reach] = [6000, 12]
  let sum = 0
  for (let i = 0; i <= cells; i++) {
    const z = q.mean + q.sd * reach * ((2 * i) / cells - 1)
    const log = logDensity(q, z)
    sum += Math.exp(log) * (log - (valueAt(joint, z) - evidence))
  }
  return (sum * 2 * reach * q.sd) / cells
}

/** The parts of log p(x) = ELBO + KL(q‖p(z|x)), in nats. */
export interface Parts {
  logPx: number
  /** reconstruction - klToPrior = energy + entropy. */
  elbo: number
  /** KL(q‖p(z|x)) >= 0. */
  gap: number
  /** E_q[log p(x|z)]. */
  reconstruction: number
  /** KL(q‖p(z)) >= 0. */
  klToPrior: number
  /** E_q[log p(x, z)]. */
  energy: number
  /** -E_q[log q(z)]. */
  entropy: number
}

/** All parts of the identity for one x and one q; the gap is computed by itself. */
export function partsOf(name: ModelName, x: number, q: Gaussian): Parts {
  const energy = meanUnder(logJoint(name, x), q)
  const entropy = (1 + LOG_2PI) / 2 + Math.log(q.sd)
  return {
    logPx: logEvidence(name, x),
    elbo: energy + entropy,
    gap: klToPosterior(name, x, q),
    reconstruction: meanUnder(logLikelihood(name, x), q),
    klToPrior: (q.mean ** 2 + q.sd ** 2 - 1) / 2 - Math.log(q.sd),
    energy,
    entropy,
  }
}

/** p(z|x) at each of `points`. */
export function posteriorDensity(name: ModelName, x: number, points: readonly number[]): number[] {
  const [joint, evidence] = [logJoint(name, x), logEvidence(name, x)]
  return points.map(z => Math.exp(valueAt(joint, z) - evidence))
}

/** The gradient of E_q[f(z)] in q's mean and standard deviation, in nats per unit of each: E[f'(z)] and E[f'(z) ε]. */
export function exactGradient(f: Polynomial, q: Gaussian): { mean: number; sd: number } {
  const slope = derivative(f)
  // E[f'(z) (z - mean)] / sd = sd E[f''(z)]
  return { mean: meanUnder(slope, q), sd: q.sd * meanUnder(derivative(slope), q) }
}

/**
 * The q nearest to the given one that the ELBO's gradient leads to, by `steps` halving steps of ascent in (mean, log sd): each step is halved
 * until the ELBO rises.
 */
export function ascend(name: ModelName, x: number, start: Gaussian, steps: number): Gaussian {
  const joint = logJoint(name, x)
  const bound = (q: Gaussian) => meanUnder(joint, q) + Math.log(q.sd)
  let [q, rate] = [start, 0.5]
  for (let step = 0; step < steps; step++) {
    const { mean, sd } = exactGradient(joint, q)
    const move = (size: number): Gaussian => ({
      mean: q.mean + size * mean * q.sd * q.sd,
      sd: q.sd * Math.exp(Math.max(-1, Math.min(1, size * (sd * q.sd + 1)))),
    })
    rate = Math.min(1, 2 * rate)
    while (rate > 1e-6 && !(bound(move(rate)) >= bound(q))) rate /= 2
    if (rate <= 1e-6) return q
    q = move(rate)
  }
  return q
}

/** Jensen's inequality for the logarithm and two points: log of the mean, and the mean of the logs, which is never above it. */
export function jensen(points: readonly [number, number], weight: number) {
  const mean = weight * points[0] + (1 - weight) * points[1]
  const meanOfLogs = weight * Math.log(points[0]) + (1 - weight) * Math.log(points[1])
  return { mean, logOfMean: Math.log(mean), meanOfLogs, gap: Math.log(mean) - meanOfLogs }
}
