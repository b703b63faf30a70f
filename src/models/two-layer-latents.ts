/**
 * Two layers of Gaussian z, h1 below h2, as one z = [h1, h2] (Burda, Grosse & Salakhutdinov 2015, section 2 and appendix A):
 * q(z|x) = q(h1|x) q(h2|h1), p(z) = p(h2) p(h1|h2) with p(h2) = N(0, I), and p(x|z) = p(x|h1). The encoder outputs the parameters of
 * q(h1|x); two further networks output mean and log variance of q(h2|h1) and of p(h1|h2).
 */
import * as tf from '#tfjs'
import * as gaussian from '../distributions/normal.js'
import { normal } from '../random.js'
import type { Latents, Posterior, Prior } from './latents.js'
import { countDenseWeights } from './network-weights.js'
import { denseNetwork, outputsAt, type VaeShape } from './networks.js'

export interface TwoLayerShape {
  /** Dimensions of h1 and of h2. */
  latentDim: number
  upperLatentDim: number
  /** Units of the hidden layers of q(h2|h1), from h1 upwards; p(h1|h2) mirrors them. */
  upperHidden: readonly number[]
  activation: VaeShape['activation']
}

/** Draws of h1 per image for expectations under q(z|x) that have no closed form. */
const DRAWS = 100

const HEADS = ['mu', 'log_var'] as const

/** The family with its further networks, whose weights are all zero. */
export function twoLayerLatents({ latentDim, upperLatentDim, upperHidden, activation }: TwoLayerShape): Latents {
  const network = (name: string, inputs: number, hidden: readonly number[], outputs: number) =>
    denseNetwork({ name, inputs, hidden, outputs, activation }, HEADS)
  const encoder = network('upper_encoder', latentDim, upperHidden, upperLatentDim)
  const decoder = network('upper_decoder', upperLatentDim, upperHidden.toReversed(), latentDim)
  const sizes = [latentDim, upperLatentDim] as const
  const prior = priorOf(decoder, sizes)
  return {
    heads: HEADS,
    reparameterized: true,
    exactKl: false,
    posterior: heads => posteriorOf(heads, encoder, prior, sizes),
    noise: normal,
    prior,
    decoded: z => layersOf(z, sizes)[0],
    networks: { encoder: [encoder], decoder: [decoder] },
  }
}

/** The number of weights of the further networks, which are not made. */
export function countTwoLayerWeights(shape: TwoLayerShape): number {
  const { latentDim, upperLatentDim, upperHidden, activation } = shape
  const encoder = { inputs: latentDim, hidden: upperHidden, outputs: upperLatentDim, activation }
  const decoder = { inputs: upperLatentDim, hidden: upperHidden.toReversed(), outputs: latentDim, activation }
  return countDenseWeights(encoder, HEADS.length) + countDenseWeights(decoder, HEADS.length)
}

/** Dimensions of h1 and of h2. */
type Sizes = readonly [lower: number, upper: number]

/** z [..., latent] as h1 and h2. */
const layersOf = (z: tf.Tensor, sizes: Sizes): [h1: tf.Tensor, h2: tf.Tensor] =>
  tf.split(z, [...sizes], -1) as [tf.Tensor, tf.Tensor]

/** Mean and log variance that a network outputs for h [..., in]: [..., out] each. */
const gaussianAt = (network: tf.LayersModel, h: tf.Tensor): [mu: tf.Tensor, logVar: tf.Tensor] =>
  outputsAt(network, h) as [tf.Tensor, tf.Tensor]

/** p(h2) p(h1|h2). */
function priorOf(decoder: tf.LayersModel, sizes: Sizes): Prior {
  const at = (epsilon: tf.Tensor) => {
    const [lower, h2] = layersOf(epsilon, sizes)
    return tf.concat([gaussian.at(lower, ...gaussianAt(decoder, h2)), h2], -1)
  }
  return {
    sample: (key, shape) => at(normal(key, shape)),
    at,
    logProb(z) {
      const [h1, h2] = layersOf(z, sizes)
      return tf.add(gaussian.logProb(h1, ...gaussianAt(decoder, h2)), gaussian.standardLogProb(h2))
    },
  }
}

/** q(h1|x) q(h2|h1); `heads` are mean and log variance of q(h1|x). */
function posteriorOf(heads: readonly tf.Tensor[], encoder: tf.LayersModel, prior: Prior, sizes: Sizes): Posterior {
  const [mu, logVar] = heads as [tf.Tensor, tf.Tensor]
  const at = (epsilon: tf.Tensor) => {
    const [lower, upper] = layersOf(epsilon, sizes)
    const h1 = gaussian.at(lower, mu, logVar)
    const [upperMu, upperLogVar] = gaussianAt(encoder, h1)
    const z = tf.concat([h1, gaussian.at(upper, upperMu, upperLogVar)], -1)
    // log q(z|x) = log N(epsilon; 0, I) - 1/2 sum log sigma^2
    const logVars = tf.add(tf.sum(upperLogVar, -1), tf.sum(logVar, -1)) // [samples, batch]
    const logQ = tf.sub(gaussian.standardLogProb(epsilon), tf.mul(logVars, 0.5))
    return { z, logPriorRatio: tf.sub(prior.logProb(z), logQ), upperMu }
  }
  return {
    heads,
    get mode() {
      return tf.concat([mu, gaussianAt(encoder, mu)[0]], -1)
    },
    at,
    logProb(z) {
      const [h1, h2] = layersOf(z, sizes)
      return tf.add(gaussian.logProb(h1, mu, logVar), gaussian.logProb(h2, ...gaussianAt(encoder, h1)))
    },
    slope(epsilon) {
      const [lower, upper] = layersOf(epsilon, sizes)
      const h1 = gaussian.at(lower, mu, logVar)
      return slopeOf(h1, { lower: gaussian.slopeAt(lower, logVar), upper }, encoder)
    },
    kl() {
      throw new Error('KL(q(z|x) || p(z)) has no closed form with two latent layers; use kl monte-carlo')
    },
    expectations(key) {
      const shape = [DRAWS, mu.shape[0] as number, sizes[0] + sizes[1]]
      const { upperMu, logPriorRatio } = at(normal(key, shape))
      const { mean, variance } = tf.moments(upperMu, 0)
      return {
        mean: tf.concat([mu, mean], -1),
        kl: tf.neg(tf.mean(logPriorRatio, 0)),
        meanVariance: tf.concat([tf.zerosLike(mu), tf.div(variance, DRAWS - 1)], -1),
      }
    },
  }
}

/** d log q(z|x) / dz at z = [h1, h2]; `lower` is d log q(h1|x) / dh1, `upper` the noise from which h2 is computed. */
function slopeOf(
  h1: tf.Tensor,
  { lower, upper }: { lower: tf.Tensor; upper: tf.Tensor },
  encoder: tf.LayersModel,
): tf.Tensor {
  const [, upperLogVar] = gaussianAt(encoder, h1)
  const slopeOfH2 = gaussian.slopeAt(upper, upperLogVar)
  // log q(h2|h1) depends on h1 through the mean, d/d mean = -d/dh2, and the log variance, d/d log sigma^2 = (epsilon^2 - 1) / 2.
  const slopeOfLogVar = tf.mul(tf.sub(tf.square(upper), 1), 0.5)
  const through = tf.grad(h => {
    const [upperMu, log] = gaussianAt(encoder, h)
    return tf.sum(tf.sub(tf.mul(slopeOfLogVar, log), tf.mul(slopeOfH2, upperMu)))
  })
  return tf.concat([tf.add(lower, through(h1)), slopeOfH2], -1)
}
