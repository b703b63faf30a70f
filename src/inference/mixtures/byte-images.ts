/** Images as bytes, outside of the training loop: what starts and data-dependent priors look at. */
import * as tf from '@tensorflow/tfjs'

/** 0 … 255, end to end: [count, pixels]. */
export interface ByteImages {
  count: number
  pixels: Uint8Array
}

/** The chosen images as a model reads them: [chosen, …]. */
export function readImages(
  read: (batch: tf.Tensor) => tf.Tensor,
  { count, pixels }: ByteImages,
  chosen: Int32Array,
): tf.Tensor {
  const width = pixels.length / count
  const batch = new Float32Array(chosen.length * width)
  chosen.forEach((image, i) => {
    batch.set(pixels.subarray(image * width, (image + 1) * width), i * width)
  })
  return tf.tidy(() => read(tf.tensor2d(batch, [chosen.length, width])))
}
