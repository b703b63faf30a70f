/** Small VAEs for tests, their weights, gradients in these, and log p(x) by quadrature. */
import * as tf from '@tensorflow/tfjs'
import * as gaussian from '../../src/distributions/normal.js'
import {
  createVae,
  decode,
  initialize,
  modelsOf,
  namedWeights,
  type Vae,
  type VaeOptions,
} from '../../src/models/vae.js'
import { streamKey } from '../../src/random.js'

interface SmallVaeOptions extends Partial<VaeOptions> {
  /** Multiplies the decoder's weights. */
  scale?: number
  seed?: number
}

/** A seeded VAE: 2 x 2 pixels, 3 hidden units and 2 latent dimensions unless told otherwise. */
export function smallVae({ scale = 1, seed = 7, ...changes }: SmallVaeOptions = {}): Vae {
  const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh', ...changes })
  initialize(vae, streamKey(seed, 'weights'))
  if (scale !== 1) for (const [, weight] of namedWeights(vae.decoder)) weight.assign(tf.mul(weight, scale))
  return vae
}

/** A small VAE whose posterior is no Gaussian and whose bound is loose. */
export const curvedVae = (changes: SmallVaeOptions = {}): Vae => smallVae({ scale: 3, ...changes })

/** Three images of 2 x 2 pixels: [3, 4]. */
export const threeImages = (): tf.Tensor2D =>
  tf.tensor2d([
    [0, 1, 1, 0],
    [1, 1, 0, 0],
    [0, 0, 0, 1],
  ])

/** `count` copies of one image of 2 x 2 pixels: a batch whose mean gradient is the mean over as many draws. */
export const copies = (count: number): tf.Tensor2D => tf.tile(tf.tensor2d([[0, 1, 1, 0]]), [count, 1])

/** The weights of all networks. */
export const weightsOf = (vae: Vae): tf.Variable[] =>
  [...modelsOf(vae).values()].flatMap(namedWeights).map(([, weight]) => weight)

/** Sets some weights of a network by name, such as `mu/bias`. */
export function setWeights(network: tf.LayersModel, values: Record<string, tf.Tensor>): void {
  const weights = new Map(namedWeights(network))
  for (const [name, value] of Object.entries(values)) {
    const weight = weights.get(name)
    if (weight === undefined) throw new Error(`no weight ${name}; there are ${[...weights.keys()].join(', ')}`)
    weight.assign(value)
  }
}

/** The gradient of a scalar in these weights, every entry in a row. */
export function gradientIn(weights: tf.Variable[], value: () => tf.Tensor): number[] {
  return tf.tidy(() => {
    const { grads } = tf.variableGrads(() => value() as tf.Scalar, weights)
    return weights.flatMap(({ name }) => [...(grads[name] as tf.Tensor).dataSync()])
  })
}

/**
 * The derivative of a number in one entry of a weight, by finite differences; the weight ends as it was.
 * @param at which entry, counted from the first
 */
export function finiteDifference(weight: tf.Variable, at: number, value: () => number): number {
  const start = weight.dataSync<'float32'>().slice()
  const moved = (delta: number) => {
    weight.assign(
      tf.tensor(
        start.map((w, i) => (i === at ? w + delta : w)),
        weight.shape,
      ),
    )
    return value()
  }
  const [above, below] = [moved(1e-2), moved(-1e-2)]
  weight.assign(tf.tensor(start, weight.shape))
  return (above - below) / 2e-2
}

/**
 * log p(x) of each image x [batch, pixels] under a VAE with one latent dimension: [batch]. By the trapezoid rule on [-8, 8], which is
 * exact to float32's digits, and differentiable.
 */
export function logPxByQuadrature(vae: Vae, x: tf.Tensor, points = 801): tf.Tensor {
  const z = tf.reshape(tf.linspace(-8, 8, points), [points, 1, 1])
  const logJoint = tf.add(decode(vae, z).logProb(x), gaussian.standardLogProb(z)) // [points, batch]
  return tf.add(tf.logSumExp(logJoint, 0), Math.log(16 / (points - 1)))
}
