/**
 * Gaussian components with spherical or diagonal covariances, in one of two ways. Both need only squares of differences.
 *
 * Products: matrix products with (x - low)² and (high - x)², where low < high are the least and the greatest value of each pixel:
 *
 *     (x - m)² = (high - m) / (high - low) (x - low)² + (m - low) / (high - low) (high - x)² - (m - low) (high - m)
 *
 * The first two terms are positive, and nothing cancels where m is at either end, as of pixels that are black or white in most images: about one
 * origin, a tiny variance at the other end would be a difference of large numbers. What is lost elsewhere is Λ (m - low) (high - m) in units of
 * float32's rounding: see `roundingError`.
 *
 * Differences: x - m_k of each image and component. Slower, but precise for tiny variances anywhere, such as those of repeated grey images.
 */
import * as tf from '@tensorflow/tfjs'
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
import { column, FLOAT32_ROUNDING, variable } from './mixture.js'
import { isUnused } from './weights.js'

/** Spherical (one variance per component) if `width` is 1, diagonal if it is `pixels`. */
interface Shape {
  components: number
  pixels: number
  width: number
}

/** Variables: `from_low`, `from_high` [K, pixels], the coefficients of the two squares times -½ Λ; `middle` [K], the sum of the rest. */
export function axisStructure(spherical: boolean, components: number, pixels: number): GaussianStructure {
  const shape = { components, pixels, width: spherical ? 1 : pixels }
  const matrix = [components, pixels]
  return {
    covarianceShape: spherical ? [components] : matrix,
    base: { low: new Float64Array(pixels), high: new Float64Array(pixels).fill(1) },
    coefficientShapes: { from_low: matrix, from_high: matrix, middle: [components] },
    momentShapes: { sums: matrix, squares: matrix },
    chooseBase: range,
    logJoint(variables, x, differences) {
      const quadratic = differences ? quadraticOfDifferences(variables, x, shape) : quadraticOfProducts(variables, x)
      return addConstants(variables, quadratic)
    },
    moments: (variables, responsibilities, x, differences) =>
      differences
        ? momentsOfDifferences(variables, responsibilities, x)
        : momentsOfProducts(variables, responsibilities, x),
    statistics: (moments, stored, differences) => statistics(moments, stored, differences, shape),
    invert: covariances => invert(covariances, shape),
    precisionFrom: 'covariances',
    storedPrecision: covariances => invert(covariances, shape),
    covarianceOf: (precision, k) => row(precision, k, shape.width).map(value => 1 / value),
    addFloor: (covariance, floor) => covariance.map(variance => variance + floor),
    coefficients: (forms, base) => coefficients(forms, base, shape),
    roundingError(forms, base, k) {
      const terms = row(forms.means, k, pixels).map((_, i) => Math.abs(cancelled(forms, base, k * pixels + i, shape)))
      return FLOAT32_ROUNDING * sum(terms)
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

/** Most numbers of a tensor of differences; those of more components are taken one group after another. */
const LARGEST_DIFFERENCES = 2 ** 23

/** The results of `of`, for x - m_k [group, batch, pixels] of groups of components from `from` on. */
function differencesByGroup<T>(
  variables: Variables,
  x: tf.Tensor,
  of: (away: tf.Tensor, from: number, size: number) => T,
): T[] {
  const means = variable({ variables }, 'means')
  const [components, pixels] = means.shape as [number, number]
  const most = Math.max(1, Math.floor(LARGEST_DIFFERENCES / x.size))
  return Array.from({ length: Math.ceil(components / most) }, (_, group) => {
    const [from, size] = [group * most, Math.min(most, components - group * most)]
    const own = tf.reshape(tf.slice(means, [from, 0], [size, pixels]), [size, 1, pixels])
    return of(tf.sub(tf.expandDims(x, 0), own), from, size)
  })
}

function quadraticOfDifferences(variables: Variables, x: tf.Tensor, { components, width }: Shape): tf.Tensor {
  const variances = tf.reshape(variable({ variables }, 'covariances'), [components, 1, width])
  const distances = differencesByGroup(variables, x, (away, from, size) =>
    tf.sum(tf.div(tf.square(away), tf.slice(variances, [from, 0, 0], [size, 1, width])), 2),
  )
  return tf.mul(tf.concat(distances, 0), -0.5)
}

function momentsOfDifferences(variables: Variables, responsibilities: tf.Tensor, x: tf.Tensor) {
  const batch = x.shape[0] as number
  const parts = differencesByGroup(variables, x, (away, from, size) => {
    const own = tf.reshape(tf.slice(responsibilities, [from, 0], [size, batch]), [size, batch, 1])
    const weighted = tf.mul(own, away)
    return { sums: tf.sum(weighted, 1), squares: tf.sum(tf.mul(weighted, away), 1) }
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
  differences: boolean,
  { pixels, width }: Shape,
): GaussianStatistics {
  const [means, covariances] = [new Float64Array(sums.length), new Float64Array(counts.length * width)]
  sums.forEach((_, at) => {
    const [k, i] = [Math.floor(at / pixels), at % pixels]
    const count = counts[k] as number
    if (isUnused(count)) return
    const [first, second] = [(sums[at] as number) / count, (squares[at] as number) / count]
    const { mean, variance } = differences
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
