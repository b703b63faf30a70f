/** Mixtures, p(x) = Σ_k w_k p(x | k), as exact EM, Monte Carlo EM and mean field see them (Bishop 2006, chapters 9 and 10). */
import * as tf from '#tfjs'
import { type Key, split, uniform } from '../../random.js'

/** Sums over images in double precision: `counts` [K] is N_k = Σ_n r_nk; the others are sums weighted by r_nk. */
export type Moments<Name extends string> = Readonly<Record<Name | 'counts', Float64Array>>

export interface Mixture<Name extends string = string> {
  readonly components: number
  readonly pixels: number
  /** Parameters (`weights`, `means`, …) and coefficients derived from them (`log_weights`, …), by name. Components come first: [K, …]. */
  readonly variables: ReadonlyMap<string, tf.Variable>
  /**
   * log w_k + log p(x | k) of images x [batch, pixels]: [K, batch] in nats; under mean field, its expectation over the parameters. `isPrecise` asks
   * for less rounding of the most probable components of each image, which takes longer.
   */
  logJoint(x: tf.Tensor, isPrecise?: boolean): tf.Tensor
  readonly momentShapes: Readonly<Record<Name, number[]>>
  /** The sums of one batch, all moments but `counts`, for responsibilities r [K, batch]. */
  moments(responsibilities: tf.Tensor, x: tf.Tensor): Record<Name, tf.Tensor>
  /** Which of several programs `logJoint` and `moments` are; the parameters decide. Absent if there is one only. */
  form?(): string
  /** Chooses values that float32 sums count from, given some of the images, [images, pixels]. To be called before the first pass. */
  adapt?(x: tf.Tensor): Promise<void>
  dispose(): void
}

/** Relative error of one float32 rounding. */
export const FLOAT32_ROUNDING = 2 ** -24

/** Nats. Where log p(x | k) of images near component k may be rounded by more than this, a mixture takes a slower and more precise form. */
export const TOLERATED_ROUNDING = 4e-4

/** The posterior over components given x, in nats. */
export interface ComponentPosterior {
  /** log p(x): [batch]. */
  logProb: tf.Tensor
  /** r = p(z = k | x): [K, batch]. */
  responsibilities: tf.Tensor
  /** log r: [K, batch]. */
  logResponsibilities: tf.Tensor
}

/**
 * The exact posterior over components of each image in x [batch, pixels]; `isPrecise` as for `logJoint`.
 *
 * @example
 * const start = { weights: Float64Array.of(0.5, 0.5), means: Float64Array.of(0.9, 0.1, 0.1, 0.9) }
 * const mixture = createBernoulliMixture({ pixels: 2, components: 2, start })
 * const { responsibilities } = mixturePosterior(mixture, tf.tensor2d([[1, 0]]))
 * console.log(responsibilities.shape, responsibilities.dataSync()[0]?.toFixed(3)) // [ 2, 1 ] 0.988
 */
export function posterior(mixture: Mixture, x: tf.Tensor, isPrecise = false): ComponentPosterior {
  const joint = mixture.logJoint(x, isPrecise) // [K, batch]
  const largest = tf.max(joint, 0, true)
  const shares = tf.exp(tf.sub(joint, largest))
  const total = tf.sum(shares, 0, true) // [1, batch]
  const logProb = tf.add(largest, tf.log(total))
  return {
    logProb: tf.squeeze(logProb, [0]),
    responsibilities: tf.div(shares, total),
    logResponsibilities: tf.sub(joint, logProb),
  }
}

/**
 * log p(x) of each image: [batch] in nats.
 *
 * @example
 * const start = { weights: Float64Array.of(0.5, 0.5), means: Float64Array.of(0.9, 0.1, 0.1, 0.9) }
 * const mixture = createBernoulliMixture({ pixels: 2, components: 2, start })
 * const logPx = mixtureLogProb(mixture, tf.tensor2d([[1, 0], [0, 1]]))
 * console.log([...logPx.dataSync()].map(nats => nats.toFixed(3))) // [ '-0.892', '-0.892' ]
 */
export function logProb(mixture: Mixture, x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => posterior(mixture, x, true).logProb)
}

/** The variable of that name; throws an Error if the mixture has none. */
export function variable(mixture: Pick<Mixture, 'variables'>, name: string): tf.Variable {
  const found = mixture.variables.get(name)
  if (!found) throw new Error(`the mixture has no variable '${name}'; it has ${[...mixture.variables.keys()]}`)
  return found
}

/** Writes values in double precision into the float32 variables of the same names. */
export function assign(
  variables: ReadonlyMap<string, tf.Variable>,
  values: Readonly<Record<string, Float64Array>>,
): void {
  tf.tidy(() => {
    for (const [name, value] of Object.entries(values)) {
      const target = variable({ variables }, name)
      target.assign(tf.tensor(Float32Array.from(value), target.shape))
    }
  })
}

/** A variable's values in double precision. */
export async function read(mixture: Mixture, name: string): Promise<Float64Array> {
  return Float64Array.from(await variable(mixture, name).data())
}

/**
 * `count` draws of a component k ~ w (int32 [count]), and the components' means: [count, pixels].
 *
 * @example
 * const start = { weights: Float64Array.of(0.5, 0.5), means: Float64Array.of(0.9, 0.1, 0.1, 0.9) }
 * const mixture = createBernoulliMixture({ pixels: 2, components: 2, start })
 * const { component, image } = sampleMixture(mixture, streamKey(1, 'sample'), 5)
 * console.log(component.shape, image.shape) // [ 5 ] [ 5, 2 ]
 */
export function sample(mixture: Mixture, key: Key, count: number): { component: tf.Tensor; image: tf.Tensor } {
  return tf.tidy(() => {
    const [componentKey] = split(key, 1) as [Key]
    const upTo = tf.cumsum(variable(mixture, 'weights')) // [K]
    const drawn = tf.mul(uniform(componentKey, [count, 1]), tf.max(upTo))
    const component = tf.sum(tf.cast(tf.greater(drawn, tf.reshape(upTo, [1, -1])), 'int32'), 1)
    return { component, image: tf.gather(variable(mixture, 'means'), component as tf.Tensor1D) }
  })
}

/** The number of values in tensors of these shapes. */
export const countValues = (shapes: Readonly<Record<string, readonly number[]>>): number =>
  Object.values(shapes).reduce((count, shape) => count + shape.reduce((size, axis) => size * axis, 1), 0)

/** Untrainable variables of these shapes, all zero. */
export function createVariables(shapes: Readonly<Record<string, number[]>>): ReadonlyMap<string, tf.Variable> {
  const zeros = (shape: number[]) => tf.tidy(() => tf.variable(tf.zeros(shape), false))
  return new Map(Object.entries(shapes).map(([name, shape]) => [name, zeros(shape)]))
}

/** A vector [K] as [K, 1]. */
export function column(vector: tf.Tensor): tf.Tensor {
  return tf.reshape(vector, [-1, 1])
}
