/** The mixture of Bernoullis (Bishop 2006, section 9.3.3): log p(x | k) = Σ_i x_i log μ_ki + (1 - x_i) log(1 - μ_ki). */
import * as tf from '#tfjs'
import { dot, row, sum } from '../../numeric/linear-algebra.js'
import {
  assign,
  column,
  countValues,
  createVariables,
  FLOAT32_ROUNDING,
  type Mixture,
  type Moments,
  read,
  TOLERATED_ROUNDING,
  variable,
} from './mixture.js'
import { typicalValues } from './typical-values.js'
import { isUnused, maximizeWeights } from './weights.js'

/** `sums` [K, pixels] is Σ_n r_nk (x_n - origin). */
export type BernoulliMoments = Moments<'sums'>

/**
 * Variables: weights [K], means μ [K, pixels]; derived: log_weights [K], log_on = log μ and log_off = log(1 - μ) [K, pixels], or the expectations of
 * all three under mean field; logits = log_on - log_off [K, pixels], and offsets [K], log p(origin | k).
 *
 * One matrix product gives log p(x | k) = log p(origin | k) + (x - origin)·logits, with an `origin` of 0 and 1 [pixels] that many images are near.
 * Nothing cancels for components near the origin. For others, such as repeated images with means at the floor, thousands of nats can; steps then
 * take two products, x·log_on + (1 - x)·log_off, whose terms all have one sign.
 */
export interface BernoulliMixture extends Mixture<'sums'> {
  readonly family: 'bernoulli'
  /** What the variable of that name holds. */
  readonly origin: Float64Array
  /** Whether steps take two products. */
  twoProducts: boolean
}

/** In double precision by name of variable: [K], and [K, pixels] for the others. */
export type BernoulliLogarithms = Readonly<Record<'log_weights' | 'log_on' | 'log_off', Float64Array>>

export interface BernoulliParameters {
  /** [K], positive, summing to 1. */
  weights: Float64Array
  /** [K, pixels], in (0, 1). */
  means: Float64Array
}

export interface BernoulliMixtureOptions {
  pixels: number
  components: number
  /** Initial parameters; default: all components equal. */
  start?: BernoulliParameters
}

/** The prior of a maximum a posteriori M step. */
export interface BernoulliPrior {
  /** Weights ~ Dirichlet(concentration, …), at least 1; 1 is flat. */
  concentration: number
  /** Each mean ~ Beta(a, b), at least 1: a - 1 pseudo-images with the pixel on, b - 1 with it off; [1, 1] is flat. */
  pixels: readonly [a: number, b: number]
  /** Means are clipped to [floor, 1 - floor], so that a pixel value never seen in training does not make p(x) = 0. */
  floor: number
}

/** A flat prior: maximum likelihood. */
export const flatBernoulliPrior: BernoulliPrior = { concentration: 1, pixels: [1, 1], floor: 1e-6 }

type BernoulliShape = Omit<BernoulliMixtureOptions, 'start'>

/** The numbers of values of a mixture, which is not made: of its variables, and of the sums of a pass. */
export const countBernoulli = (shape: BernoulliShape): { variables: number; moments: number } => ({
  variables: countValues(variableShapes(shape)),
  moments: shape.components * shape.pixels,
})

const variableShapes = ({ pixels, components }: BernoulliShape) => ({
  weights: [components],
  means: [components, pixels],
  log_weights: [components],
  log_on: [components, pixels],
  log_off: [components, pixels],
  logits: [components, pixels],
  offsets: [components],
  origin: [pixels],
})

/**
 * A mixture of products of Bernoullis over binary images; without `start` all components are equal.
 *
 * @example
 * const start = { weights: Float64Array.of(0.5, 0.5), means: Float64Array.of(0.9, 0.1, 0.1, 0.9) }
 * const mixture = createBernoulliMixture({ pixels: 2, components: 2, start })
 * console.log(mixture.variables.get('means')?.shape) // [ 2, 2 ]
 */
export function createBernoulliMixture({ pixels, components, start }: BernoulliMixtureOptions): BernoulliMixture {
  const matrix = [components, pixels]
  const variables = createVariables(variableShapes({ pixels, components }))
  const originVariable = variable({ variables }, 'origin')
  const origin = new Float64Array(pixels)
  const fromOrigin = (x: tf.Tensor) => tf.sub(x, originVariable)
  const mixture: BernoulliMixture = {
    family: 'bernoulli',
    components,
    pixels,
    variables,
    momentShapes: { sums: matrix },
    origin,
    twoProducts: false,
    form: () => (mixture.twoProducts ? 'two products' : 'one product'),
    logJoint(x) {
      const product = (name: string, images: tf.Tensor) => tf.matMul(variable(mixture, name), images, false, true) // [K, batch]
      const logProb = mixture.twoProducts
        ? tf.add(product('log_on', x), product('log_off', tf.sub(1, x)))
        : tf.add(product('logits', fromOrigin(x)), column(variable(mixture, 'offsets')))
      return tf.add(logProb, column(variable(mixture, 'log_weights')))
    },
    moments: (responsibilities, x) => ({ sums: tf.matMul(responsibilities, fromOrigin(x)) }),
    async adapt(x) {
      origin.set(await typicalValues(x))
      assign(variables, { origin })
    },
    dispose: () => variables.forEach(value => void value.dispose()),
  }
  setBernoulliParameters(mixture, start ?? equalComponents(components, pixels))
  return mixture
}

const equalComponents = (components: number, pixels: number): BernoulliParameters => ({
  weights: new Float64Array(components).fill(1 / components),
  means: new Float64Array(components * pixels).fill(0.5),
})

/** Derives anew what follows from the stored parameters, or from a posterior over them, after they were restored. */
export function restoreBernoulli(mixture: BernoulliMixture, expected?: BernoulliLogarithms): void {
  const stored = (name: string) => Float64Array.from(variable(mixture, name).dataSync<'float32'>())
  mixture.origin.set(stored('origin'))
  derive(mixture, expected ?? logarithms({ weights: stored('weights'), means: stored('means') }))
}

/** Assigns the parameters, rounded to float32, and what derives from them or from a posterior over them. Returns the logarithms. */
export function setBernoulliParameters(
  mixture: BernoulliMixture,
  { weights, means }: BernoulliParameters,
  expected?: BernoulliLogarithms,
): BernoulliLogarithms {
  const stored = { weights: weights.map(Math.fround), means: means.map(Math.fround) }
  assign(mixture.variables, stored)
  return derive(mixture, expected ?? logarithms(stored))
}

const logarithms = ({ weights, means }: BernoulliParameters): BernoulliLogarithms => ({
  log_weights: weights.map(Math.log),
  log_on: means.map(Math.log),
  log_off: means.map(p => Math.log1p(-p)),
})

function derive(mixture: BernoulliMixture, given: BernoulliLogarithms): BernoulliLogarithms {
  const { variables, origin, pixels } = mixture
  const ofOrigin = given.log_on.map((on, i) => (origin[i % pixels] ? on : (given.log_off[i] as number)))
  const logits = given.log_on.map((on, i) => on - (given.log_off[i] as number))
  const offsets = given.log_weights.map((_, k) => sum(row(ofOrigin, k, pixels)))
  assign(variables, { ...given, logits, offsets })
  const errors = Array.from(offsets, (_, k) => roundingError(row(ofOrigin, k, pixels), row(logits, k, pixels), origin))
  mixture.twoProducts = Math.max(...errors) > TOLERATED_ROUNDING
  return given
}

/** Pixels that the kernels of matrix products add in parallel. */
const LANES = 16

/**
 * Estimate of the rounding error of log p(x | k) by one product, in nats, for an image near the mean. Where the mean is on the other side of the
 * origin, log p(origin) is added and taken away again. Equal terms, as of pixels at the floor, are all rounded to the same side.
 */
function roundingError(ofOrigin: Float64Array, logits: Float64Array, origin: Float64Array): number {
  const cancelled = ofOrigin.filter((_, i) => (logits[i] as number) > 0 !== (origin[i] as number) > 0)
  return FLOAT32_ROUNDING * -sum(cancelled) * Math.max(1, cancelled.length / LANES)
}

/** Σ_n Σ_k r_nk (log w_k + log p(x_n | k)) in nats. */
export function totalBernoulliLogJoint(
  mixture: BernoulliMixture,
  { log_weights, log_on, log_off }: BernoulliLogarithms,
  moments: BernoulliMoments,
): number {
  const on = imagesOn(mixture, moments)
  const off = imagesOff(mixture, moments)
  return dot(moments.counts, log_weights) + dot(on, log_on) + dot(off, log_off)
}

/** Σ_n r_nk x_n, from sums that count x from the origin: [K, pixels]. */
export const imagesOn = ({ origin, pixels }: BernoulliMixture, { counts, sums }: BernoulliMoments): Float64Array =>
  sums.map((total, i) => total + (origin[i % pixels] as number) * (counts[Math.floor(i / pixels)] as number))

/** Σ_n r_nk (1 - x_n): [K, pixels]. */
const imagesOff = ({ origin, pixels }: BernoulliMixture, { counts, sums }: BernoulliMoments): Float64Array =>
  sums.map((total, i) => (1 - (origin[i % pixels] as number)) * (counts[Math.floor(i / pixels)] as number) - total)

/** The M step: the most probable parameters given the moments. Without images and with a flat prior a component keeps its means. */
export async function maximizeBernoulli(mixture: BernoulliMixture, moments: BernoulliMoments, prior: BernoulliPrior) {
  const { weights, logPrior } = maximizeWeights(moments.counts, prior.concentration)
  const means = mostProbableMeans(moments.counts, imagesOn(mixture, moments), await read(mixture, 'means'), prior)
  const given = setBernoulliParameters(mixture, { weights, means })
  return {
    logJoint: totalBernoulliLogJoint(mixture, given, moments),
    logPrior: logPrior + logPriorOfMeans(means, prior.pixels),
  }
}

/** μ = (Σ r x + a - 1) / (N_k + a + b - 2), the mode of Beta(a + Σ r x, b + Σ r (1 - x)). */
function mostProbableMeans(
  counts: Float64Array,
  imagesOn: Float64Array,
  before: Float64Array,
  { pixels: [a, b], floor }: BernoulliPrior,
): Float64Array {
  if (!(a >= 1 && b >= 1)) throw new Error(`pixel prior Beta(${a}, ${b}): a and b must be at least 1; [1, 1] is flat`)
  const width = imagesOn.length / counts.length
  return imagesOn.map((on, i) => {
    const images = (counts[Math.floor(i / width)] as number) + a + b - 2
    const mean = isUnused(images) ? (before[i] as number) : (on + a - 1) / images
    return Math.min(Math.max(mean, floor), 1 - floor)
  })
}

/** Σ (a - 1) log μ + (b - 1) log(1 - μ). */
function logPriorOfMeans(means: Float64Array, [a, b]: readonly [number, number]): number {
  if (a === 1 && b === 1) return 0
  return sum(means.map(p => (a - 1) * Math.log(p) + (b - 1) * Math.log1p(-p)))
}
