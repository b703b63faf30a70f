/** The numbers of weights of the networks in networks.ts, which are not made for that. */
import { type ImageShape, imageShape, imageSize } from '../data/images.js'
import type { Head } from './likelihood.js'
import { BLOCK_KERNEL, type DenseShape, KERNEL, mapSizes, type VaeShape } from './networks.js'

/** The number of weights of `encoderNetwork`. Throws an Error if the convolutions do not fit the image. */
export function countEncoderWeights(shape: VaeShape, heads: number): number {
  const { filters, hidden, latentDim, classes = 0 } = shape
  const image = imageShape(shape)
  const { activation } = shape
  if (!filters)
    return countDenseWeights({ inputs: imageSize(image) + classes, hidden, outputs: latentDim, activation }, heads)
  const inputs = featuresOf(image, filters) + classes
  const convolutions = countThrough([image.channels, ...filters], KERNEL ** 2)
  return (
    convolutions + countBlocks(shape) + countDenseWeights({ inputs, hidden, outputs: latentDim, activation }, heads)
  )
}

/** The number of weights of `decoderNetwork`. Throws an Error if the convolutions do not fit the image. */
export function countDecoderWeights(shape: VaeShape, heads: readonly Head[]): number {
  const { filters, hidden, latentDim, activation, classes = 0 } = shape
  const image = imageShape(shape)
  const units = [latentDim + classes, ...hidden.toReversed()]
  const outputs = (from: number, field: number) =>
    heads.reduce((sum, head) => sum + countHead(head, image, from, { field, isConvolutional: filters != null }), 0)
  if (!filters) return countHidden(units, activation) + outputs(units.at(-1) as number, 1)
  const outwards = filters.toReversed()
  const features = countThrough([...units, featuresOf(image, filters)])
  return (
    features + countThrough(outwards, KERNEL ** 2) + countBlocks(shape) + outputs(outwards.at(-1) ?? 0, KERNEL ** 2)
  )
}

/** The number of weights of `denseNetwork`. */
export function countDenseWeights(
  { inputs, hidden, outputs, activation }: Omit<DenseShape, 'name'>,
  heads: number,
): number {
  return countHidden([inputs, ...hidden], activation) + heads * countThrough([hidden.at(-1) ?? inputs, outputs])
}

/** Units of the innermost feature maps. */
function featuresOf(image: ImageShape, filters: readonly number[]): number {
  const { rows, columns } = mapSizes(image, filters).at(-1) ?? image
  return rows * columns * (filters.at(-1) ?? image.channels)
}

const countBlocks = ({ filters, residualBlocks = 0 }: VaeShape): number =>
  (filters ?? []).reduce((sum, count) => sum + 2 * residualBlocks * countThrough([count, count], BLOCK_KERNEL ** 2), 0)

function countHead(
  { per, size = 1 }: Head,
  image: ImageShape,
  from: number,
  { field, isConvolutional }: { field: number; isConvolutional: boolean },
): number {
  if (per === 'channel') return countThrough([from, image.channels])
  const numbers = per === 'value' ? image.channels : size
  return countThrough([from, isConvolutional ? numbers : image.rows * image.columns * numbers], field)
}

/** Those of hidden layers, from the first inputs; a gate has as many as what it gates. */
const countHidden = (units: readonly number[], activation: VaeShape['activation']): number =>
  (activation === 'gated' ? 2 : 1) * countThrough(units)

/** Kernels and biases between layers of these units or channels; `field` is the number of positions of a kernel. */
const countThrough = (units: readonly number[], field = 1): number =>
  units.slice(1).reduce((count, to, i) => count + (field * (units[i] as number) + 1) * to, 0)
