/**
 * Gaussian components with full covariances Σ = L Lᵀ: log p(x | k) = c_k - ½ |P_k x - P_k m_k|², P = L⁻¹, one matrix
 * product for all components; the second moments are one product too.
 */

import type { Matrix } from 'ml-matrix'
import * as tf from '#tfjs'
import {
  apply,
  cholesky,
  dot,
  gramOfLower,
  invertLower,
  logDeterminant,
  NotPositiveDefinite,
  row,
  square,
} from '../../numeric/linear-algebra.js'
import { type GaussianMoments, type GaussianStructure, type QuadraticForms, singular } from './gaussian-structure.js'
import { type Coefficients, column, variable } from './mixture.js'

type FullCoefficients = Readonly<Record<'log_weights' | 'whitening' | 'whitened_means' | 'offsets', Float64Array>>

export function fullStructure(components: number, pixels: number): GaussianStructure {
  const [matrix, cube] = [
    [components, pixels],
    [components, pixels, pixels],
  ]
  return {
    covarianceShape: cube,
    coefficientShapes: { whitening: cube, whitened_means: matrix, offsets: [components] },
    momentShapes: { sums: matrix, squares: cube },
    logProb(variables, x) {
      const whitening = tf.reshape(variable({ variables }, 'whitening'), [components * pixels, pixels])
      const white = tf.reshape(tf.matMul(whitening, x, false, true), [components, pixels, -1]) // [K, pixels, batch]
      const centred = tf.sub(white, tf.reshape(variable({ variables }, 'whitened_means'), [components, pixels, 1]))
      const distances = tf.sum(tf.square(centred), 1) // [K, batch]
      return tf.sub(column(variable({ variables }, 'offsets')), tf.mul(distances, 0.5))
    },
    moments(responsibilities, x) {
      const weighted = tf.mul(
        tf.reshape(responsibilities, [components, 1, -1]),
        tf.reshape(tf.transpose(x), [1, pixels, -1]),
      ) // [K, pixels, batch]
      const products = tf.matMul(tf.reshape(weighted, [components * pixels, -1]), x)
      return { sums: tf.matMul(responsibilities, x), squares: tf.reshape(products, cube) }
    },
    covariance: fullCovariance,
    coefficients: forms => fullCoefficients(forms, pixels),
    totalLogJoint: (coefficients, moments) => totalLogJoint(coefficients as FullCoefficients, moments),
  }
}

function fullCovariance(
  { counts, squares }: GaussianMoments,
  k: number,
  mean: Float64Array,
  regularization: number,
): Float64Array {
  const [count, size] = [counts[k] as number, mean.length]
  return row(squares, k, size * size).map((square, at) => {
    const [i, j] = [Math.floor(at / size), at % size]
    return square / count - (mean[i] as number) * (mean[j] as number) + (i === j ? regularization : 0)
  })
}

function fullCoefficients({ logWeights, means, covariances, constant }: QuadraticForms, pixels: number): Coefficients {
  const coefficients = {
    log_weights: logWeights,
    whitening: new Float64Array(covariances.length),
    whitened_means: new Float64Array(means.length),
    offsets: new Float64Array(logWeights.length),
  }
  for (let k = 0; k < logWeights.length; k++) {
    const lower = factor(square(covariances, k, pixels), k)
    const whitening = invertLower(lower)
    coefficients.whitening.set(whitening.to1DArray(), k * pixels * pixels)
    coefficients.whitened_means.set(apply(whitening, row(means, k, pixels)), k * pixels)
    coefficients.offsets[k] = constant(k, -logDeterminant(lower))
  }
  return coefficients
}

function factor(covariance: Matrix, component: number): Matrix {
  try {
    return cholesky(covariance)
  } catch (error) {
    throw error instanceof NotPositiveDefinite ? singular(component, `pivot ${error.index} is ${error.pivot}`) : error
  }
}

/** Σ_k N_k (log w + c) - ½ Σ_k (tr Λ S - 2 P m·P s + N |P m|²), s and S the first and second moments. */
function totalLogJoint(coefficients: FullCoefficients, { counts, sums, squares }: GaussianMoments): number {
  const pixels = sums.length / counts.length
  let total = dot(counts, coefficients.log_weights) + dot(counts, coefficients.offsets)
  counts.forEach((count, k) => {
    const whitening = square(coefficients.whitening, k, pixels)
    const mean = row(coefficients.whitened_means, k, pixels)
    const spread = dot(gramOfLower(whitening).to1DArray(), row(squares, k, pixels * pixels))
    const first = dot(mean, apply(whitening, row(sums, k, pixels)))
    total -= (spread - 2 * first + count * dot(mean, mean)) / 2
  })
  return total
}
