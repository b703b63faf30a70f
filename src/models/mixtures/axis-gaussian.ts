/**
 * Gaussian components with spherical or diagonal covariances. Densities and moments are matrix products with the features [x, |x|²]
 * or [x, x²]: log p(x | k) = x·(τ m) - ½ x²·τ + c - ½ m²·τ, τ = 1 / variance, with x and m counted from the mixture's origin: see gaussian.ts.
 */
import * as tf from '#tfjs'
import { dot, row, sum } from '../../numeric/linear-algebra.js'
import { type GaussianStructure, type QuadraticForms, singular } from './gaussian-structure.js'
import { type Coefficients, column, variable } from './mixture.js'

type AxisCoefficients = Readonly<Record<'log_weights' | 'linear' | 'quadratic' | 'offsets', Float64Array>>

/** One variance per component (`spherical`), or one per component and pixel. */
export function axisStructure(spherical: boolean, components: number, pixels: number): GaussianStructure {
  const width = spherical ? 1 : pixels
  const matrix = [components, pixels]
  const squares = (x: tf.Tensor) => (spherical ? tf.sum(tf.square(x), 1, true) : tf.square(x)) // [batch, width]
  return {
    covarianceShape: spherical ? [components] : matrix,
    coefficientShapes: { linear: matrix, quadratic: [components, width], offsets: [components] },
    momentShapes: { sums: matrix, squares: [components, width] },
    logProb(variables, x) {
      const product = (name: string, features: tf.Tensor) =>
        tf.matMul(variable({ variables }, name), features, false, true) // [K, batch]
      const offsets = column(variable({ variables }, 'offsets'))
      return tf.add(tf.add(product('linear', x), product('quadratic', squares(x))), offsets)
    },
    moments: (responsibilities, x) => ({
      sums: tf.matMul(responsibilities, x),
      squares: tf.matMul(responsibilities, squares(x)),
    }),
    covariance({ counts, squares }, k, mean, regularization) {
      const [count, second] = [counts[k] as number, row(squares, k, width)]
      if (spherical)
        return Float64Array.of(Math.max((second[0] as number) / count - dot(mean, mean), 0) / pixels + regularization)
      return second.map((square, i) => Math.max(square / count - (mean[i] as number) ** 2, 0) + regularization)
    },
    coefficients: forms => axisCoefficients(forms, pixels, width),
    totalLogJoint(coefficients, { counts, sums, squares }) {
      const { log_weights, offsets, linear, quadratic } = coefficients as AxisCoefficients
      return dot(counts, log_weights) + dot(counts, offsets) + dot(sums, linear) + dot(squares, quadratic)
    },
  }
}

function axisCoefficients(
  { logWeights, means, covariances, constant }: QuadraticForms,
  pixels: number,
  width: number,
): Coefficients {
  covariances.forEach((variance, i) => {
    if (!(variance > 0)) throw singular(Math.floor(i / width), `the variance of pixel ${i % width} is ${variance}`)
  })
  const precision = covariances.map(variance => 1 / variance)
  const linear = means.map((mean, i) => mean * (precision[Math.floor((i * width) / pixels)] as number))
  const offsets = logWeights.map((_, k) => {
    const logDeterminant = (pixels / width) * sum(row(precision, k, width).map(Math.log))
    return constant(k, logDeterminant) - dot(row(means, k, pixels), row(linear, k, pixels)) / 2
  })
  return { log_weights: logWeights, linear, quadratic: precision.map(value => -value / 2), offsets }
}
