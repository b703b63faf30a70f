// Draws images from a decoder that `elbo export` wrote: z ~ N(0, I), through the decoder, to the mean image of p(x|z).

/** Loads the decoder of an exported model; `url` is that of the folder. */
export const loadDecoder = (tf, url) => tf.loadLayersModel(`${url}/decoder/model.json`)

/** Grey values in [0, 1], [count, pixels], of `count` draws of z from the prior. For the likelihood bernoulli, whose output is logits. */
export async function sample(tf, decoder, count) {
  const images = tf.tidy(() => tf.sigmoid(decoder.predict(tf.randomNormal([count, decoder.inputs[0].shape[1]]))))
  const values = await images.data()
  images.dispose()
  return values
}

/** RGBA bytes of image i: [pixels, 4], black on white. */
export function toRgba(values, pixels, i) {
  const rgba = new Uint8ClampedArray(4 * pixels)
  for (let p = 0; p < pixels; p++) rgba.set([...Array(3).fill(255 * (1 - values[i * pixels + p])), 255], 4 * p)
  return rgba
}
