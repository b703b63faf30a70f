/**
 * The variational autoencoder (Kingma & Welling 2013): an encoder for q(z | x), a decoder for p(x | z), both ordinary `tf.layers`
 * models, and the families of distributions whose parameters they output: usually q(z | x) = N(mu(x), sigma^2(x)),
 * p(z) = N(0, I) and p(x | z) = Bernoulli(logits(z)).
 */
import * as tf from '#tfjs'
import { type ImageShape, imageShape, imageSize } from '../data/images.js'
import { type Key, split, uniform } from '../random.js'
import { type LatentName, type Latents, latentFamilies, type Posterior } from './latents.js'
import {
  countPriorWeights,
  latentsWithPrior,
  mixturePrior,
  type PriorName,
  type PriorShape,
  vampPrior,
} from './learned-priors.js'
import type { Likelihood, PixelDistribution } from './likelihood.js'
import { likelihoodOf, type likelihoods, type PixelVariance } from './likelihoods.js'
import { countDecoderWeights, countEncoderWeights } from './network-weights.js'
import { decoderNetwork, encoderNetwork, outputsAt, type VaeShape } from './networks.js'
import { countTwoLayerWeights, twoLayerLatents } from './two-layer-latents.js'

/** The generative model p(z) p(x|z): a prior, and a network that outputs the parameters of p(x|z). `dispose` frees it. */
export interface Decoder {
  /** Dimensions of each latent layer, the lowest (next to the image) first; `latentDim` is their sum. */
  readonly layers: readonly number[]
  readonly latentDim: number
  readonly image: ImageShape
  /** The number of values of an image. */
  readonly pixels: number
  readonly latents: Latents
  readonly likelihood: Likelihood
  /** The lowest layer of z [batch, latent] -> the parameters of p(x|z), each [batch, pixels]. */
  readonly decoder: tf.LayersModel
  /** The number of classes of a conditional model, whose networks have a second input, y [batch, classes]. Absent: it is not conditional. */
  readonly classes?: number
  /** Of a conditional model at fixed classes: one-hot y [batch, classes], or [1, classes] for all alike. See `givenClasses`. */
  readonly y?: tf.Tensor
  dispose(): void
}

/** A decoder with its encoder. */
export interface Vae extends Decoder {
  /** [batch, pixels] -> the parameters of q(z|x), or of q(h1|x) with two latent layers: each [batch, latent]. */
  readonly encoder: tf.LayersModel
}

/**
 * q(z | x) of images x [batch, pixels] in [0, 1].
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0]]) // one image of 2 x 2 pixels
 * const q = encode(vae, x)
 * console.log(q.mode.shape, q.kl().shape) // [ 1, 2 ] [ 1, 2 ]
 */
export function encode(vae: Vae, x: tf.Tensor): Posterior {
  return vae.latents.posterior(outputsAt(vae.encoder, x, fixedClasses(vae)))
}

/**
 * p(x | z) for z [..., latent]. Call it inside `tf.tidy`: the result holds tensors.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const { mean, sample } = decode(vae, tf.zeros([5, 2]))
 * console.log(mean.shape, sample(streamKey(1, 'pixels')).shape) // [ 5, 4 ] [ 5, 4 ]
 */
export function decode(model: Decoder, z: tf.Tensor): PixelDistribution {
  const { likelihood, decoder, latents } = model
  return likelihood.of(outputsAt(decoder, latents.decoded(z), fixedClasses(model)))
}

/** y of a conditional model; undefined for others. Throws an Error if the classes are not fixed. */
function fixedClasses({ classes, y }: Decoder): tf.Tensor | undefined {
  if (classes !== undefined && y === undefined)
    throw new Error('this model is conditional: fix the class first, as in decode(givenClass(vae, 3), z)')
  return y
}

/**
 * `count` draws z ~ p(z): [count, latent]. Call it inside `tf.tidy`.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const z = samplePrior(vae, streamKey(1, 'z'), 5)
 * console.log(z.shape) // [ 5, 2 ]
 */
export const samplePrior = ({ latents, latentDim }: Decoder, key: Key, count: number): tf.Tensor =>
  latents.prior.sample(key, [count, latentDim])

/** The two sides of a VAE: q(z|x), and p(z) p(x|z). */
export const sides = ['encoder', 'decoder'] as const

/** The networks of one side. */
export const networksOf = (vae: Vae, side: (typeof sides)[number]): tf.LayersModel[] => [
  vae[side],
  ...vae.latents.networks[side],
]

/** All networks by name. */
export function modelsOf({
  encoder,
  decoder,
  latents: { networks },
}: Pick<Vae, (typeof sides)[number] | 'latents'>): Map<string, tf.LayersModel> {
  const upper = [...networks.encoder, ...networks.decoder]
  return new Map([...Object.entries({ encoder, decoder }), ...upper.map(model => [model.name, model] as const)])
}

/** The networks of a VAE and the families of its distributions. */
export interface VaeOptions extends VaeShape {
  /** Family of z; default Gaussian. */
  latents?: LatentName
  /** Dimensions of a second latent layer, above the first; both layers are then Gaussian. Null or absent: one layer. */
  upperLatentDim?: number | null
  /** Units of the hidden layers of q(h2|h1), from h1 upwards; p(h1|h2) mirrors them. Null or absent: no hidden layers. */
  upperHidden?: readonly number[] | null
  /** p(z) of one layer of Gaussian z: N(0, I), the default; or learned, a mixture of Gaussians or a VampPrior. */
  prior?: PriorName
  /** Components of a learned prior: Gaussians, or pseudo-inputs; default 500. */
  priorComponents?: number
  /** Family of x given z; default Bernoulli. */
  likelihood?: (typeof likelihoods)[number]
  /** Required by likelihood 'gaussian', ignored by the others. */
  pixelVariance?: PixelVariance | null
  /** Of likelihood 'discretized-logistic': the components of each pixel's mixture; default 1. */
  logistics?: number
}

/**
 * A VAE with all-zero weights, to be filled by `initialize` or from a checkpoint. Throws an Error if the convolutions do not fit
 * the image.
 *
 * @example
 * const vae = createVae({ rows: 28, columns: 28, hidden: [400], latentDim: 20, activation: 'relu' })
 * console.log(vae.pixels, vae.encoder.countParams()) // 784 330040
 */
export function createVae(options: VaeOptions): Vae {
  const { channels = 1 } = options
  // Callers without types may spread settings, whose `channels` say how images are read.
  if (!Number.isInteger(channels) || channels < 1)
    throw new Error(`createVae: channels is ${channels}; those of an image were expected, such as 1 for grey`)
  if (options.classes !== undefined && !(Number.isInteger(options.classes) && options.classes >= 1))
    throw new Error(`createVae: classes is ${options.classes}; a whole number of at least 1 was expected`)
  if (options.classes !== undefined && options.prior === 'vamp')
    throw new Error(
      'createVae: prior vamp of a conditional model: pseudo-inputs have no classes; use mixture or normal',
    )
  const family = latentsOf(options)
  const encoder = encoderNetwork(options, family.heads)
  const vae = { encoder, ...decoderOf(options, latentsUnder(options, family, encoder)) }
  return { ...vae, dispose: () => modelsOf(vae).forEach(model => void model.dispose()) }
}

/**
 * A decoder alone, with Gaussian z and all-zero weights, to be filled by `initializeDecoder` or from a checkpoint.
 *
 * @example
 * const model = createDecoder({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * console.log(model.decoder.countParams()) // 25
 */
export function createDecoder(shape: VaeShape): Decoder {
  const model = decoderOf(shape, latentFamilies.gaussian)
  return { ...model, dispose: () => model.decoder.dispose() }
}

/** The numbers of weights of `createVae`'s networks, which are not made. Throws an Error if the convolutions do not fit the image. */
export function countVaeWeights(options: VaeOptions): number {
  const { latents = 'gaussian', upperLatentDim, upperHidden, latentDim, activation } = options
  const upper = upperLatentDim
    ? countTwoLayerWeights({ latentDim, upperLatentDim, upperHidden: upperHidden ?? [], activation })
    : 0
  const heads = latentFamilies[upperLatentDim ? 'gaussian' : latents].heads.length
  return countEncoderWeights(options, heads) + upper + countPrior(options) + countDecoder(options)
}

/** The number of a learned prior's own weights; 0 for N(0, I). */
const countPrior = (options: VaeOptions): number =>
  options.prior === undefined || options.prior === 'normal' ? 0 : countPriorWeights(options.prior, priorShape(options))

/** The number of weights of `createDecoder`'s network, or of the decoder of `createVae`, which is not made. */
export function countDecoder(options: VaeOptions): number {
  const { likelihood = 'bernoulli', pixelVariance = null, logistics = 1, channels = 1 } = options
  return countDecoderWeights(options, likelihoodOf(likelihood, { pixelVariance, logistics, channels }).heads)
}

function latentsOf({ latents = 'gaussian', upperLatentDim, upperHidden, latentDim, activation }: VaeOptions): Latents {
  return upperLatentDim
    ? twoLayerLatents({ latentDim, upperLatentDim, upperHidden: upperHidden ?? [], activation })
    : latentFamilies[latents]
}

/** The latents of `family` under the prior of the options. Throws an Error if they are not one layer of Gaussian z. */
function latentsUnder(options: VaeOptions, family: Latents, encoder: tf.LayersModel): Latents {
  const { prior = 'normal', latents = 'gaussian', upperLatentDim } = options
  if (prior === 'normal') return family
  if (latents !== 'gaussian' || upperLatentDim)
    throw new Error(`createVae: prior ${prior} needs one layer of Gaussian z; leave out latents and upperLatentDim`)
  const shape = priorShape(options)
  return latentsWithPrior(prior === 'mixture' ? mixturePrior(shape) : vampPrior(encoder, shape))
}

const priorShape = (options: VaeOptions): PriorShape => ({
  components: options.priorComponents ?? 500,
  latentDim: options.latentDim,
  pixels: imageSize(imageShape(options)),
})

function decoderOf(options: VaeOptions, latents: Latents): Omit<Decoder, 'dispose'> {
  const { latentDim, upperLatentDim, likelihood: name = 'bernoulli', pixelVariance = null, logistics = 1 } = options
  const { classes } = options
  const image = imageShape(options)
  const layers = upperLatentDim ? [latentDim, upperLatentDim] : [latentDim]
  const likelihood = likelihoodOf(name, { pixelVariance, logistics, channels: image.channels })
  return {
    layers,
    latentDim: layers.reduce((sum, size) => sum + size),
    image,
    pixels: imageSize(image),
    latents,
    likelihood,
    decoder: decoderNetwork(options, likelihood.heads),
    ...(classes !== undefined && { classes }),
  }
}

/**
 * Draws initial weights from `key`: kernels uniform in ±sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio 2010), where a fan of a
 * convolution is its channels times its receptive field; biases zero. TF.js's own uniform initializers ignore their seed.
 * The last bias starts at the logit of `meanImage` [pixels] in [0, 1], so that training begins from the best image that
 * ignores z; a convolutional decoder has one bias per channel, which starts at the logit of that channel's mean. A VampPrior starts
 * at `pseudoInputs` [images, pixels] in [0, 1] with a little noise, or at noise in [0, 1] without them.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'), Float32Array.of(0.2, 0.5, 0.5, 0.2))
 * console.log(decode(vae, tf.zeros([1, 2])).mean.shape) // [ 1, 4 ]
 */
export function initialize(vae: Vae, key: Key, meanImage?: Float32Array, pseudoInputs?: tf.Tensor): void {
  const weights = [...modelsOf(vae).values()].flatMap(namedWeights)
  const keys = split(key, weights.length + 1)
  drawKernels(weights, keys)
  if (meanImage) setOutputBias(vae, meanImage)
  tf.tidy(() => vae.latents.prior.initialize?.(keys.at(-1) as Key, pseudoInputs))
}

/**
 * The same for a decoder alone, with the weights that `initialize` gives the decoder of a VAE of that shape from the same key.
 *
 * @example
 * const model = createDecoder({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initializeDecoder(model, streamKey(1, 'weights'))
 * console.log(decode(model, tf.zeros([1, 2])).mean.shape) // [ 1, 4 ]
 */
export function initializeDecoder(model: Decoder, key: Key, meanImage?: Float32Array): void {
  const weights = namedWeights(model.decoder)
  // A VAE draws the weights of its encoder first: as many hidden layers, with the encoder's number of heads.
  const encoderWeights = weights.length + 2 * (model.latents.heads.length - model.likelihood.heads.length)
  drawKernels(weights, split(key, encoderWeights + weights.length).slice(encoderWeights))
  if (meanImage) setOutputBias(model, meanImage)
}

function drawKernels(weights: readonly [string, tf.Variable][], keys: readonly Key[]): void {
  weights.forEach(([, variable], i) => {
    if (variable.shape.length < 2) return
    tf.tidy(() => variable.assign(glorotUniform(keys[i] as Key, variable.shape)))
  })
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
  const [channelsIn = 1, channelsOut = 1] = shape.slice(-2) // swapped in a transposed convolution
  const receptiveField = tf.util.sizeFromShape(shape.slice(0, -2))
  const limit = Math.sqrt(6 / (receptiveField * (channelsIn + channelsOut)))
  return tf.tidy(() => tf.mul(tf.sub(tf.mul(uniform(key, shape), 2), 1), limit))
}

function setOutputBias({ decoder }: Decoder, meanImage: Float32Array): void {
  const bias = Object.fromEntries(namedWeights(decoder))['logits/bias'] as tf.Variable
  const means = bias.size === meanImage.length ? meanImage : channelMeans(meanImage, bias.size)
  tf.tidy(() => bias.assign(tf.tensor1d(logit(means))))
}

/** The mean of each channel of an image [pixels of all channels]. */
function channelMeans(image: Float32Array, channels: number): Float32Array {
  return Float32Array.from({ length: channels }, (_, channel) => {
    const values = image.filter((_, i) => i % channels === channel)
    return values.reduce((sum, value) => sum + value, 0) / values.length
  })
}

/** log(p / (1 - p)), with p clipped to [0.001, 0.999] because many pixels are black in every image. */
function logit(probabilities: Float32Array): Float32Array {
  return probabilities.map(p => {
    const inside = Math.min(Math.max(p, 1e-3), 1 - 1e-3)
    return Math.log(inside / (1 - inside))
  })
}
