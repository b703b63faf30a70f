/** `tf.gather` with batch dimensions as a gather of rows of a matrix, without them. */
import * as tf from '#tfjs'

interface GatheredRows {
  /** int32, [batch, outer, indices]: the rows of x, seen as a matrix [count, rowSize], which make up the result in this order. */
  readonly rows: tf.Tensor
  readonly count: number
  readonly rowSize: number
  /** The shape of the result. */
  readonly shape: number[]
}

/** Let x be [batch, outer, size, slice], where `axis` is that of `size`: entry [b, o, j] of the result is x[b, o, indices[b, j]]. */
export function rowsOfGather(x: tf.TensorInfo, indices: tf.Tensor, axis: number, batchDims: number): GatheredRows {
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
    tf.backend_util.segment_util.collectGatherOpShapeInfo(x as tf.Tensor, indices, axis, batchDims)
  const first = tf.mul(tf.range(0, batchSize * outerSize, 1, 'int32'), tf.scalar(dimSize, 'int32'))
  const rows = tf.add(
    tf.reshape(first, [batchSize, outerSize, 1]),
    tf.reshape(indices, [batchSize, 1, indices.size / batchSize]),
  )
  return { rows, count: batchSize * outerSize * dimSize, rowSize: sliceSize, shape: outputShape }
}
