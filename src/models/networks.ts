/**
 * Encoder and decoder as `tf.layers` models over flat images [batch, pixels]: fully connected, or with convolutions
 * of stride 2 between the image and the hidden layers (Radford et al. 2015), which the decoder mirrors by transposed ones.
 */
import * as tf from '#tfjs'
import { type GivenShape, type ImageShape, imageShape, imageSize } from '../data/images.js'

/** Hidden-layer activations to choose from. */
export const activations = ['relu', 'tanh', 'softplus', 'elu', 'sigmoid'] as const

/** The sizes of a VAE's networks; `rows`, `columns` and `channels` are those of an image. */
export interface VaeShape extends GivenShape {
  /** Filters of the encoder's convolutions, from the image inwards; null or absent: fully connected. */
  filters?: readonly number[] | null
  /** Units of the encoder's hidden layers, from the image inwards; the decoder mirrors them. */
  hidden: readonly number[]
  latentDim: number
  activation: (typeof activations)[number]
}

/** Rows and columns of a convolution's kernel. */
const KERNEL = 4

/** Images [batch, pixels] -> one output [batch, latent] for each of `heads`. Throws an Error if the convolutions do not fit the image. */
export function encoderNetwork(
  { filters, hidden, latentDim, activation, ...shape }: VaeShape,
  heads: readonly string[],
): tf.LayersModel {
  const image = imageShape(shape)
  const convolutions = filters ? convolutionLayers(image, filters, activation) : []
  const input = tf.input({ shape: [imageSize(image)], name: 'encoder_input' })
  const code = through([...convolutions, ...hiddenLayers(hidden, activation)], input)
  const outputs = heads.map(head => through([dense(head, latentDim)], code))
  return tf.model({ name: 'encoder', inputs: input, outputs })
}

/** z [batch, latent] -> one output [batch, pixels] for each of `heads`. Throws an Error if the convolutions do not fit the image. */
export function decoderNetwork(
  { filters, hidden, latentDim, activation, ...shape }: VaeShape,
  heads: readonly string[],
): tf.LayersModel {
  const image = imageShape(shape)
  const maps = filters ? transposedLayers(image, filters, activation) : []
  const input = tf.input({ shape: [latentDim], name: 'decoder_input' })
  const features = through([...hiddenLayers(hidden.toReversed(), activation), ...maps], input)
  const outputs = heads.map(head =>
    through(filters ? pixelMaps(head, image.channels) : [dense(head, imageSize(image))], features),
  )
  return tf.model({ name: 'decoder', inputs: input, outputs })
}

/** h [batch, inputs] -> one output [batch, outputs] for each of `heads`, fully connected. */
export function denseNetwork(
  { name, inputs, hidden, outputs, activation }: DenseShape,
  heads: readonly string[],
): tf.LayersModel {
  const input = tf.input({ shape: [inputs], name: `${name}_input` })
  const code = through(hiddenLayers(hidden, activation), input)
  return tf.model({ name, inputs: input, outputs: heads.map(head => through([dense(head, outputs)], code)) })
}

/** The number of weights of `encoderNetwork`, which is not made. Throws an Error if the convolutions do not fit the image. */
export function countEncoderWeights({ filters, hidden, latentDim, ...shape }: VaeShape, heads: number): number {
  const image = imageShape(shape)
  const { rows, columns } = smallestMaps(image, filters ?? [])
  const features = filters ? rows * columns * (filters.at(-1) ?? image.channels) : imageSize(image)
  const convolutions = filters ? countThrough([image.channels, ...filters], KERNEL ** 2) : 0
  return convolutions + countDenseWeights({ inputs: features, hidden, outputs: latentDim }, heads)
}

/** The number of weights of `decoderNetwork`, which is not made. Throws an Error if the convolutions do not fit the image. */
export function countDecoderWeights({ filters, hidden, latentDim, ...shape }: VaeShape, heads: number): number {
  const image = imageShape(shape)
  const layers = hidden.toReversed()
  if (!filters) return countDenseWeights({ inputs: latentDim, hidden: layers, outputs: imageSize(image) }, heads)
  const { rows, columns } = smallestMaps(image, filters)
  const inwards = filters.toReversed()
  const features = countThrough([latentDim, ...layers, rows * columns * (inwards[0] ?? 0)])
  const output = countThrough([inwards.at(-1) ?? 0, image.channels], KERNEL ** 2)
  return features + countThrough(inwards, KERNEL ** 2) + heads * output
}

/** The number of weights of `denseNetwork`, which is not made. */
export function countDenseWeights(
  { inputs, hidden, outputs }: Pick<DenseShape, 'inputs' | 'hidden' | 'outputs'>,
  heads: number,
): number {
  return countThrough([inputs, ...hidden]) + heads * countThrough([hidden.at(-1) ?? inputs, outputs])
}

/** Kernels and biases between layers of these units or channels; `field` is the number of positions of a kernel. */
const countThrough = (units: readonly number[], field = 1): number =>
  units.slice(1).reduce((count, to, i) => count + (field * (units[i] as number) + 1) * to, 0)

/** A network's outputs at inputs with any leading axes: [..., in] -> [..., out] each. */
export function outputsAt(network: tf.LayersModel, inputs: tf.Tensor): tf.Tensor[] {
  const outputs = network.apply(tf.reshape(inputs, [-1, inputs.shape.at(-1) as number])) as tf.Tensor | tf.Tensor[]
  const leading = inputs.shape.slice(0, -1)
  return [outputs].flat().map(output => tf.reshape(output, [...leading, output.shape.at(-1) as number]))
}

interface DenseShape {
  name: string
  inputs: number
  /** Units of the hidden layers, from the input to the outputs. */
  hidden: readonly number[]
  outputs: number
  activation: Activation
}

type Activation = VaeShape['activation']
type MapSize = Pick<ImageShape, 'rows' | 'columns'>

/** [pixels] -> [rows, columns, channels] -> [rows / 2, columns / 2, filters] -> … -> flat features. */
function convolutionLayers(image: ImageShape, filters: readonly number[], activation: Activation): tf.layers.Layer[] {
  smallestMaps(image, filters)
  return [
    tf.layers.reshape({ name: 'image', targetShape: [image.rows, image.columns, image.channels] }),
    ...filters.map((count, i) => tf.layers.conv2d({ ...convolution(`conv_${i + 1}`, count), activation })),
    tf.layers.flatten({ name: 'features' }),
  ]
}

/** The decoder's mirror of `convolutionLayers`, without the last transposed convolution: [units] -> feature maps -> … */
function transposedLayers(image: ImageShape, filters: readonly number[], activation: Activation): tf.layers.Layer[] {
  const maps = smallestMaps(image, filters)
  const [deepest = 0, ...outwards] = filters.toReversed()
  return [
    dense('features', maps.rows * maps.columns * deepest, activation),
    tf.layers.reshape({ name: 'maps', targetShape: [maps.rows, maps.columns, deepest] }),
    ...outwards.map((count, i) => tf.layers.conv2dTranspose({ ...convolution(`conv_${i + 1}`, count), activation })),
  ]
}

/** Feature maps -> [rows, columns, channels] -> [pixels]. */
const pixelMaps = (head: string, channels: number): tf.layers.Layer[] => [
  tf.layers.conv2dTranspose(convolution(head, channels)),
  tf.layers.flatten({ name: `${head}_pixels` }),
]

/** The size of the innermost feature maps. */
function smallestMaps({ rows, columns }: ImageShape, filters: readonly number[]): MapSize {
  const factor = 2 ** filters.length
  if (rows % factor === 0 && columns % factor === 0) return { rows: rows / factor, columns: columns / factor }
  const nearest = (size: number) => Math.max(1, Math.round(size / factor)) * factor
  const most = halvings(rows, columns)
  throw new Error(
    `filters ${filters}: each of the ${filters.length} convolutions halves the image, so its rows and columns must be ` +
      `multiples of ${factor}, such as ${nearest(rows)}x${nearest(columns)}; these images are ${rows}x${columns}, ` +
      `which allows ${most > 0 ? `at most ${most}` : 'none: leave the convolutions out'}`,
  )
}

/** How many times both sizes can be halved. */
function halvings(rows: number, columns: number): number {
  return rows % 2 === 0 && columns % 2 === 0 ? 1 + halvings(rows / 2, columns / 2) : 0
}

const hiddenLayers = (units: readonly number[], activation: Activation): tf.layers.Layer[] =>
  units.map((count, i) => dense(`hidden_${i + 1}`, count, activation))

const dense = (name: string, units: number, activation?: Activation): tf.layers.Layer =>
  tf.layers.dense({ name, units, kernelInitializer: 'zeros', ...(activation && { activation }) })

const convolution = (name: string, filters: number) =>
  ({ name, filters, kernelSize: KERNEL, strides: 2, padding: 'same', kernelInitializer: 'zeros' }) as const

const through = (layers: readonly tf.layers.Layer[], input: tf.SymbolicTensor): tf.SymbolicTensor =>
  layers.reduce((from, layer) => layer.apply(from) as tf.SymbolicTensor, input)
