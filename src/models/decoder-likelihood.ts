/**
 * log p(x|z) as a function of the noise from which z ~ p(z) is computed. Annealing uses it because that noise has prior N(0, I)
 * whatever p(z) is. With one layer of Gaussian z the noise is z.
 */
import type * as tf from '#tfjs'
import { toUnit } from '../data/levels.js'
import { type Decoder, decode } from './vae.js'

/** Images [batch, pixels] in 0 … 255, noise [chains, batch, latent] -> log p(x|z) in nats, [chains, batch]. */
export const decoderLikelihood =
  (model: Decoder) =>
  (images: tf.Tensor, noise: tf.Tensor): tf.Tensor =>
    decode(model, model.latents.prior.at(noise)).logProb(toUnit(images))
