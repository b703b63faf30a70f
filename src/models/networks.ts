/**
 * Encoder and decoder as `tf.layers` models over flat images [batch, pixels]: fully connected, or with convolutions
 * of stride 2 between the image and the hidden layers (Radford et al. 2015), which the decoder mirrors by transposed ones, with residual
 * blocks between them if asked (He et al. 2016).
 */
import * as tf from '#tfjs'
import { type GivenShape, type ImageShape, imageShape, imageSize } from '../data/images.js'
import type { Head } from './likelihood.js'

/**
 * Hidden-layer activations to choose from. `gated`: (x A + a) * sigmoid(x B + b), a gated linear unit, for fully connected layers only
 * (Dauphin et al. 2017, equation 1; Tomczak & Welling 2018, section 5).
 */
export const activations = ['relu', 'tanh', 'softplus', 'elu', 'sigmoid', 'gated'] as const

/** The sizes of a VAE's networks; `rows`, `columns` and `channels` are those of an image. */
export interface VaeShape extends GivenShape {
  /** Filters of the encoder's convolutions, from the image inwards; null or absent: fully connected. */
  filters?: readonly number[] | null
  /** Residual blocks after each convolution; default 0. */
  residualBlocks?: number
  /** Units of the encoder's hidden layers, from the image inwards; the decoder mirrors them. */
  hidden: readonly number[]
  latentDim: number
  activation: (typeof activations)[number]
  /** Classes of a conditional model: a second input of either network, one-hot, beside z and beside the image or its features. Absent: none. */
  classes?: number
}

/** Rows and columns of the kernel of a convolution of stride 2. */
export const KERNEL = 4

/** The same of the convolutions of a residual block. */
export const BLOCK_KERNEL = 3

/** Images [batch, values] (and y [batch, classes]) -> one output [batch, latent] for each of `heads`. Throws an Error if there are more convolutions than the image can be halved. */
export function encoderNetwork(shape: VaeShape, heads: readonly string[]): tf.LayersModel {
  const image = imageShape(shape)
  const input = tf.input({ shape: [imageSize(image)], name: 'encoder_input' })
  const features = shape.filters ? convolved(input, image, convolutional(shape, shape.filters)) : input
  const { inputs, joined } = withLabel('encoder', input, features, shape)
  const code = throughHidden(shape.hidden, shape.activation, joined)
  const outputs = heads.map(head => through([dense(head, shape.latentDim)], code))
  return tf.model({ name: 'encoder', inputs, outputs })
}

/** z [batch, latent] (and y [batch, classes]) -> one output for each of `heads`. Throws an Error if there are more convolutions than the image can be halved. */
export function decoderNetwork(shape: VaeShape, heads: readonly Head[]): tf.LayersModel {
  const image = imageShape(shape)
  const input = tf.input({ shape: [shape.latentDim], name: 'decoder_input' })
  const { inputs, joined } = withLabel('decoder', input, input, shape)
  const hidden = throughHidden(shape.hidden.toReversed(), shape.activation, joined)
  const { filters } = shape
  const features = filters ? upsampled(hidden, image, convolutional(shape, filters)) : hidden
  const outputs = heads.map(head => (filters ? mapsOf(head, image, features) : valuesOf(head, image, features)))
  return tf.model({ name: 'decoder', inputs, outputs })
}

/** The inputs of a network, and what its first hidden layer reads: `features`, and beside them y in a conditional model. */
function withLabel(
  name: string,
  input: tf.SymbolicTensor,
  features: tf.SymbolicTensor,
  { classes }: VaeShape,
): { inputs: tf.SymbolicTensor | tf.SymbolicTensor[]; joined: tf.SymbolicTensor } {
  if (classes === undefined) return { inputs: input, joined: features }
  const label = tf.input({ shape: [classes], name: `${name}_label` })
  const joined = tf.layers.concatenate({ name: `${name}_with_label` }).apply([features, label]) as tf.SymbolicTensor
  return { inputs: [input, label], joined }
}

/** h [batch, inputs] -> one output [batch, outputs] for each of `heads`, fully connected. */
export function denseNetwork(
  { name, inputs, hidden, outputs, activation }: DenseShape,
  heads: readonly string[],
): tf.LayersModel {
  const input = tf.input({ shape: [inputs], name: `${name}_input` })
  const code = throughHidden(hidden, activation, input)
  return tf.model({ name, inputs: input, outputs: heads.map(head => through([dense(head, outputs)], code)) })
}

/** A network's outputs at inputs with any leading axes: [..., in] -> [..., out] each. A second input `y` [batch, classes] is broadcast over them. */
export function outputsAt(network: tf.LayersModel, inputs: tf.Tensor, y?: tf.Tensor): tf.Tensor[] {
  const leading = inputs.shape.slice(0, -1)
  const rows = (values: tf.Tensor) => tf.reshape(values, [-1, values.shape.at(-1) as number])
  const given = y && rows(tf.broadcastTo(y, [...leading, y.shape.at(-1) as number]))
  const outputs = network.apply(given ? [rows(inputs), given] : rows(inputs)) as tf.Tensor | tf.Tensor[]
  return [outputs].flat().map(output => tf.reshape(output, [...leading, output.shape.at(-1) as number]))
}

export interface DenseShape {
  name: string
  inputs: number
  /** Units of the hidden layers, from the input to the outputs. */
  hidden: readonly number[]
  outputs: number
  activation: Activation
}

type Activation = VaeShape['activation']
/** The activations that TF.js applies to each unit alone. */
type Pointwise = Exclude<Activation, 'gated'>
type MapSize = Pick<ImageShape, 'rows' | 'columns'>

type Convolutional = VaeShape & { filters: readonly number[]; activation: Pointwise }

/** The shape with its filters. Throws an Error for gates, which convolutions do not have here. */
function convolutional(shape: VaeShape, filters: readonly number[]): Convolutional {
  const { activation } = shape
  if (activation === 'gated')
    throw new Error("activation 'gated': is for fully connected layers; with filters use another, such as 'elu'")
  return { ...shape, filters, activation }
}

/** [values] -> [rows, columns, channels] -> [rows / 2, columns / 2, filters] -> … -> flat features; odd sizes are rounded up. */
function convolved(input: tf.SymbolicTensor, image: ImageShape, shape: Convolutional): tf.SymbolicTensor {
  mapSizes(image, shape.filters)
  const { filters, activation } = shape
  const start = through(
    [tf.layers.reshape({ name: 'image', targetShape: [image.rows, image.columns, image.channels] })],
    input,
  )
  const maps = filters.reduce((from, count, i) => {
    const halved = tf.layers.conv2d({ ...convolution(`conv_${i + 1}`, count), activation }).apply(from)
    return withBlocks(halved as tf.SymbolicTensor, `block_${i + 1}`, count, shape)
  }, start)
  return through([tf.layers.flatten({ name: 'features' })], maps)
}

/** The decoder's mirror of `convolved`, without the last transposed convolution: [units] -> feature maps -> … */
function upsampled(input: tf.SymbolicTensor, image: ImageShape, shape: Convolutional): tf.SymbolicTensor {
  const { filters, activation } = shape
  const sizes = mapSizes(image, filters).toReversed()
  const [smallest, ...larger] = sizes as [MapSize, ...MapSize[]]
  const [deepest = 0, ...outwards] = filters.toReversed()
  const start = through(
    [
      dense('features', smallest.rows * smallest.columns * deepest, activation),
      tf.layers.reshape({ name: 'maps', targetShape: [smallest.rows, smallest.columns, deepest] }),
    ],
    input,
  )
  return outwards.reduce(
    (from, count, i) => {
      const name = `conv_${i + 1}`
      const doubled = tf.layers.conv2dTranspose({ ...convolution(name, count), activation }).apply(from)
      const cut = croppedTo(doubled as tf.SymbolicTensor, larger[i] as MapSize, `${name}_cut`)
      return withBlocks(cut, `block_${i + 2}`, count, shape)
    },
    withBlocks(start, 'block_1', deepest, shape),
  )
}

/** Residual blocks (He et al. 2016): x + conv(activation(conv(activation(x)))). */
function withBlocks(
  maps: tf.SymbolicTensor,
  name: string,
  filters: number,
  { residualBlocks = 0, activation }: Convolutional,
): tf.SymbolicTensor {
  let from = maps
  for (let i = 1; i <= residualBlocks; i++) {
    const half = (part: string) => [
      tf.layers.activation({ name: `${name}_${i}_${part}_activation`, activation }),
      tf.layers.conv2d({ ...convolution(`${name}_${i}_${part}`, filters), kernelSize: BLOCK_KERNEL, strides: 1 }),
    ]
    const change = through([...half('a'), ...half('b')], from)
    from = tf.layers.add({ name: `${name}_${i}` }).apply([from, change]) as tf.SymbolicTensor
  }
  return from
}

/** Features -> the head's numbers, fully connected. */
function valuesOf({ name, per, size = 1 }: Head, image: ImageShape, features: tf.SymbolicTensor): tf.SymbolicTensor {
  const pixels = image.rows * image.columns
  if (per === 'channel') return repeated(through([dense(name, image.channels)], features), name, pixels)
  return through([dense(name, per === 'value' ? imageSize(image) : pixels * size)], features)
}

/** Feature maps -> the head's numbers: [rows, columns, numbers] -> [rows × columns × numbers]. */
function mapsOf({ name, per, size = 1 }: Head, image: ImageShape, maps: tf.SymbolicTensor): tf.SymbolicTensor {
  if (per === 'channel') {
    const means = through(
      [tf.layers.globalAveragePooling2d({ name: `${name}_means` }), dense(name, image.channels)],
      maps,
    )
    return repeated(means, name, image.rows * image.columns)
  }
  const numbers = per === 'value' ? image.channels : size
  const doubled = tf.layers.conv2dTranspose(convolution(name, numbers)).apply(maps) as tf.SymbolicTensor
  return through([tf.layers.flatten({ name: `${name}_pixels` })], croppedTo(doubled, image, `${name}_cut`))
}

/** [channels] -> [pixels × channels]. */
const repeated = (values: tf.SymbolicTensor, name: string, pixels: number): tf.SymbolicTensor =>
  through(
    [tf.layers.repeatVector({ name: `${name}_each`, n: pixels }), tf.layers.flatten({ name: `${name}_pixels` })],
    values,
  )

/** Cuts the last row and column off where a doubled size was rounded up before. */
function croppedTo(maps: tf.SymbolicTensor, { rows, columns }: MapSize, name: string): tf.SymbolicTensor {
  const [, height, width] = maps.shape as [null, number, number]
  if (height === rows && width === columns) return maps
  const cropping: [[number, number], [number, number]] = [
    [0, height - rows],
    [0, width - columns],
  ]
  return through([tf.layers.cropping2D({ name, cropping })], maps)
}

/** The sizes of the feature maps, from the image inwards. */
export function mapSizes(image: ImageShape, filters: readonly number[]): MapSize[] {
  const half = ({ rows, columns }: MapSize) => ({ rows: Math.ceil(rows / 2), columns: Math.ceil(columns / 2) })
  const most = Math.ceil(Math.log2(Math.min(image.rows, image.columns)))
  if (filters.length > most)
    throw new Error(
      `filters ${filters}: each of the ${filters.length} convolutions halves the image; ` +
        `images of ${image.rows}x${image.columns} allow ${most > 0 ? `at most ${most}` : 'none: leave the convolutions out'}`,
    )
  const sizes: MapSize[] = []
  filters.reduce<MapSize>((size, _, i) => {
    sizes[i] = half(size)
    return sizes[i] as MapSize
  }, image)
  return sizes
}

/** Hidden layers of these units, one after another. */
function throughHidden(units: readonly number[], activation: Activation, input: tf.SymbolicTensor): tf.SymbolicTensor {
  return units.reduce((from, count, i) => {
    const name = `hidden_${i + 1}`
    if (activation !== 'gated') return through([dense(name, count, activation)], from)
    const [values, gates] = [dense(name, count), dense(`${name}_gate`, count, 'sigmoid')]
    const both = [through([values], from), through([gates], from)]
    return tf.layers.multiply({ name: `${name}_gated` }).apply(both) as tf.SymbolicTensor
  }, input)
}

const dense = (name: string, units: number, activation?: Pointwise): tf.layers.Layer =>
  tf.layers.dense({ name, units, kernelInitializer: 'zeros', ...(activation && { activation }) })

const convolution = (name: string, filters: number) =>
  ({ name, filters, kernelSize: KERNEL, strides: 2, padding: 'same', kernelInitializer: 'zeros' }) as const

const through = (layers: readonly tf.layers.Layer[], input: tf.SymbolicTensor): tf.SymbolicTensor =>
  layers.reduce((from, layer) => layer.apply(from) as tf.SymbolicTensor, input)
