/** The images of a batch that count. */
import * as tf from '@tensorflow/tfjs'

/** Whether each image counts, which the first `used` do: [batch] of truth values. */
export function usedImages(batch: number, used: number): tf.Tensor {
  return tf.less(tf.range(0, batch), used)
}

/** Means over the first `used` values of each tensor [batch]. */
export function usedMeans(perImage: Record<string, tf.Tensor>, used: number): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(perImage).map(([name, values]) => {
      const counts = usedImages(values.shape[0] as number, used)
      return [name, tf.div(tf.sum(tf.where(counts, values, 0)), used)]
    }),
  )
}
