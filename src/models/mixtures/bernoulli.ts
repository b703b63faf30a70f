/** The mixture of Bernoullis (Bishop 2006, section 9.3.3): log p(x | k) = Σ_i x_i log μ_ki + (1 - x_i) log(1 - μ_ki). */
import * as tf from '#tfjs'
import { dot, row, sum } from '../../numeric/linear-algebra.js'
import {
  assign,
  type Coefficients,
  column,
  countValues,
  createVariables,
  type Mixture,
  type Moments,
  read,
  variable,
} from './mixture.js'
import { isUnused, maximizeWeights } from './weights.js'

/** `sums` [K, pixels] is Σ_n r_nk (x_n - origin). */
export type BernoulliMoments = Moments<'sums'>

/**
 * Variables: weights [K], means μ [K, pixels]; derived: log_weights [K], logits [K, pixels], and offsets [K], log p(origin | k).
 *
 * log p(x | k) = log p(origin | k) + (x - origin)·logits, with an `origin` of 0 and 1 [pixels] that many images are near: about black, white
 * images would be the difference of two large sums. No probability depends on it.
 */
export interface BernoulliMixture extends Mixture<'sums'> {
  readonly family: 'bernoulli'
  /** What the variable of that name holds. */
  readonly origin: Float64Array
}

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
  logits: [components, pixels],
  offsets: [components],
  origin: [pixels],
})

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
    logProb(x) {
      const products = tf.matMul(variable(mixture, 'logits'), fromOrigin(x), false, true) // [K, batch]
      return tf.add(products, column(variable(mixture, 'offsets')))
    },
    moments: (responsibilities, x) => ({ sums: tf.matMul(responsibilities, fromOrigin(x)) }),
    totalLogJoint: totalBernoulliLogJoint,
    setOrigin(values) {
      assign(variables, { origin: values })
      origin.set(values)
    },
    restored: () => origin.set(originVariable.dataSync<'float32'>()),
    dispose: () => variables.forEach(value => void value.dispose()),
  }
  setBernoulliParameters(mixture, start ?? equalComponents(components, pixels))
  return mixture
}

const equalComponents = (components: number, pixels: number): BernoulliParameters => ({
  weights: new Float64Array(components).fill(1 / components),
  means: new Float64Array(components * pixels).fill(0.5),
})

/** Assigns the parameters and the coefficients derived from them, which it returns. */
export function setBernoulliParameters(mixture: BernoulliMixture, parameters: BernoulliParameters): Coefficients {
  const coefficients = {
    log_weights: parameters.weights.map(Math.log),
    logits: parameters.means.map(p => Math.log(p) - Math.log1p(-p)),
    offsets: Float64Array.from(parameters.weights, (_, k) =>
      sum(row(parameters.means, k, mixture.pixels).map((p, i) => (mixture.origin[i] ? Math.log(p) : Math.log1p(-p)))),
    ),
  }
  assign(mixture.variables, { ...parameters, ...coefficients })
  return coefficients
}

function totalBernoulliLogJoint(coefficients: Coefficients, moments: BernoulliMoments): number {
  const { log_weights, offsets, logits } = coefficients as Record<'log_weights' | 'offsets' | 'logits', Float64Array>
  return dot(moments.counts, log_weights) + dot(moments.counts, offsets) + dot(moments.sums, logits)
}

/** Σ_n r_nk x_n, from sums that count x from the origin: [K, pixels]. */
export const imagesOn = ({ origin, pixels }: BernoulliMixture, { counts, sums }: BernoulliMoments): Float64Array =>
  sums.map((total, i) => total + (origin[i % pixels] as number) * (counts[Math.floor(i / pixels)] as number))

/** The M step: the most probable parameters given the moments. Without images and with a flat prior a component keeps its means. */
export async function maximizeBernoulli(mixture: BernoulliMixture, moments: BernoulliMoments, prior: BernoulliPrior) {
  const { weights, logPrior } = maximizeWeights(moments.counts, prior.concentration)
  const means = mostProbableMeans(moments.counts, imagesOn(mixture, moments), await read(mixture, 'means'), prior)
  const coefficients = setBernoulliParameters(mixture, { weights, means })
  return { coefficients, logPrior: logPrior + logPriorOfMeans(means, prior.pixels) }
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
