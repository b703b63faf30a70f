/** Baselines of score-function gradients: what is subtracted from a signal without changing the gradient's mean. */
import * as tf from '@tensorflow/tfjs'
import { glorotUniform } from '../../models/vae.js'
import { type HostKey, split } from '../../random.js'

/**
 * none; the mean of the signals of earlier steps; that mean plus what a network makes of the image (Mnih & Gregor 2014, section
 * 2.3); what the image's other draws predict (Mnih & Rezende 2016; Kool et al. 2019), which takes two draws at least.
 */
export const baselines = ['none', 'running-mean', 'input', 'leave-one-out'] as const

/** What multiplies each draw's score, in nats. */
export interface Signal {
  /** [samples, batch]. */
  value: tf.Tensor
  /** What each image's other draws say that it is: [samples, batch]. */
  fromOthers(): tf.Tensor
}

export interface Baseline {
  /** Learned with the networks, by the same optimizer. */
  readonly weights: ReadonlyMap<string, tf.Variable>
  /** Other state. */
  readonly state: ReadonlyMap<string, tf.Variable>
  /**
   * The signal of images x [batch, pixels] less the baseline: [samples, batch]. `learn` runs on the gradient tape: a scalar that is
   * ascended beside the bound.
   */
  centre(signal: Signal, x: tf.Tensor): { centred: tf.Tensor; learn(): tf.Tensor }
}

/** A baseline for images of `pixels`; `key` draws the network's first weights. */
export function createBaseline(kind: (typeof baselines)[number], pixels: number, key: HostKey): Baseline {
  if (kind === 'input') return inputBaseline(pixels, key)
  if (kind === 'running-mean') return runningMean()
  const nothing = { weights: new Map(), state: new Map() }
  const centred = ({ value, fromOthers }: Signal) => (kind === 'none' ? value : tf.sub(value, fromOthers()))
  return { ...nothing, centre: signal => ({ centred: centred(signal), learn: () => tf.scalar(0) }) }
}

/** The mean over the other samples of each: values [samples, batch] -> [samples, batch]. */
export function meanOfOthers(values: tf.Tensor): tf.Tensor {
  const others = (values.shape[0] as number) - 1
  return tf.div(tf.sub(tf.sum(values, 0), values), others)
}

/** log sum_j exp(values_j) over the other samples of each, of which there is one at least: values [samples, batch] -> [samples, batch]. */
export function logSumOfOthers(values: tf.Tensor): tf.Tensor {
  const samples = values.shape[0] as number
  const isLargest = tf.cast(tf.transpose(tf.oneHot(tf.argMax(values, 0), samples)), 'bool')
  // The others of the largest may be too small beside it to be told from 0: their sum has a scale of its own.
  const withoutLargest = tf.logSumExp(tf.where(isLargest, Number.NEGATIVE_INFINITY, values), 0)
  const max = tf.max(values, 0)
  const scaled = tf.exp(tf.sub(values, max))
  const before = tf.cumsum(scaled, 0, true)
  const after = tf.cumsum(scaled, 0, true, true)
  return tf.where(isLargest, withoutLargest, tf.add(tf.log(tf.add(before, after)), max))
}

/** Weight of the past in the running mean, per step. */
const DECAY = 0.9

function runningMean(): Baseline {
  const [sum, weight] = tf.tidy(() => [scalarVariable(), scalarVariable()]) as [tf.Variable, tf.Variable]
  return {
    weights: new Map(),
    state: new Map(Object.entries({ sum, weight })),
    centre({ value }) {
      const centred = tf.sub(value, tf.div(sum, tf.maximum(weight, 1e-6))) // the first step has no past: 0
      sum.assign(tf.add(tf.mul(sum, DECAY), tf.mul(tf.mean(value), 1 - DECAY)))
      weight.assign(tf.add(tf.mul(weight, DECAY), 1 - DECAY))
      return { centred, learn: () => tf.scalar(0) }
    },
  }
}

const scalarVariable = () => tf.variable(tf.scalar(0), false)

const HIDDEN = 100

/** The running mean, and a network of one hidden layer on what is left: it descends the squared error. */
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
      const { centred: rest } = mean.centre(signal, x)
      const error = () => tf.sub(rest, predict(x)) // [samples, batch]
      return { centred: error(), learn: () => tf.mul(tf.mean(tf.square(error())), -0.5) }
    },
  }
}
