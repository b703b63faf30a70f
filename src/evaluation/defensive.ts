/**
 * A defensive mixture as proposal (Hesterberg 1995; Owen & Zhou 2000): r(z) = (1 - a) q(z|x) + a p(z), with weights w = p(x, z) / r(z). It
 * also draws where q has almost no mass, and no weight exceeds p(x|z) / a. The number of draws per component is fixed, not random: multiple
 * importance sampling with the balance heuristic (Veach & Guibas 1995). With a = 0 the proposal is q.
 */
import * as tf from '#tfjs'
import type { Posterior } from '../models/latents.js'
import { decode, type Vae } from '../models/vae.js'
import { drawNoise } from '../objectives/elbo.js'
import type { Key } from '../random.js'
import { cut, type Stratum, sumDraws, sumWeights, type WeightSums } from './importance.js'

/** Number of draws from q(z|x) and from p(z). */
export interface Shares {
  readonly own: number
  readonly prior: number
}

/** Splits `samples` draws: the fraction a = `defensive`, in 0 … 1, comes from the prior. */
export function sharesOf(samples: number, defensive: number): Shares {
  const prior = Math.round(defensive * samples)
  return { own: samples - prior, prior }
}

/** A piece of draws, of which the first `used` count: from p(z) if `fromPrior` is 1, from q if it is 0. */
export interface Piece {
  readonly used: number
  readonly fromPrior: number
}

/** Splits the draws of both components into pieces of `size` draws, small enough for batches of `batchSize` images. */
export function cutShares({ own, prior }: Shares, batchSize: number): { size: number; pieces: Piece[] } {
  const { size } = cut(own + prior, batchSize)
  const pieces = (draws: number, fromPrior: number) =>
    Array.from({ length: Math.ceil(draws / size) }, (_, i) => ({ used: Math.min(size, draws - i * size), fromPrior }))
  return { size, pieces: [...pieces(own, 0), ...pieces(prior, 1)] }
}

/** Groups the sums of pieces by component: q's draws and, if there are any, the prior's. */
export function strataOf(sums: readonly WeightSums[], pieces: readonly Piece[], { own, prior }: Shares): Stratum[] {
  const select = (fromPrior: number) => sums.filter((_, i) => pieces[i]?.fromPrior === fromPrior)
  const strata = [{ pieces: select(0), draws: own }]
  return prior > 0 ? [...strata, { pieces: select(1), draws: prior }] : strata
}

/** Draws `size` z per image of x [batch, pixels] from the component of a piece, and sums their weights: tensors [batch]. */
export function sumPiece(
  vae: Vae,
  x: tf.Tensor,
  q: Posterior,
  key: Key,
  { size, shares, piece }: { size: number; shares: Shares; piece: Piece },
): WeightSums<tf.Tensor> {
  if (shares.prior === 0) return sumWeights(vae, x, q, key, size, piece.used)
  const shape = [size, x.shape[0] as number, vae.latentDim]
  // Only one of the two counts in a piece, so that both may depend on the same key.
  const [own, priorZ] = [q.at(drawNoise(vae, x, key, size)), vae.latents.prior.sample(key, shape)]
  const logRatioAtPriorZ = tf.sub(vae.latents.prior.logProb(priorZ), q.logProb(priorZ))
  const fromPrior = tf.greater(piece.fromPrior, 0)
  const reconstruction = decode(vae, tf.where(fromPrior, priorZ, own.z)).logProb(x)
  const logRatio = tf.where(fromPrior, logRatioAtPriorZ, own.logPriorRatio) // log p / q: [size, batch]
  const logWeights = tf.add(reconstruction, logMixtureRatio(logRatio, shares))
  return sumDraws(logWeights, piece.used, tf.add(reconstruction, logRatio))
}

/** log p / r from log p / q: -log((1 - a) q / p + a) = -log a - log(1 + (1 - a) / a q / p). */
function logMixtureRatio(logRatio: tf.Tensor, { own, prior }: Shares): tf.Tensor {
  const logShare = Math.log(prior / (own + prior))
  return tf.neg(tf.add(tf.softplus(tf.sub(Math.log(own / prior), logRatio)), logShare))
}
