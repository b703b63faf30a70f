/**
 * Gaussian components with spherical or diagonal covariances, by matrix products with (x - low)² and (high - x)², where low < high are the least and
 * the greatest value of each pixel:
 *
 *     (x - m)² = (high - m) / (high - low) (x - low)² + (m - low) / (high - low) (high - x)² - (m - low) (high - m)
 *
 * The first two terms are positive, and nothing cancels where m is at either end, as of pixels that are black or white in most images. Elsewhere
 * Λ (m - low) (high - m) cancels. Where that is too much for float32 (`roundingError`), as of tiny variances about grey means, a component gets a
 * slot: steps then take x - m_k before they square.
 */
import * as tf from '#tfjs'
import { row, sum } from '../../numeric/linear-algebra.js'
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

/** Spherical (one variance per component) if `width` is 1, diagonal if it is `pixels`. */
interface Shape {
  components: number
  pixels: number
  width: number
}

/**
 * Variables: `from_low`, `from_high` [K, pixels], the coefficients of the two squares times -½ Λ; `middle` [K], the sum of the rest; `slot` [K], the
 * slot of each component, -1 for none.
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
    logJoint(variables, x, slots) {
      const quadratic = quadraticOfProducts(variables, x)
      const precise = slots > 0 ? replaceRows(variables, quadratic, slotQuadratics(variables, x, slots)) : quadratic
      return addConstants(variables, precise)
    },
    moments(variables, responsibilities, x, slots) {
      const { sums, squares } = momentsOfProducts(variables, responsibilities, x)
      if (slots === 0) return { sums, squares }
      const own = slotMoments(variables, responsibilities, x, slots)
      return {
        sums: replaceRows(variables, sums, own.sums),
        squares: replaceRows(variables, squares, own.squares),
      }
    },
    statistics: (moments, stored) => statistics(moments, stored, shape),
    invert: covariances => invert(covariances, shape),
    precisionFrom: 'covariances',
    storedPrecision: covariances => invert(covariances, shape),
    covarianceOf: (precision, k) => row(precision, k, shape.width).map(value => 1 / value),
    atLeast: (covariance, floor) => covariance.map(variance => Math.max(variance, floor)),
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

/** 1 where a component has a slot: [slots, K]. */
const occupied = (variables: Variables, slots: number): tf.Tensor =>
  tf.cast(tf.equal(column(tf.range(0, slots)), tf.reshape(variable({ variables }, 'slot'), [1, -1])), 'float32')

/** The rows of a table [K, …] of each slot: 2-dimensional tensors of one row. */
const rowsOfSlots = (places: tf.Tensor, table: tf.Tensor): tf.Tensor[] =>
  tf.split(tf.matMul(places, table), places.shape[0] as number, 0)

/** A table [K, …] with the rows [slots, …] in place of those of components that have a slot. */
function replaceRows(variables: Variables, table: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  const hasSlot = tf.greaterEqual(column(variable({ variables }, 'slot')), 0)
  return tf.where(hasSlot, tf.matMul(occupied(variables, rows.shape[0] as number), rows, true), table)
}

/** -½ (x - m)ᵀ Λ (x - m) of the component in each slot: [slots, batch]. */
function slotQuadratics(variables: Variables, x: tf.Tensor, slots: number): tf.Tensor {
  const places = occupied(variables, slots)
  const [fromLow, fromHigh] = [variable({ variables }, 'from_low'), variable({ variables }, 'from_high')]
  const means = rowsOfSlots(places, variable({ variables }, 'means'))
  const halves = rowsOfSlots(places, tf.add(fromLow, fromHigh)) // -½ Λ
  const quadratics = means.map((mean, s) => tf.matMul(halves[s] as tf.Tensor, tf.square(tf.sub(x, mean)), false, true))
  return tf.concat(quadratics, 0)
}

/** The sums of x - m and of its squares for the component in each slot: [slots, pixels]. */
function slotMoments(variables: Variables, responsibilities: tf.Tensor, x: tf.Tensor, slots: number) {
  const places = occupied(variables, slots)
  const weights = rowsOfSlots(places, responsibilities)
  const parts = rowsOfSlots(places, variable({ variables }, 'means')).map((mean, s) => {
    const away = tf.sub(x, mean)
    const weighted = tf.mul(column(weights[s] as tf.Tensor), away)
    return { sums: tf.sum(weighted, 0, true), squares: tf.sum(tf.mul(weighted, away), 0, true) }
  })
  const together = (name: 'sums' | 'squares') =>
    tf.concat(
      parts.map(part => part[name]),
      0,
    )
  return { sums: together('sums'), squares: together('squares') }
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

/** A slot for each component that needs one. Their number is a power of two, so that steps are seldom compiled anew. */
function chooseSlots(forms: QuadraticForms, base: Values, shape: Shape) {
  let next = 0
  const slot = forms.constants.map((_, k) => (roundingError(forms, base, k, shape) > TOLERATED_ROUNDING ? next++ : -1))
  return { slot, slots: next === 0 ? 0 : Math.min(2 ** Math.ceil(Math.log2(next)), shape.components) }
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
