/**
 * A decoder as annealing sees it: coordinates u with a density from which draws are known, and p(x|u). Where z is a function of noise
 * with density N(0, I), u is that noise, whatever p(z) is; otherwise, under a learned prior, u is z. With one layer of Gaussian z and
 * p(z) = N(0, I) both are the same.
 */
import type * as tf from '#tfjs'
import { type Density, standardNormal } from '../distributions/normal.js'
import { readBatch } from './conditional.js'
import type { PixelDistribution } from './likelihood.js'
import { type Decoder, decode } from './vae.js'

export interface DecoderLikelihood {
  /** The density of u. */
  readonly start: Density
  /** p(x|u) for u [..., latent]; of a conditional model at fixed classes. */
  pixels(u: tf.Tensor): PixelDistribution
  /** A batch of images, a row each in 0 … 255, u [chains, batch, latent] -> log p(x|u) in nats, [chains, batch]. */
  logLikelihood(images: tf.Tensor, u: tf.Tensor): tf.Tensor
}

export function decoderLikelihood(model: Decoder): DecoderLikelihood {
  const { prior } = model.latents
  const { at } = prior
  const pixels = (given: Decoder, u: tf.Tensor) => decode(given, at ? at(u) : u)
  return {
    start: at ? standardNormal : prior,
    pixels: u => pixels(model, u),
    logLikelihood(images, u) {
      const { x, model: given } = readBatch(model, images)
      return pixels(given, u).logProb(x)
    },
  }
}
