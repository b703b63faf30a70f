/** The features of images that mixtures and factor analysis model. */
import * as tf from '#tfjs'
import type { Dataset } from './dataset.js'
import {
  type GivenShape,
  type ImageSet,
  type ImageShape,
  imageRange,
  imageShape,
  imageSize,
  imageTensor,
} from './images.js'
import { WHITE } from './levels.js'
import { principalComponents } from './principal-components.js'

/** The features of an image: its pixels in [0, 1], or their principal components. */
export interface Features {
  /** The shape of the images. */
  readonly image: ImageShape
  /** Features per image. */
  readonly size: number
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** Images [batch, pixels] in 0 … 255 -> [batch, size]. */
  read(batch: tf.Tensor): tf.Tensor
  /** Features [batch, size] -> images [batch, pixels], clipped to 0 … 1; principal components give an approximation. */
  show(features: tf.Tensor): tf.Tensor
  initialize(data: Dataset): Promise<void>
  dispose(): void
}

/** Pixels if `components` is null, otherwise principal components, which `initialize` finds from the training images. */
export function newFeatures(shape: GivenShape, components: number | null): Features {
  const image = imageShape(shape)
  return components === null ? pixelFeatures(image) : componentFeatures(image, components)
}

function pixelFeatures(image: ImageShape): Features {
  const unit = exactUnit()
  return {
    image,
    size: imageSize(image),
    variables: new Map(),
    read: unit.of,
    show: features => tf.clipByValue(features, 0, 1),
    async initialize() {},
    dispose: unit.dispose,
  }
}

/**
 * Levels as values in [0, 1], divided by a variable: a division by a constant is compiled into a product with 1/255, whose rounding is the same in
 * all images. Tiny variances turn that into up to 0.2 nats of log p(x).
 */
function exactUnit() {
  const white = tf.tidy(() => tf.variable(tf.scalar(WHITE), false))
  return { of: (levels: tf.Tensor): tf.Tensor => tf.div(levels, white), dispose: () => white.dispose() }
}

function componentFeatures(image: ImageShape, components: number): Features {
  const zeros = (shape: number[]) => tf.tidy(() => tf.variable(tf.zeros(shape), false))
  const pixels = imageSize(image)
  const unit = exactUnit()
  const [mean, basis] = [zeros([pixels]), zeros([pixels, components])]
  return {
    image,
    size: components,
    variables: new Map(Object.entries({ 'features/mean': mean, 'features/basis': basis })),
    read: batch => tf.matMul(tf.sub(unit.of(batch), mean) as tf.Tensor2D, basis as tf.Tensor),
    show: features => tf.clipByValue(tf.add(tf.matMul(features, basis as tf.Tensor, false, true), mean), 0, 1),
    async initialize(data) {
      const found = await principalComponents(data.train, components)
      tf.tidy(() => {
        mean.assign(tf.tensor1d(found.mean))
        basis.assign(tf.tensor2d(found.basis, [pixels, components]))
      })
    },
    dispose() {
      tf.dispose([mean, basis])
      unit.dispose()
    },
  }
}

const MOMENTS_BATCH = 5000

/** Mean and variance of each feature over images, in double precision: [size] each. */
export async function featureMoments(images: ImageSet, { read, size }: Features) {
  const mean = new Float64Array(size)
  const squares = new Float64Array(size)
  for (let from = 0; from < images.count; from += MOMENTS_BATCH) {
    const x = tf.tidy(() => read(imageTensor(imageRange(images, from, from + MOMENTS_BATCH))))
    const values = await x.data<'float32'>()
    x.dispose()
    values.forEach((value, i) => {
      const j = i % size
      mean[j] = (mean[j] as number) + value / images.count
      squares[j] = (squares[j] as number) + (value * value) / images.count
    })
  }
  return { mean, variance: squares.map((square, j) => Math.max(square - (mean[j] as number) ** 2, 0)) }
}
