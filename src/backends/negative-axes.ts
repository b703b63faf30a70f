/**
 * Negative axes and batch dimensions, which TF.js 4.22 documents but does not implement everywhere: `cumsum` and `cumprod` write out of
 * bounds (wasm) or return a wrong shape (cpu), `gather` refuses (tensorflow), and some gradients permute axes wrongly (all backends).
 */
import * as tf from '#tfjs'
import { correctGradient, correctKernel, correctOnce } from './correct-kernel.js'
import { rowsOfGather } from './gather-rows.js'

/** Corrects the kernels of a backend, and the gradients of all, unless that was done before. */
export function registerNegativeAxes(backendName: string): void {
  correctOnce(`negative axes of ${backendName}`, () => {
    correctKernel(tf.Cumsum, backendName, withPositiveAxis)
    correctKernel(tf.Cumprod, backendName, withPositiveAxis)
    correctKernel(tf.GatherV2, backendName, withPositiveAxis)
  })
  correctOnce('gradients', correctGradients)
}

/** `cumsum`, `cumprod` or `gather`. */
function withPositiveAxis(kernel: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const { x, indices } = params.inputs as unknown as { x: tf.TensorInfo; indices?: tf.TensorInfo }
    const { axis, batchDims, ...attrs } = params.attrs as unknown as { axis: number; batchDims?: number }
    const leading = indices && batchDims !== undefined && batchDims < 0 ? batchDims + indices.shape.length : batchDims
    return kernel({
      ...params,
      attrs: { ...attrs, axis: positive(axis, x), ...(leading !== undefined && { batchDims: leading }) },
    })
  }
}

const positive = (axis: unknown, { shape }: tf.TensorInfo): number =>
  tf.util.parseAxisParam(axis as number, shape)[0] as number

function correctGradients(): void {
  // TF.js transposes the result of every axis but the last.
  correctGradient(tf.Cumsum, () => (dy, _, attrs) => {
    const { axis, exclusive, reverse } = attrs as unknown as tf.CumsumAttrs
    return { x: () => tf.cumsum(dy as tf.Tensor, axis, exclusive, !reverse) }
  })
  correctGradient(tf.Prod, gradient => (dy, saved, attrs) => {
    const axis = tf.util.parseAxisParam(attrs.axis as number[], (saved[0] as tf.Tensor).shape)
    return gradient(dy, saved, { ...attrs, axis })
  })
  // TF.js's own takes one batch dimension at most.
  correctGradient(
    tf.GatherV2,
    gradient => (dy, saved, attrs) =>
      attrs.batchDims === 0 ? gradient(dy, saved, attrs) : gatherGradient(dy as tf.Tensor, saved, attrs),
  )
}

function gatherGradient(dy: tf.Tensor, saved: tf.Tensor[], attrs: tf.NamedAttrMap): ReturnType<tf.GradFunc> {
  const [x, indices] = saved as [tf.Tensor, tf.Tensor]
  const { axis, batchDims } = attrs as unknown as tf.GatherV2Attrs
  return {
    x() {
      const { rows, count, rowSize } = rowsOfGather(x, indices, positive(axis, x), batchDims)
      const sums = tf.unsortedSegmentSum(tf.reshape(dy, [-1, rowSize]), tf.reshape(rows, [-1]) as tf.Tensor1D, count)
      return tf.reshape(sums, x.shape)
    },
    indices: () => indices,
  }
}
