/**
 * The variational autoencoder (Kingma & Welling 2013): an encoder for q(z | x), a decoder for p(x | z), both ordinary `tf.layers`
 * models, and the families of distributions whose parameters they put out: usually q(z | x) = N(mu(x), sigma^2(x)),
 * p(z) = N(0, I) and p(x | z) = Bernoulli(logits(z)).
 */
import * as tf from '@tensorflow/tfjs'
import { type Key, split, uniform } from '../random.js'
import { type LatentName, type Latents, latentFamilies, type Posterior } from './latents.js'
import {
  type Likelihood,
  likelihoodOf,
  type likelihoods,
  type PixelDistribution,
  type PixelVariance,
} from './likelihoods.js'
import { decoderNetwork, encoderNetwork, type VaeShape } from './networks.js'

/** Encoder and decoder; `dispose` frees both. */
export interface Vae {
  readonly latentDim: number
  readonly pixels: number
  readonly latents: Latents
  readonly likelihood: Likelihood
  /** [batch, pixels] -> the parameters of q(z|x), each [batch, latent]. */
  readonly encoder: tf.LayersModel
  /** [batch, latent] -> the parameters of p(x|z), each [batch, pixels]. */
  readonly decoder: tf.LayersModel
  dispose(): void
}

/** q(z | x) of images x [batch, pixels] in [0, 1]. */
export function encode(vae: Vae, x: tf.Tensor): Posterior {
  return vae.latents.posterior(asList(vae.encoder.apply(x)))
}

/** p(x | z) of z [..., latent]. To be called inside of `tf.tidy`, as its parts are tensors. */
export function decode(vae: Vae, z: tf.Tensor): PixelDistribution {
  const heads = asList(vae.decoder.apply(tf.reshape(z, [-1, vae.latentDim])))
  return vae.likelihood.of(heads.map(head => tf.reshape(head, [...z.shape.slice(0, -1), vae.pixels])))
}

const asList = (outputs: ReturnType<tf.LayersModel['apply']>): tf.Tensor[] =>
  (Array.isArray(outputs) ? outputs : [outputs]) as tf.Tensor[]

/** What a VAE is made of: its networks, and the families of its distributions. */
export interface VaeOptions extends VaeShape {
  /** Of z; Gaussian unless said otherwise. */
  latents?: LatentName
  /** Of x given z; Bernoulli unless said otherwise. */
  likelihood?: (typeof likelihoods)[number]
  /** Of likelihood 'gaussian', which needs one. */
  pixelVariance?: PixelVariance | null
}

/**
 * Networks with all-zero weights, to be filled by `initialize` or from a checkpoint. Throws an Error if the convolutions do
 * not fit the image.
 */
export function createVae({
  latents: family = 'gaussian',
  likelihood: name = 'bernoulli',
  pixelVariance,
  ...shape
}: VaeOptions): Vae {
  const latents = latentFamilies[family]
  const likelihood = likelihoodOf(name, pixelVariance ?? undefined)
  const encoder = encoderNetwork(shape, latents.heads)
  const decoder = decoderNetwork(shape, likelihood.heads)
  return {
    latentDim: shape.latentDim,
    pixels: shape.rows * shape.columns,
    latents,
    likelihood,
    encoder,
    decoder,
    dispose: () => [encoder, decoder].forEach(model => void model.dispose()),
  }
}

/**
 * Draws initial weights from `key`: kernels uniform in ±sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio 2010), where a fan of a
 * convolution is its channels times its receptive field; biases zero. TF.js's own uniform initializers ignore their seed.
 * `meanImage` [pixels] in [0, 1] starts the last bias at its logit, so that training begins from the best image that
 * ignores z; a convolutional decoder has one bias for all pixels, and starts it at the logit of the mean pixel.
 */
export function initialize(vae: Vae, key: Key, meanImage?: Float32Array): void {
  const weights = [...namedWeights(vae.encoder), ...namedWeights(vae.decoder)]
  const keys = split(key, weights.length)
  weights.forEach(([, variable], i) => {
    if (variable.shape.length < 2) return
    tf.tidy(() => variable.assign(glorotUniform(keys[i] as Key, variable.shape)))
  })
  if (meanImage) setOutputBias(vae, meanImage)
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

/** Uniform in ±sqrt(6 / (fanIn + fanOut)), for a kernel of this shape: [rows, columns, …, in, out]. */
export function glorotUniform(key: Key, shape: number[]): tf.Tensor {
  const [channelsIn = 1, channelsOut = 1] = shape.slice(-2) // of a transposed convolution the other way round
  const receptiveField = tf.util.sizeFromShape(shape.slice(0, -2))
  const limit = Math.sqrt(6 / (receptiveField * (channelsIn + channelsOut)))
  return tf.tidy(() => tf.mul(tf.sub(tf.mul(uniform(key, shape), 2), 1), limit))
}

function setOutputBias(vae: Vae, meanImage: Float32Array): void {
  const bias = Object.fromEntries(namedWeights(vae.decoder))['logits/bias'] as tf.Variable
  const meanPixel = meanImage.reduce((sum, p) => sum + p, 0) / meanImage.length
  const means = bias.size === meanImage.length ? meanImage : Float32Array.of(meanPixel)
  tf.tidy(() => bias.assign(tf.tensor1d(logit(means))))
}

/** log(p / (1 - p)), with p kept 1/1000 away from 0 and 1: pixels that are black in every image are common. */
function logit(probabilities: Float32Array): Float32Array {
  return probabilities.map(p => {
    const inside = Math.min(Math.max(p, 1e-3), 1 - 1e-3)
    return Math.log(inside / (1 - inside))
  })
}
