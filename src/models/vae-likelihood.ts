/**
 * log p(x|z) of a VAE, as annealing wants it: of the noise that z ~ p(z) is made of, whose prior is N(0, I) whatever p(z) is. For one
 * layer of Gaussian z that noise is z.
 */
import type * as tf from '@tensorflow/tfjs'
import { toUnit } from '../data/levels.js'
import { decode, type Vae } from './vae.js'

/** Of images [batch, pixels] in 0 … 255 and noise [chains, batch, latent]: [chains, batch]. */
export const vaeLikelihood =
  (vae: Vae) =>
  (images: tf.Tensor, noise: tf.Tensor): tf.Tensor =>
    decode(vae, vae.latents.prior.at(noise)).logProb(toUnit(images))
