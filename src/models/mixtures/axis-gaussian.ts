/**
 * Gaussian components with spherical or diagonal covariances, by matrix products with (x - low)² and (high - x)², where low < high are the least and
 * the greatest value of each pixel:
 *
 *     (x - m)² = (high - m) / (high - low) (x - low)² + (m - low) / (high - low) (high - x)² - (m - low) (high - m)
 *
 * The first two terms are positive, and nothing cancels where m is at either end, as of pixels that are black or white in most images. Elsewhere
 * Λ (m - low) (high - m) cancels. Where that is too much for float32 (`roundingError`), as of tiny variances about grey means, a component is marked:
 * steps then take x - m_k before they square (differences.ts), of as many marked components as there are slots.
 */
import * as tf from '#tfjs'
import { row, sum } from '../../numeric/linear-algebra.js'
import { momentsOfRanks, refineLogJoint } from './differences.js'
import {
  addConstants,
  type GaussianMoments,
  type GaussianStatistics,
  type GaussianStructure,
  type Precision,
  type QuadraticForms,
  singular,
  type Values,
  type Variables,
} from './gaussian-structure.js'
import { column, FLOAT32_ROUNDING, TOLERATED_ROUNDING, variable } from './mixture.js'
import { isUnused } from './weights.js'

/** The greatest number of slots. Of more components that need one, the most probable ones of each image get them. */
const MOST_SLOTS = 4

/** Ranks of an image whose log p(x) is reported by itself: an outlier is a sum of thousands of nats, of which products lose several digits. */
const PRECISE_RANKS = 2

/** Spherical (one variance per component) if `width` is 1, diagonal if it is `pixels`. */
interface Shape {
  components: number
  pixels: number
  width: number
}

/**
 * Variables: `from_low`, `from_high` [K, pixels], the coefficients of the two squares times -½ Λ; `middle` [K], the sum of the rest; `slot` [K], at
 * least 0 for marked components, else -1.
 */
export function axisStructure(spherical: boolean, components: number, pixels: number): GaussianStructure {
  const shape = { components, pixels, width: spherical ? 1 : pixels }
  const [vector, matrix] = [[components], [components, pixels]]
  return {
    covarianceShape: spherical ? vector : matrix,
    base: { low: new Float64Array(pixels), high: new Float64Array(pixels).fill(1) },
    coefficientShapes: { from_low: matrix, from_high: matrix, middle: vector, slot: vector },
    momentShapes: { sums: matrix, squares: matrix },
    chooseBase: range,
    logJoint(variables, x, slots, isPrecise) {
      const joint = addConstants(variables, quadraticOfProducts(variables, x))
      const count = isPrecise ? Math.max(slots, Math.min(PRECISE_RANKS, components)) : slots
      if (count === 0) return joint
      return refineLogJoint(variables, x, joint, {
        count,
        among: isPrecise ? everyOne(components) : hasSlot(variables),
      })
    },
    moments: (variables, responsibilities, x, slots) =>
      slots === 0
        ? momentsOfProducts(variables, responsibilities, x)
        : momentsWithSlots(variables, responsibilities, x, slots),
    statistics: (moments, stored) => statistics(moments, stored, shape),
    invert: covariances => invert(covariances, shape),
    precisionFrom: 'covariances',
    storedPrecision: covariances => invert(covariances, shape),
    covarianceOf: (precision, k) => row(precision, k, shape.width).map(value => 1 / value),
    atLeast: (covariance, floor) => ({
      covariance: covariance.map(variance => Math.max(variance, floor)),
      ofImages: covariance.map(variance => Math.max(variance, 0)),
    }),
    derive(forms, base) {
      const { slot, slots } = chooseSlots(forms, base, shape)
      return { coefficients: { ...coefficients(forms, base, shape), slot }, slots }
    },
    meanDistance: ({ means, precision }, of, k) =>
      sum(
        row(means, k, pixels).map((mean, i) => {
          const at = k * shape.width + (i % shape.width)
          const away = (of.means[k * pixels + i] as number) - mean
          return (precision[at] as number) * ((of.covariances[at] as number) + away ** 2)
        }),
      ),
  }
}

/** The least and the greatest value of each column of x [images, pixels]; high is low + 1 where there is one value only. */
async function range(x: tf.Tensor): Promise<Values> {
  const ends = tf.tidy(() => [tf.min(x, 0), tf.max(x, 0)] as const)
  const [low, high] = await Promise.all(ends.map(async end => Float64Array.from(await end.data())))
  tf.dispose([...ends])
  const [from, to] = [low as Float64Array, high as Float64Array]
  return { low: from, high: to.map((value, i) => (value > (from[i] as number) ? value : (from[i] as number) + 1)) }
}

/** (x - low)² and (high - x)²: [batch, pixels] each. */
function fromEnds(variables: Variables, x: tf.Tensor) {
  return {
    low: tf.square(tf.sub(x, variable({ variables }, 'low'))),
    high: tf.square(tf.sub(variable({ variables }, 'high'), x)),
  }
}

/** -½ (x - m_k)ᵀ Λ_k (x - m_k): [K, batch]. */
function quadraticOfProducts(variables: Variables, x: tf.Tensor): tf.Tensor {
  const { low, high } = fromEnds(variables, x)
  const product = (name: string, squares: tf.Tensor) => tf.matMul(variable({ variables }, name), squares, false, true)
  return tf.add(tf.add(product('from_low', low), product('from_high', high)), column(variable({ variables }, 'middle')))
}

function momentsOfProducts(variables: Variables, responsibilities: tf.Tensor, x: tf.Tensor) {
  const { low, high } = fromEnds(variables, x)
  return { sums: tf.matMul(responsibilities, high), squares: tf.matMul(responsibilities, low) }
}

/** [K, 1]. */
const everyOne = (components: number): tf.Tensor => tf.ones([components, 1], 'bool')

/** Whether a component has a slot: bool [K, 1]. */
const hasSlot = (variables: Variables): tf.Tensor => tf.greaterEqual(column(variable({ variables }, 'slot')), 0)

/** The sums of x - m_k and of its squares for components with slots, those of products for the others: [K, pixels]. */
function momentsWithSlots(variables: Variables, responsibilities: tf.Tensor, x: tf.Tensor, slots: number) {
  const slotted = hasSlot(variables)
  const own = momentsOfRanks(variables, tf.where(slotted, responsibilities, 0), x, slots)
  const others = tf.where(slotted, own.left, responsibilities)
  const products = momentsOfProducts(variables, others, x)
  const moved = fromMeans(variables, products, tf.sum(others, 1, true))
  return {
    sums: tf.where(slotted, tf.add(own.sums, moved.sums), products.sums),
    squares: tf.where(slotted, tf.add(own.squares, moved.squares), products.squares),
  }
}

/** The sums of x - m_k and of its squares from sums of (high - x)² and (x - low)² and the sum of the weights [K, 1]. */
function fromMeans(variables: Variables, { sums, squares }: Record<'sums' | 'squares', tf.Tensor>, weight: tf.Tensor) {
  const [low, high, means] = ['low', 'high', 'means'].map(name => variable({ variables }, name)) as [
    tf.Variable,
    tf.Variable,
    tf.Variable,
  ]
  const range = tf.sub(high, low)
  const [toLow, toHigh] = [tf.sub(means, low), tf.sub(high, means)]
  const fromMiddle = tf.div(tf.sub(squares, sums), tf.mul(range, 2))
  const mean = tf.div(tf.add(tf.mul(squares, toHigh), tf.mul(sums, toLow)), range)
  return {
    sums: tf.add(fromMiddle, tf.mul(weight, tf.div(tf.sub(toHigh, toLow), 2))),
    squares: tf.relu(tf.sub(mean, tf.mul(weight, tf.mul(toLow, toHigh)))),
  }
}

function statistics(
  { counts, sums, squares }: GaussianMoments,
  stored: Values,
  { pixels, width }: Shape,
): GaussianStatistics {
  const [means, covariances] = [new Float64Array(sums.length), new Float64Array(counts.length * width)]
  sums.forEach((_, at) => {
    const [k, i] = [Math.floor(at / pixels), at % pixels]
    const count = counts[k] as number
    if (isUnused(count)) return
    const [first, second] = [(sums[at] as number) / count, (squares[at] as number) / count]
    const { mean, variance } =
      (stored.slot?.[k] as number) >= 0
        ? fromMean(first, second, stored.means?.[at] as number)
        : fromRange(first, second, stored.low?.[i] as number, stored.high?.[i] as number)
    means[at] = mean
    const own = k * width + (i % width)
    covariances[own] = (covariances[own] as number) + (variance * width) / pixels
  })
  return { counts, means, covariances }
}

/** Mean and variance of x from the means of x - m and (x - m)². */
const fromMean = (first: number, second: number, m: number) => ({
  mean: m + first,
  variance: Math.max(second - first ** 2, 0),
})

/** Mean and variance of x from the means of (high - x)² and (x - low)², about the end that is nearer. */
function fromRange(fromHigh: number, fromLow: number, low: number, high: number) {
  const fromMiddle = (fromLow - fromHigh) / (2 * (high - low))
  const [end, square] = fromMiddle < 0 ? [low, fromLow] : [high, fromHigh]
  // no mean is farther from the end than the root of the mean square: of a constant pixel it is this value exactly
  const limit = Math.sqrt(square)
  const away = Math.min(Math.max((low + high) / 2 + fromMiddle - end, -limit), limit)
  return { mean: end + away, variance: Math.max(square - away ** 2, 0) }
}

function invert(covariances: Float64Array, { components, pixels, width }: Shape): Precision {
  const broken = covariances.findIndex(variance => !(Math.fround(variance) > 0))
  if (broken >= 0)
    throw singular(Math.floor(broken / width), `the variance of pixel ${broken % width} is ${covariances[broken]}`)
  const precision = covariances.map(variance => 1 / Math.fround(variance))
  const logDeterminant = (k: number) => (pixels / width) * sum(row(precision, k, width).map(Math.log))
  return { precision, logDeterminants: Float64Array.from({ length: components }, (_, k) => logDeterminant(k)) }
}

/** Λ (m - low) (high - m) of component and pixel `at`: what the two products have too much, twice over in nats. */
function cancelled({ means, precision }: QuadraticForms, { low, high }: Values, at: number, { pixels, width }: Shape) {
  const [k, i] = [Math.floor(at / pixels), at % pixels]
  const m = means[at] as number
  const [toLow, toHigh] = [m - (low?.[i] as number), (high?.[i] as number) - m]
  return (precision[k * width + (i % width)] as number) * toLow * toHigh
}

/** Estimate of the rounding error of log p(x | k) by products, in nats, for an image near the mean. */
function roundingError(forms: QuadraticForms, base: Values, k: number, shape: Shape): number {
  const terms = row(forms.means, k, shape.pixels).map((_, i) => cancelled(forms, base, k * shape.pixels + i, shape))
  return FLOAT32_ROUNDING * sum(terms.map(Math.abs))
}

/**
 * Marks the components that need differences, by numbers from 0 on. The number of slots, the ranks of an image that are computed by differences, is
 * a power of two, so that steps are seldom compiled anew.
 */
function chooseSlots(forms: QuadraticForms, base: Values, shape: Shape) {
  let next = 0
  const slot = forms.constants.map((_, k) => (roundingError(forms, base, k, shape) > TOLERATED_ROUNDING ? next++ : -1))
  return { slot, slots: next === 0 ? 0 : Math.min(2 ** Math.ceil(Math.log2(next)), shape.components, MOST_SLOTS) }
}

function coefficients(forms: QuadraticForms, base: Values, shape: Shape): Values {
  const { means, precision } = forms
  const { pixels, width } = shape
  const [fromLow, fromHigh] = [new Float64Array(means.length), new Float64Array(means.length)]
  const middle = new Float64Array(shape.components)
  means.forEach((m, at) => {
    const [k, i] = [Math.floor(at / pixels), at % pixels]
    const [low, high] = [base.low?.[i] as number, base.high?.[i] as number]
    const half = -(precision[k * width + (i % width)] as number) / 2
    fromLow[at] = (half * (high - m)) / (high - low)
    fromHigh[at] = (half * (m - low)) / (high - low)
    middle[k] = (middle[k] as number) + cancelled(forms, base, at, shape) / 2
  })
  return { from_low: fromLow, from_high: fromHigh, middle }
}
