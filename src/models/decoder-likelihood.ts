/**
 * log p(x|z) as annealing wants it: of the noise that z ~ p(z) is made of, whose prior is N(0, I) whatever p(z) is. For one
 * layer of Gaussian z that noise is z.
 */
import type * as tf from '@tensorflow/tfjs'
import { toUnit } from '../data/levels.js'
import { type Decoder, decode } from './vae.js'

/** Of images [batch, pixels] in 0 … 255 and noise [chains, batch, latent]: [chains, batch]. */
export const decoderLikelihood =
  (model: Decoder) =>
  (images: tf.Tensor, noise: tf.Tensor): tf.Tensor =>
    decode(model, model.latents.prior.at(noise)).logProb(toUnit(images))
