/**
 * `tf.train` optimizers whose whole state can be named, saved and restored exactly. TF.js itself saves none of Adamax's state and only
 * an approximation of Adam's running powers of beta. Here the slots are accessed inside the optimizers.
 */
import * as tf from '#tfjs'
import { allReduceMean } from '../collectives/all-reduce.js'

export const optimizers = ['adam', 'adamax', 'rmsprop', 'sgd', 'momentum'] as const

export interface OptimizerOptions {
  optimizer: (typeof optimizers)[number]
  /** Added to the denominator of adam, adamax and rmsprop. */
  epsilon: number
  /** Decay rates of adam's and adamax's first and second moments; momentum uses the first. */
  beta1: number
  beta2: number
  /** Maximum global norm of the gradients; undefined turns clipping off. */
  clipNorm?: number | undefined
}

/** Minimises a loss over a fixed list of variables. */
export interface Optimizer {
  /** Slots and counters by name, such as `adam/m/encoder/hidden_1/kernel`. */
  readonly slots: ReadonlyMap<string, tf.Variable>
  /** One update from a scalar loss; workers of a cluster apply the mean of their gradients. Call inside `tf.tidy`. */
  minimize(loss: () => tf.Scalar, learningRate: number): void
  dispose(): void
}

/** Where a `tf.train` optimizer keeps its state: the properties that hold a slot per variable, and those that hold scalars. */
interface Kind {
  create(options: OptimizerOptions): tf.Optimizer
  slots: Record<string, string>
  counters: Record<string, string>
}

const kinds: Record<OptimizerOptions['optimizer'], Kind> = {
  adam: {
    create: o => tf.train.adam(0, o.beta1, o.beta2, o.epsilon),
    slots: { m: 'accumulatedFirstMoment', v: 'accumulatedSecondMoment' },
    counters: { beta1_power: 'accBeta1', beta2_power: 'accBeta2' },
  },
  adamax: {
    create: o => tf.train.adamax(0, o.beta1, o.beta2, o.epsilon),
    slots: { m: 'accumulatedFirstMoment', u: 'accumulatedWeightedInfNorm' },
    counters: { beta1_power: 'accBeta1', iteration: 'iteration' },
  },
  rmsprop: {
    create: o => tf.train.rmsprop(0, 0.9, 0, o.epsilon),
    slots: { mean_square: 'accumulatedMeanSquares', momentum: 'accumulatedMoments' },
    counters: {},
  },
  sgd: { create: () => tf.train.sgd(0), slots: {}, counters: {} },
  momentum: { create: o => tf.train.momentum(0, o.beta1), slots: { momentum: 'accumulations' }, counters: {} },
}

/** The number of slots that an optimizer keeps for each weight. */
export const slotsPerWeight = (optimizer: OptimizerOptions['optimizer']): number =>
  Object.keys(kinds[optimizer].slots).length

/**
 * An optimizer of `variables`. It creates all slots immediately, as zeros, so that the number of tensors never changes later.
 *
 * @example
 * const w = tf.variable(tf.scalar(4))
 * const optimizer = createOptimizer({ optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 }, new Map([['w', w]]))
 * for (let step = 0; step < 3; step++) tf.tidy(() => optimizer.minimize(() => tf.square(w), 1))
 * console.log((w.dataSync()[0] ?? 4) < 4, [...optimizer.slots.keys()].includes('adam/m/w')) // true true
 */
export function createOptimizer(options: OptimizerOptions, variables: ReadonlyMap<string, tf.Variable>): Optimizer {
  const kind = kinds[options.optimizer]
  const optimizer = kind.create(options)
  const fields = optimizer as unknown as Record<string, unknown>
  const slots = new Map<string, tf.Variable>()
  for (const [name, field] of Object.entries(kind.counters)) {
    slots.set(`${options.optimizer}/${name}`, fields[field] as tf.Variable)
  }
  for (const [slot, field] of Object.entries(kind.slots)) {
    fields[field] = [...variables].map(([name, weight]) => {
      const variable = tf.tidy(() => tf.variable(tf.zerosLike(weight), false))
      slots.set(`${options.optimizer}/${slot}/${name}`, variable)
      return { originalName: name, variable }
    })
  }
  const list = [...variables.values()]
  return {
    slots,
    minimize(loss, learningRate) {
      setLearningRate(optimizer, learningRate)
      const { grads } = tf.variableGrads(loss, list)
      const gradients = allReduceMean(list.map(variable => grads[variable.name] as tf.Tensor))
      const clipped = options.clipNorm === undefined ? gradients : clipByGlobalNorm(gradients, options.clipNorm)
      optimizer.applyGradients(list.map((variable, i) => ({ name: variable.name, tensor: clipped[i] as tf.Tensor })))
    },
    dispose: () => optimizer.dispose(),
  }
}

/** sgd and momentum keep the rate as a tensor behind a setter. (`instanceof` is true for every TF.js optimizer.) */
function setLearningRate(optimizer: tf.Optimizer, learningRate: number): void {
  if ('setLearningRate' in optimizer) (optimizer as tf.SGDOptimizer).setLearningRate(learningRate)
  else (optimizer as unknown as { learningRate: number }).learningRate = learningRate
}

/** g * limit / max(norm, limit), with norm = sqrt(sum over all gradients of g^2) (Pascanu et al. 2013). */
function clipByGlobalNorm(gradients: readonly tf.Tensor[], limit: number): tf.Tensor[] {
  const norm = tf.sqrt(tf.addN(gradients.map(gradient => tf.sum(tf.square(gradient)))))
  const scale = tf.div(limit, tf.maximum(norm, limit))
  return gradients.map(gradient => tf.mul(gradient, scale))
}
