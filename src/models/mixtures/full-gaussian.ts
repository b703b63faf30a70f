/**
 * Gaussian components with full covariances Σ = L Lᵀ: log p(x | k) = c_k - ½ |P_k (x - m_k)|², P = L⁻¹. Moments are those of z = P_k (x - m_k), so
 * each direction has its variance to float32 precision, even if another one has a million times as much.
 */

import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
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
import {
  addConstants,
  type FlooredCovariance,
  type GaussianMoments,
  type GaussianStatistics,
  type GaussianStructure,
  type Precision,
  singular,
  type Values,
  type Variables,
} from './gaussian-structure.js'
import { variable } from './mixture.js'
import { isUnused } from './weights.js'

export function fullStructure(components: number, pixels: number): GaussianStructure {
  const cube = [components, pixels, pixels]
  return {
    covarianceShape: cube,
    base: {},
    coefficientShapes: { whitening: cube },
    momentShapes: { sums: [components, pixels], squares: cube },
    chooseBase: async () => ({}),
    logJoint: (variables, x) =>
      addConstants(variables, tf.mul(tf.sum(tf.square(whiteDifferences(variables, x)), 2), -0.5)),
    moments(variables, responsibilities, x) {
      const white = whiteDifferences(variables, x)
      const weighted = tf.mul(white, tf.expandDims(responsibilities, 2)) // [K, batch, pixels]
      return { sums: tf.sum(weighted, 1), squares: tf.matMul(weighted, white, true) }
    },
    statistics,
    invert: covariances => invertCovariances(covariances, components, pixels),
    precisionFrom: 'whitening',
    storedPrecision: whitening => precisionOf(whitening, components, pixels),
    covarianceOf(precision, k) {
      const lower = invertLower(square(precision, k, pixels))
      return Float64Array.from(lower.mmul(lower.transpose()).to1DArray())
    },
    atLeast,
    derive: ({ precision }) => ({ coefficients: { whitening: precision }, slots: 0 }),
    meanDistance({ means, precision }, of, k) {
      const whitening = square(precision, k, pixels)
      const away = row(means, k, pixels).map((value, i) => (of.means[k * pixels + i] as number) - value)
      const white = apply(whitening, away)
      return dot(gramOfLower(whitening).to1DArray(), row(of.covariances, k, pixels ** 2)) + dot(white, white)
    },
  }
}

/** P_k (x - m_k): [K, batch, pixels]. */
function whiteDifferences(variables: Variables, x: tf.Tensor): tf.Tensor {
  const away = tf.sub(tf.expandDims(x, 0), tf.expandDims(variable({ variables }, 'means'), 1))
  return tf.matMul(away, variable({ variables }, 'whitening'), false, true)
}

/** With z = P (x - m), the mean is m + L z̄, and the covariance L (Σ r z zᵀ / N - z̄ z̄ᵀ) Lᵀ. */
function statistics({ counts, sums, squares }: GaussianMoments, stored: Values): GaussianStatistics {
  const pixels = sums.length / counts.length
  const [means, covariances] = [Float64Array.from(stored.means as Float64Array), new Float64Array(squares.length)]
  counts.forEach((count, k) => {
    if (isUnused(count)) return
    const lower = invertLower(square(stored.whitening as Float64Array, k, pixels))
    const mean = Matrix.columnVector(row(sums, k, pixels)).div(count)
    const scatter = square(squares, k, pixels).div(count).sub(mean.mmul(mean.transpose()))
    const symmetric = Matrix.add(scatter, scatter.transpose()).div(2)
    const own = row(means, k, pixels)
    apply(lower, mean.to1DArray()).forEach((value, i) => {
      own[i] = (own[i] as number) + value
    })
    covariances.set(lower.mmul(symmetric).mmul(lower.transpose()).to1DArray(), k * pixels ** 2)
  })
  return { counts, means, covariances }
}

function invertCovariances(covariances: Float64Array, components: number, pixels: number): Precision {
  const whitening = new Float64Array(covariances.length)
  for (let k = 0; k < components; k++) {
    const inverse = invertLower(factor(square(covariances, k, pixels), k))
    whitening.set(inverse.to1DArray().map(Math.fround), k * pixels ** 2)
  }
  return precisionOf(whitening, components, pixels)
}

function factor(covariance: Matrix, component: number): Matrix {
  try {
    return cholesky(covariance)
  } catch (error) {
    throw error instanceof NotPositiveDefinite ? singular(component, `pivot ${error.index} is ${error.pivot}`) : error
  }
}

const precisionOf = (whitening: Float64Array, components: number, pixels: number): Precision => ({
  precision: whitening,
  logDeterminants: Float64Array.from({ length: components }, (_, k) => logDeterminant(square(whitening, k, pixels))),
})

/** Raises the eigenvalues that are below the floor to it: the maximum of -½ (log |Σ| + tr Σ⁻¹ S) over Σ without smaller ones. */
function atLeast(ofImages: Float64Array, floor: number): FlooredCovariance {
  const size = Math.sqrt(ofImages.length)
  const matrix = Matrix.from1DArray(size, size, ofImages)
  try {
    cholesky(Matrix.sub(matrix, Matrix.eye(size, size, floor)))
    return { covariance: ofImages, ofImages }
  } catch (error) {
    if (!(error instanceof NotPositiveDefinite)) throw error
    const { eigenvectorMatrix: basis, realEigenvalues } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true })
    const raised = (least: number) => {
      const scaled = basis.clone().mulRowVector(realEigenvalues.map(value => Math.max(value, least)))
      return Float64Array.from(scaled.mmul(basis.transpose()).to1DArray())
    }
    return {
      covariance: raised(floor),
      ofImages: realEigenvalues.some(value => value < 0) ? raised(0) : ofImages,
    }
  }
}
