/** log p(x|z) of a VAE's decoder, as annealing wants it. */
import * as tf from '@tensorflow/tfjs'
import { decode, type Vae } from '../models/vae.js'
import type { BatchLikelihood } from './annealed-chains.js'

/** Of images [batch, pixels] in 0 … 255 and z [chains, batch, latent]: [chains, batch]. */
export const vaeLikelihood =
  (vae: Vae): BatchLikelihood =>
  (images, z) =>
    decode(vae, z).logProb(tf.div(images, 255))
