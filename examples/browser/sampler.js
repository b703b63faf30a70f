// Draws images from a decoder that `elbo export` wrote: z ~ N(0, I), through the decoder, to the mean image of p(x|z).

/** Loads the decoder of an exported model; `url` is that of the folder. */
export const loadDecoder = (tf, url) => tf.loadLayersModel(`${url}/decoder/model.json`)

/** Rows, columns and channels of its images, what its outputs mean, and of a conditional model the names of its classes. */
export const loadDescription = async url => (await fetch(`${url}/elbo.json`)).json()

/**
 * Values in [0, 1], [count, rows, columns, channels] end to end, of `count` draws of z from the prior. The first output of the decoder is
 * the logits of the mean, for every likelihood but continuous-bernoulli. The decoder of a conditional model has a second input, the class,
 * one-hot: `label` is its number.
 */
export async function sample(tf, decoder, count, label = 0) {
  const images = tf.tidy(() => {
    const [latent, classes] = decoder.inputs.map(input => input.shape[1])
    const z = tf.randomNormal([count, latent])
    const y = () => tf.oneHot(tf.fill([count], label, 'int32'), classes).toFloat()
    const [logits] = [decoder.predict(classes === undefined ? z : [z, y()])].flat()
    return tf.sigmoid(logits)
  })
  const values = await images.data()
  images.dispose()
  return values
}

/** RGBA bytes of image i: [rows, columns, 4]. Grey images are drawn black on white. */
export function toRgba(values, { rows, columns, channels }, i) {
  const pixels = rows * columns
  const rgba = new Uint8ClampedArray(4 * pixels)
  for (let p = 0; p < pixels; p++) {
    const from = (i * pixels + p) * channels
    const colour = channels === 3 ? values.slice(from, from + 3) : Array(3).fill(1 - values[from])
    rgba.set([...[...colour].map(value => 255 * value), 255], 4 * p)
  }
  return rgba
}
