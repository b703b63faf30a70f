/** Decoding at points of the latent space. */
import * as tf from '#tfjs'
import { decode, type Vae } from '../../models/vae.js'
import { valuesOf } from '../model/model.js'

/** Mean images [count, values] in [0, 1] of codes [count, latent]. */
export async function decodeMany(vae: Vae, codes: readonly (readonly number[])[]): Promise<Float32Array> {
  const mean = tf.tidy(() => decode(vae, tf.tensor2d(codes.map(code => [...code]))).mean)
  const [values = new Float32Array()] = await valuesOf(mean)
  return values
}
