/**
 * Products of transposed matrices. TF.js's WebAssembly backend computes them by a scalar loop, ten times slower than XNNPACK's product
 * without transposition; here the matrix is transposed first. Every gradient of a dense layer is such a product.
 */
import * as tf from '#tfjs'
import { correctKernel, correctOnce } from './correct-kernel.js'

/** Registers a kernel `BatchMatMul` that wraps the backend's own, unless that was done before. */
export function registerTransposedProduct(backendName: string): void {
  correctOnce(`transposed products of ${backendName}`, () => correctKernel(tf.BatchMatMul, backendName, product))
}

function product(kernel: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const { transposeA, transposeB } = params.attrs as unknown as tf.BatchMatMulAttrs
    if (!transposeA && !transposeB) return kernel(params)
    const { a, b } = params.inputs as unknown as { a: tf.Tensor; b: tf.Tensor }
    return tf.tidy(() => tf.matMul(transposeA ? transposed(a) : a, transposeB ? transposed(b) : b))
  }
}

/** [..., rows, columns] -> [..., columns, rows]. */
function transposed(matrices: tf.Tensor): tf.Tensor {
  const axes = matrices.shape.map((_, axis) => axis)
  return tf.transpose(matrices, [...axes.slice(0, -2), ...axes.slice(-2).reverse()])
}
