/** Decoding at points of the latent space. */
import * as tf from '#tfjs'
import { decode } from '../../models/vae.js'
import { atShown, type ShownClass } from '../model/classes.js'
import { valuesOf } from '../model/model.js'

/** Mean images [count, values] in [0, 1] of codes [count, latent], of the chosen class if the model is conditional. */
export async function decodeMany(shown: ShownClass, codes: readonly (readonly number[])[]): Promise<Float32Array> {
  const mean = tf.tidy(() => decode(atShown(shown)(), tf.tensor2d(codes.map(code => [...code]))).mean)
  const [values = new Float32Array()] = await valuesOf(mean)
  return values
}
