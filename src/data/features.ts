/** What a model of grey images sees of them, and what its means look like. */
import * as tf from '@tensorflow/tfjs'
import type { Dataset, Split } from './dataset.js'
import { principalComponents } from './principal-components.js'

/** What a model sees of an image: its pixels in [0, 1], or their principal components. */
export interface Features {
  readonly pixels: number
  readonly size: number
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** Images [batch, pixels] in 0 … 255 -> [batch, size]. */
  read(batch: tf.Tensor): tf.Tensor
  /** [batch, size] -> images [batch, pixels] in 0 … 1, as near as they come. */
  show(features: tf.Tensor): tf.Tensor
  initialize(data: Dataset): Promise<void>
  dispose(): void
}

/** Pixels, or the first `components` principal components, found from the training images when a run starts. */
export function newFeatures({ rows, columns }: { rows: number; columns: number }, components: number | null): Features {
  const pixels = rows * columns
  if (components === null) {
    return {
      pixels,
      size: pixels,
      variables: new Map(),
      read: batch => tf.div(batch, 255),
      show: features => tf.clipByValue(features, 0, 1),
      async initialize() {},
      dispose() {},
    }
  }
  const zeros = (shape: number[]) => tf.tidy(() => tf.variable(tf.zeros(shape), false))
  const [mean, basis] = [zeros([pixels]), zeros([pixels, components])]
  return {
    pixels,
    size: components,
    variables: new Map(Object.entries({ 'features/mean': mean, 'features/basis': basis })),
    read: batch => tf.matMul(tf.sub(tf.div(batch, 255), mean) as tf.Tensor2D, basis as tf.Tensor),
    show: features => tf.clipByValue(tf.add(tf.matMul(features, basis as tf.Tensor, false, true), mean), 0, 1),
    async initialize(data) {
      const found = await principalComponents(data.train, components)
      tf.tidy(() => {
        mean.assign(tf.tensor1d(found.mean))
        basis.assign(tf.tensor2d(found.basis, [pixels, components]))
      })
    },
    dispose: () => tf.dispose([mean, basis]),
  }
}

const MOMENTS_BATCH = 5000

/** Mean and variance of each feature over images, in double precision: [size] each. */
export async function featureMoments({ pixels, count }: Split, { read, size }: Features) {
  const mean = new Float64Array(size)
  const squares = new Float64Array(size)
  const width = pixels.length / count
  for (let from = 0; from < count; from += MOMENTS_BATCH) {
    const rows = Math.min(MOMENTS_BATCH, count - from)
    const x = tf.tidy(() =>
      read(tf.tensor2d(Float32Array.from(pixels.subarray(from * width, (from + rows) * width)), [rows, width])),
    )
    const values = await x.data<'float32'>()
    x.dispose()
    values.forEach((value, i) => {
      const j = i % size
      mean[j] = (mean[j] as number) + value / count
      squares[j] = (squares[j] as number) + (value * value) / count
    })
  }
  return { mean, variance: squares.map((square, j) => Math.max(square - (mean[j] as number) ** 2, 0)) }
}
