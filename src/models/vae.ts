/**
 * The variational autoencoder's networks (Kingma & Welling 2013): an encoder for q(z | x) = N(mu(x), sigma^2(x)) and a
 * decoder for p(x | z) = Bernoulli(logits(z)), with the prior p(z) = N(0, I). Both are ordinary `tf.layers` models.
 */
import * as tf from '@tensorflow/tfjs'
import { type Key, split, uniform } from '../random.js'

/** Hidden-layer activations to choose from. */
export const activations = ['relu', 'tanh', 'softplus', 'elu', 'sigmoid'] as const

export interface VaeShape {
  /** Pixels of an image, rows times columns. */
  pixels: number
  /** Units of the encoder's hidden layers, from the image inwards; the decoder mirrors them. */
  hidden: readonly number[]
  latentDim: number
  activation: (typeof activations)[number]
}

/** Encoder and decoder; `dispose` frees both. */
export interface Vae {
  readonly latentDim: number
  readonly pixels: number
  /** [batch, pixels] -> [mu, logVar], each [batch, latent]. */
  readonly encoder: tf.LayersModel
  /** [batch, latent] -> Bernoulli logits [batch, pixels]; sigmoid(logits) is the mean image. */
  readonly decoder: tf.LayersModel
  dispose(): void
}

/** q(z) = N(mu, diag exp(logVar)) of each image of a batch: mu and logVar, each [batch, latent]. */
export interface Posterior {
  mu: tf.Tensor
  logVar: tf.Tensor
}

/** The parameters of q(z | x) for images x [batch, pixels] in [0, 1]. */
export function encode(vae: Vae, x: tf.Tensor): Posterior {
  const [mu, logVar] = vae.encoder.apply(x) as [tf.Tensor, tf.Tensor]
  return { mu, logVar }
}

/** Bernoulli logits of p(x | z): z [..., latent] -> [..., pixels]. */
export function decode(vae: Vae, z: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const logits = vae.decoder.apply(tf.reshape(z, [-1, vae.latentDim])) as tf.Tensor
    return tf.reshape(logits, [...z.shape.slice(0, -1), vae.pixels])
  })
}

/** Networks with all-zero weights, to be filled by `initialize` or from a checkpoint. */
export function createVae({ pixels, hidden, latentDim, activation }: VaeShape): Vae {
  const encoder = multilayerPerceptron('encoder', pixels, hidden, activation, { mu: latentDim, log_var: latentDim })
  const decoder = multilayerPerceptron('decoder', latentDim, hidden.toReversed(), activation, { logits: pixels })
  return {
    latentDim,
    pixels,
    encoder,
    decoder,
    dispose: () => [encoder, decoder].forEach(model => void model.dispose()),
  }
}

/**
 * Draws initial weights from `key`: kernels uniform in ±sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio 2010), biases zero.
 * TF.js's own uniform initializers ignore their seed. `meanImage` [pixels] in [0, 1] starts the last bias at its logit,
 * so that training begins from the best image that ignores z.
 */
export function initialize(vae: Vae, key: Key, meanImage?: Float32Array): void {
  const weights = [...namedWeights(vae.encoder), ...namedWeights(vae.decoder)]
  const keys = split(key, weights.length)
  weights.forEach(([, variable], i) => {
    if (variable.shape.length !== 2) return
    tf.tidy(() => variable.assign(glorotUniform(keys[i] as Key, variable.shape as [number, number])))
  })
  if (meanImage) tf.tidy(() => outputBias(vae).assign(tf.tensor1d(logit(meanImage))))
}

/** A model's weights as variables, named `layer/kernel` and `layer/bias`, in the order of its layers. */
export function namedWeights(model: tf.LayersModel): [name: string, variable: tf.Variable][] {
  return model.layers.flatMap(layer =>
    layer.weights.map(weight => {
      const name = weight.originalName.slice(weight.originalName.lastIndexOf('/') + 1)
      return [`${layer.name}/${name}`, (weight as unknown as { val: tf.Variable }).val] as [string, tf.Variable]
    }),
  )
}

function multilayerPerceptron(
  name: string,
  inputs: number,
  hidden: readonly number[],
  activation: VaeShape['activation'],
  heads: Record<string, number>,
): tf.LayersModel {
  const input = tf.input({ shape: [inputs], name: `${name}_input` })
  const dense = (layer: string, units: number, from: tf.SymbolicTensor, shape?: VaeShape['activation']) =>
    tf.layers
      .dense({ name: layer, units, kernelInitializer: 'zeros', ...(shape && { activation: shape }) })
      .apply(from) as tf.SymbolicTensor
  const last = hidden.reduce((from, units, i) => dense(`hidden_${i + 1}`, units, from, activation), input)
  const outputs = Object.entries(heads).map(([head, units]) => dense(head, units, last))
  return tf.model({ name, inputs: input, outputs: outputs.length === 1 ? (outputs[0] as tf.SymbolicTensor) : outputs })
}

function glorotUniform(key: Key, [fanIn, fanOut]: [number, number]): tf.Tensor {
  const limit = Math.sqrt(6 / (fanIn + fanOut))
  return tf.tidy(() => tf.mul(tf.sub(tf.mul(uniform(key, [fanIn, fanOut]), 2), 1), limit))
}

function outputBias(vae: Vae): tf.Variable {
  return Object.fromEntries(namedWeights(vae.decoder))['logits/bias'] as tf.Variable
}

/** log(p / (1 - p)), with p kept 1/1000 away from 0 and 1: pixels that are black in every image are common. */
function logit(probabilities: Float32Array): Float32Array {
  return probabilities.map(p => {
    const inside = Math.min(Math.max(p, 1e-3), 1 - 1e-3)
    return Math.log(inside / (1 - inside))
  })
}
