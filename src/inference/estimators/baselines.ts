/** Baselines of score-function gradients: subtracting one lowers the variance and leaves the expected gradient unchanged. */
import * as tf from '#tfjs'
import { allReduceMean } from '../../collectives/all-reduce.js'
import { glorotUniform } from '../../models/vae.js'
import { type HostKey, split } from '../../random.js'

/**
 * `running-mean`: the mean signal of earlier steps. `input`: that mean plus a network's prediction from the image (Mnih & Gregor 2014,
 * section 2.3). `leave-one-out`: a prediction from the image's other draws, of which it needs one (Mnih & Rezende 2016; Kool et al. 2019).
 */
export const baselines = ['none', 'running-mean', 'input', 'leave-one-out'] as const

/** The learning signal that multiplies the score of each draw, in nats. */
export interface Signal {
  /** [samples, batch]. */
  value: tf.Tensor
  /** The prediction of each value from the image's other draws: [samples, batch]. */
  fromOthers(): tf.Tensor
}

export interface Baseline {
  /** Weights that the optimizer learns together with the networks. */
  readonly weights: ReadonlyMap<string, tf.Variable>
  /** Other state. */
  readonly state: ReadonlyMap<string, tf.Variable>
  /**
   * `centred` is the signal of images x [batch, pixels] minus the baseline: [samples, batch]. `learn` runs on the gradient tape and
   * returns a scalar to add to the training objective.
   */
  centre(signal: Signal, x: tf.Tensor): { centred: tf.Tensor; learn(): tf.Tensor }
}

/**
 * A baseline for images with `pixels` values; `key` draws the initial weights of its network.
 *
 * @example
 * const baseline = createBaseline('running-mean', 4, streamKey(1, 'baseline'))
 * console.log(baseline.weights.size, baseline.state.size > 0) // 0 true
 */
export function createBaseline(kind: (typeof baselines)[number], pixels: number, key: HostKey): Baseline {
  if (kind === 'input') return inputBaseline(pixels, key)
  if (kind === 'running-mean') return runningMean()
  const noVariables = { weights: new Map(), state: new Map() }
  const centred = ({ value, fromOthers }: Signal) => (kind === 'none' ? value : tf.sub(value, fromOthers()))
  return { ...noVariables, centre: signal => ({ centred: centred(signal), learn: () => tf.scalar(0) }) }
}

/** For each sample the mean over the other samples: values [samples, batch] -> [samples, batch]. */
export function meanOfOthers(values: tf.Tensor): tf.Tensor {
  const others = (values.shape[0] as number) - 1
  return tf.div(tf.sub(tf.sum(values, 0), values), others)
}

/** For each sample log sum_j exp(values_j) over the other samples, at least one: values [samples, batch] -> [samples, batch]. */
export function logSumOfOthers(values: tf.Tensor): tf.Tensor {
  const samples = values.shape[0] as number
  const isLargest = tf.cast(tf.transpose(tf.oneHot(tf.argMax(values, 0), samples)), 'bool')
  // Relative to the largest, the others may underflow to 0, so their sum is scaled separately.
  const withoutLargest = tf.logSumExp(tf.where(isLargest, Number.NEGATIVE_INFINITY, values), 0)
  const max = tf.max(values, 0)
  const scaled = tf.exp(tf.sub(values, max))
  const before = tf.cumsum(scaled, 0, true)
  const after = tf.cumsum(scaled, 0, true, true)
  return tf.where(isLargest, withoutLargest, tf.add(tf.log(tf.add(before, after)), max))
}

/** Decay of the running mean per step. */
const DECAY = 0.9

function runningMean(): Baseline {
  const [sum, weight] = tf.tidy(() => [scalarVariable(), scalarVariable()]) as [tf.Variable, tf.Variable]
  return {
    weights: new Map(),
    state: new Map(Object.entries({ sum, weight })),
    centre({ value }) {
      const centred = tf.sub(value, tf.div(sum, tf.maximum(weight, 1e-6))) // 0 in the first step
      sum.assign(tf.add(tf.mul(sum, DECAY), tf.mul(meanOfBatch(value), 1 - DECAY)))
      weight.assign(tf.add(tf.mul(weight, DECAY), 1 - DECAY))
      return { centred, learn: () => tf.scalar(0) }
    },
  }
}

/** The mean over the images of the whole batch, of which a worker of a cluster has a part. */
const meanOfBatch = (values: tf.Tensor): tf.Tensor => allReduceMean([tf.mean(values)] as const)[0]

const scalarVariable = () => tf.variable(tf.scalar(0), false)

const HIDDEN = 100

/** The running mean, plus a network with one hidden layer that learns the remainder by squared error. */
function inputBaseline(pixels: number, key: HostKey): Baseline {
  const mean = runningMean()
  const [hidden, output] = tf.tidy(() => {
    const [first, second] = split(key, 2) as [HostKey, HostKey]
    return [tf.variable(glorotUniform(first, [pixels, HIDDEN])), tf.variable(glorotUniform(second, [HIDDEN, 1]))]
  }) as [tf.Variable, tf.Variable]
  const predict = (x: tf.Tensor) =>
    tf.reshape(tf.matMul(tf.tanh(tf.matMul(x as tf.Tensor2D, hidden as tf.Tensor2D)), output as tf.Tensor2D), [-1])
  return {
    weights: new Map(Object.entries({ hidden, output })),
    state: mean.state,
    centre(signal, x) {
      const { centred: remainder } = mean.centre(signal, x)
      const error = () => tf.sub(remainder, predict(x)) // [samples, batch]
      return { centred: error(), learn: () => tf.mul(tf.mean(tf.square(error())), -0.5) }
    },
  }
}
