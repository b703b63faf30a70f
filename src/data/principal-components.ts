/** Principal components of images, of all their values (Pearson 1901): the directions of largest variance. */

import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import * as tf from '#tfjs'
import { type ImageSet, imageRange, imageTensor, meanImage } from './images.js'
import { toUnit } from './levels.js'

const BATCH = 5000

export interface PrincipalComponents {
  /** The mean image, in [0, 1]: [pixels]. */
  mean: Float32Array
  /** Orthonormal columns, largest variance first: [pixels, count]. */
  basis: Float32Array
}

/**
 * The first `count` components of images with pixels in [0, 1]. The entry of largest magnitude is positive in each. Throws an `Error` if
 * `count` exceeds the number of pixels.
 */
export async function principalComponents(images: ImageSet, count: number): Promise<PrincipalComponents> {
  const mean = meanImage(images)
  const pixels = mean.length
  if (count > pixels) throw new Error(`--pca ${count}: the images have only ${pixels} pixels`)
  const covariance = Matrix.from1DArray(pixels, pixels, await covarianceOf(images, mean))
  const { eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true })
  const basis = new Float32Array(pixels * count)
  for (let j = 0; j < count; j++) {
    const column = eigenvectorMatrix.getColumn(pixels - 1 - j) // eigenvalues ascend
    const largest = column.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0)
    column.forEach((value, i) => {
      basis[i * count + j] = Math.sign(largest) * value
    })
  }
  return { mean, basis }
}

/** The covariance Σ (x - mean)(x - mean)ᵀ / images, accumulated in double precision over batches: [pixels²]. */
async function covarianceOf(images: ImageSet, mean: Float32Array): Promise<Float64Array> {
  const sum = new Float64Array(mean.length ** 2)
  for (let from = 0; from < images.count; from += BATCH) {
    const product = tf.tidy(() => {
      const batch = toUnit(imageTensor(imageRange(images, from, from + BATCH)))
      const x = tf.sub(batch, tf.tensor1d(mean)) as tf.Tensor2D
      return tf.matMul(x, x, true)
    })
    const values = await product.data<'float32'>()
    product.dispose()
    values.forEach((value, i) => {
      sum[i] = (sum[i] as number) + value / images.count
    })
  }
  return sum
}
