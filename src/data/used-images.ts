/** Masks and means over the images of a padded batch. */
import * as tf from '#tfjs'

/** True for the first `used` images of a batch, false for padding: bool [batch]. */
export function usedImages(batch: number, used: number): tf.Tensor {
  return tf.less(tf.range(0, batch), used)
}

/** Means over the first `used` values of each tensor [batch]: scalars. */
export function usedMeans(perImage: Record<string, tf.Tensor>, used: number): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(perImage).map(([name, values]) => {
      const mask = usedImages(values.shape[0] as number, used)
      return [name, tf.div(tf.sum(tf.where(mask, values, 0)), used)]
    }),
  )
}
