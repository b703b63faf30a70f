/**
 * Priors p(z) that are learned with the model, for one layer of Gaussian z: a mixture of diagonal Gaussians, and the VampPrior, the mean of
 * q(z|u_k) over K learned pseudo-inputs u_k (Tomczak & Welling 2018, equation 9). The parameters of either are the weights of a small
 * network `prior`, from the number of a component, one-hot, to what defines it, so that they are learned, saved and exported as all others.
 */
import * as tf from '#tfjs'
import * as mixture from '../distributions/gaussian-mixture.js'
import * as gaussian from '../distributions/normal.js'
import { type Key, normal, split, uniform } from '../random.js'
import { gaussianLatents, type Latents, type Posterior, type Prior } from './latents.js'
import { outputsAt } from './networks.js'

export const priorNames = ['normal', 'mixture', 'vamp'] as const

export type PriorName = (typeof priorNames)[number]

/** The sizes of a learned prior. */
export interface PriorShape {
  /** Components of the mixture, or pseudo-inputs. */
  components: number
  latentDim: number
  /** The number of values of an image. */
  pixels: number
}

/** A prior with parameters of its own. */
export interface LearnedPrior extends Prior {
  /** One-hot component [batch, K] -> mu, log_var [batch, latent] and logit [batch, 1]; or -> pseudo-input [batch, pixels]. */
  readonly network: tf.LayersModel
}

/** Draws of z per image for KL(q(z|x) || p(z)), which has no closed form. */
const DRAWS = 100

/** Standard deviation of the noise on pseudo-inputs at the start (that of the authors' program). */
const PSEUDO_INPUT_NOISE = 0.01

/** One layer of Gaussian z with a learned prior. */
export function latentsWithPrior(prior: LearnedPrior): Latents {
  return {
    ...gaussianLatents,
    exactKl: false,
    posterior: heads => posteriorUnder(prior, heads),
    prior,
    networks: { encoder: [], decoder: [prior.network] },
  }
}

/** The number of weights of a learned prior's network, which is not made. */
export const countPriorWeights = (
  name: Exclude<PriorName, 'normal'>,
  { components, latentDim, pixels }: PriorShape,
): number => components * (name === 'vamp' ? pixels : 2 * latentDim + 1)

/** Σ_k w_k N(mu_k, diag sigma_k^2), with all weights zero before `initialize`. */
export function mixturePrior({ components, latentDim }: PriorShape): LearnedPrior {
  const sizes = { mu: latentDim, log_var: latentDim, logit: 1 }
  const network = tableNetwork(components, input =>
    Object.entries(sizes).map(([name, units]) => entry(name, units).apply(input) as tf.SymbolicTensor),
  )
  const [means, logVars, logits] = tablesOf(network) as [tf.Variable, tf.Variable, tf.Variable]
  const parameters = () => ({ means, logVars, logWeights: tf.logSoftmax(tf.reshape(logits, [components])) })
  return {
    ...ofComponents(parameters),
    network,
    // Variances of 1/2 around means of variance 1/2: close to N(0, I), and no two components are equal.
    initialize: key =>
      setTables(network, [tf.mul(normal(key, means.shape), Math.SQRT1_2), tf.fill(logVars.shape, Math.log(0.5))]),
  }
}

/** 1/K Σ_k q(z|u_k) of the encoder's outputs mu and log_var at pseudo-inputs in [0, 1], which are zero before `initialize`. */
export function vampPrior(encoder: tf.LayersModel, { components, pixels }: PriorShape): LearnedPrior {
  const network = tableNetwork(components, input => {
    const values = entry('pseudo_inputs', pixels).apply(input)
    return [tf.layers.reLU({ name: 'image', maxValue: 1 }).apply(values) as tf.SymbolicTensor]
  })
  const [table] = tablesOf(network) as [tf.Variable]
  const parameters = () => {
    const [means, logVars] = outputsAt(encoder, tf.clipByValue(table, 0, 1)) as [tf.Tensor, tf.Tensor]
    return { means, logVars, logWeights: tf.fill([components], -Math.log(components)) as tf.Tensor }
  }
  return {
    ...ofComponents(parameters),
    network,
    initialize(key, images) {
      const [imageKey, noiseKey] = split(key, 2) as [Key, Key]
      const start = images ? repeated(images, components) : uniform(imageKey, table.shape)
      setTables(network, [tf.add(start, tf.mul(normal(noiseKey, table.shape), PSEUDO_INPUT_NOISE))])
    },
  }
}

/** The first `count` rows of images [images, pixels], over again if there are fewer. */
const repeated = (images: tf.Tensor, count: number): tf.Tensor =>
  tf.gather(
    images,
    tf.tensor1d(
      Int32Array.from({ length: count }, (_, k) => k % (images.shape[0] as number)),
      'int32',
    ),
  )

/** What follows from the components alone. */
const ofComponents = (parameters: () => mixture.Components): Omit<Prior, 'initialize'> => ({
  sample: (key, shape) => tf.tidy(() => mixture.sample(key, shape, parameters())),
  logProb: z => mixture.logProb(z, parameters()),
  components: parameters,
  moments: () => tf.tidy(() => mixture.moments(parameters())),
})

/** q(z|x) = N(mu, sigma^2) of `heads` mu and log sigma^2, whose KL to the prior is a mean over draws. */
function posteriorUnder(prior: Prior, heads: readonly tf.Tensor[]): Posterior {
  const [mu, logVar] = heads as [tf.Tensor, tf.Tensor]
  const at = (epsilon: tf.Tensor) => {
    const z = gaussian.at(epsilon, mu, logVar)
    // log q(z|x) = log N(epsilon; 0, I) - 1/2 sum log sigma^2
    const logQ = tf.sub(gaussian.standardLogProb(epsilon), tf.mul(tf.sum(logVar, -1), 0.5))
    return { z, logPriorRatio: tf.sub(prior.logProb(z), logQ) }
  }
  return {
    ...gaussianLatents.posterior(heads),
    at,
    kl() {
      throw new Error('KL(q(z|x) || p(z)) has no closed form with a learned prior; use kl monte-carlo')
    },
    expectations: key => ({
      mean: mu,
      kl: tf.neg(tf.mean(at(normal(key, [DRAWS, ...mu.shape])).logPriorRatio, 0)),
    }),
  }
}

/** A network from one-hot rows [batch, components] to rows of tables. */
function tableNetwork(
  components: number,
  outputsOf: (input: tf.SymbolicTensor) => tf.SymbolicTensor[],
): tf.LayersModel {
  const inputs = tf.input({ shape: [components], name: 'component' })
  return tf.model({ name: 'prior', inputs, outputs: outputsOf(inputs) })
}

/** A table [components, units]: a layer without bias, of which a one-hot input selects a row. */
const entry = (name: string, units: number): tf.layers.Layer =>
  tf.layers.dense({ name, units, useBias: false, kernelInitializer: 'zeros' })

/** The variables of a table network, in the order of its layers. */
const tablesOf = (network: tf.LayersModel): tf.Variable[] =>
  network.layers.flatMap(layer => layer.weights.map(weight => (weight as unknown as { val: tf.Variable }).val))

/** Assigns the first tables. */
function setTables(network: tf.LayersModel, values: readonly tf.Tensor[]): void {
  const tables = tablesOf(network)
  for (const [i, value] of values.entries()) tables[i]?.assign(value)
}
