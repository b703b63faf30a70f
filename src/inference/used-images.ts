/** Means over the images of a batch that count. */
import * as tf from '@tensorflow/tfjs'

/** Means over the first `used` values of each tensor [batch]. */
export function usedMeans(perImage: Record<string, tf.Tensor>, used: number): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(perImage).map(([name, values]) => {
      const counts = tf.less(tf.range(0, values.shape[0] as number), used)
      return [name, tf.div(tf.sum(tf.where(counts, values, 0)), used)]
    }),
  )
}
