/** Values near which many of the images' values lie. */
import * as tf from '#tfjs'

/** Maximum number of images to look at: an odd number, so that a median is a value that an image has. */
const SAMPLE = 1001

/** The median of each column of the first rows of x [images, pixels]: [pixels]. */
export async function typicalValues(x: tf.Tensor): Promise<Float64Array> {
  const [images, pixels] = x.shape as [number, number]
  const rows = Math.min(SAMPLE, images)
  const columns = tf.tidy(() => tf.transpose(tf.slice(x, [0, 0], [rows, pixels])))
  const values = await columns.data<'float32'>()
  columns.dispose()
  const median = (i: number) => values.slice(i * rows, (i + 1) * rows).sort()[Math.floor((rows - 1) / 2)] as number
  return Float64Array.from({ length: pixels }, (_, i) => median(i))
}
