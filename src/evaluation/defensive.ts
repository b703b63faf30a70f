/**
 * A defensive mixture as proposal (Hesterberg 1995; Owen & Zhou 2000): r(z) = (1 - a) q(z|x) + a p(z), weights w = p(x, z) / r(z). What
 * q misses is then drawn too, and no weight is above p(x|z) / a. Each component gives its share of the draws, not a random number of
 * them: multiple importance sampling with the balance heuristic (Veach & Guibas 1995). With a = 0 it is q alone.
 */
import * as tf from '@tensorflow/tfjs'
import type { Posterior } from '../models/latents.js'
import { decode, type Vae } from '../models/vae.js'
import { drawNoise } from '../objectives/elbo.js'
import type { Key } from '../random.js'
import { cut, type Stratum, sumDraws, sumWeights, type WeightSums } from './importance.js'

/** How many draws come from q(z|x), and how many from p(z). */
export interface Shares {
  readonly own: number
  readonly prior: number
}

/** `samples` draws, the share a = `defensive` of them, from 0 to 1, from the prior. */
export function sharesOf(samples: number, defensive: number): Shares {
  const prior = Math.round(defensive * samples)
  return { own: samples - prior, prior }
}

/** A piece of draws: of those made the first `used`; from p(z) where `fromPrior` is 1, from q where it is 0. */
export interface Piece {
  readonly used: number
  readonly fromPrior: number
}

/** Draws of both components in pieces that are all made `size` at a time, small enough for batches of `batchSize` images. */
export function cutShares({ own, prior }: Shares, batchSize: number): { size: number; pieces: Piece[] } {
  const { size } = cut(own + prior, batchSize)
  const pieces = (draws: number, fromPrior: number) =>
    Array.from({ length: Math.ceil(draws / size) }, (_, i) => ({ used: Math.min(size, draws - i * size), fromPrior }))
  return { size, pieces: [...pieces(own, 0), ...pieces(prior, 1)] }
}

/** The sums of each piece as those of q's draws and, if there are any, of the prior's. */
export function strataOf(sums: readonly WeightSums[], pieces: readonly Piece[], { own, prior }: Shares): Stratum[] {
  const of = (fromPrior: number) => sums.filter((_, i) => pieces[i]?.fromPrior === fromPrior)
  const strata = [{ pieces: of(0), draws: own }]
  return prior > 0 ? [...strata, { pieces: of(1), draws: prior }] : strata
}

/** Draws `size` z for images x [batch, pixels] from the component of a piece, and sums their weights: tensors [batch]. */
export function sumPiece(
  vae: Vae,
  x: tf.Tensor,
  q: Posterior,
  key: Key,
  { size, shares, piece }: { size: number; shares: Shares; piece: Piece },
): WeightSums<tf.Tensor> {
  if (shares.prior === 0) return sumWeights(vae, x, q, key, size, piece.used)
  const noise = drawNoise(vae, x, key, size)
  const [own, other] = [q.at(noise), vae.latents.prior.at(noise)]
  const ofOther = tf.sub(vae.latents.prior.logProb(other), q.logProb(other))
  const fromPrior = tf.greater(piece.fromPrior, 0)
  const reconstruction = decode(vae, tf.where(fromPrior, other, own.z)).logProb(x)
  const logRatio = tf.where(fromPrior, ofOther, own.logPriorRatio) // log p / q: [size, batch]
  const ofMixture = tf.add(reconstruction, logMixtureRatio(logRatio, shares))
  return sumDraws(ofMixture, piece.used, tf.add(reconstruction, logRatio))
}

/** log p / r of log p / q: -log((1 - a) q / p + a) = -log a - log(1 + (1 - a) / a q / p). */
function logMixtureRatio(logRatio: tf.Tensor, { own, prior }: Shares): tf.Tensor {
  const logShare = Math.log(prior / (own + prior))
  return tf.neg(tf.add(tf.softplus(tf.sub(Math.log(own / prior), logRatio)), logShare))
}
