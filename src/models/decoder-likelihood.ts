/**
 * log p(x|z) as a function of the noise from which z ~ p(z) is computed. Annealing uses it because that noise has prior N(0, I)
 * whatever p(z) is. With one layer of Gaussian z the noise is z.
 */
import type * as tf from '#tfjs'
import { readBatch } from './conditional.js'
import { type Decoder, decode } from './vae.js'

/** A batch of images, a row each in 0 … 255, noise [chains, batch, latent] -> log p(x|z) in nats, [chains, batch]. */
export const decoderLikelihood =
  (model: Decoder) =>
  (images: tf.Tensor, noise: tf.Tensor): tf.Tensor => {
    const { x, model: given } = readBatch(model, images)
    return decode(given, model.latents.prior.at(noise)).logProb(x)
  }
