/**
 * p(x|z) of levels 0 … 255, grey or colour, by discretized logistics: one for each value with a scale for each channel (Kingma et al. 2016),
 * or a mixture of K for each pixel, in which green depends linearly on red, and blue on both (Salimans et al. 2017, section 2.1 and 2.2).
 */
import * as tf from '#tfjs'
import * as logistic from '../distributions/discretized-logistic.js'
import { type Key, split, uniform } from '../random.js'
import { besideImages, type Head, type Likelihood, type PixelDistribution } from './likelihood.js'

/** Added to the log scales that the network outputs: outputs of 0 give a scale of e^-2, 35 levels. */
const LOG_SCALE = -2

/** One logistic for each value. */
export const logisticPixels: Likelihood = {
  heads: [
    { name: 'logits', per: 'value' },
    { name: 'log_scale', per: 'channel' },
  ],
  values: 'levels',
  linear: false,
  sigmoidMean: true,
  meaning: `sigmoid(logits) is the location of a discretized logistic for each value, and exp(log_scale - ${-LOG_SCALE}) its scale`,
  of: ([logits, logScale]) => oneLogistic(logits as tf.Tensor, logScale as tf.Tensor),
}

function oneLogistic(logits: tf.Tensor, logScaleOutput: tf.Tensor): PixelDistribution {
  const location = tf.sigmoid(logits)
  const logScale = tf.add(logScaleOutput, LOG_SCALE)
  return {
    mean: location,
    logProb: x => tf.sum(logistic.logProb(x, location, logScale), -1),
    logProbOfEach: x => oneLogistic(besideImages(logits), besideImages(logScaleOutput)).logProb(x),
    sample: key => logistic.sample(key, location, logScale),
  }
}

/** A mixture of `components` logistics for each pixel of `channels` channels. */
export function logisticMixturePixels(components: number, channels: number): Likelihood {
  const sizes = outputsOf(components, channels)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const head: Head = { name: 'mixture', per: 'pixel', size: total }
  return {
    heads: [{ name: 'logits', per: 'value' }, head],
    values: 'levels',
    linear: false,
    sigmoidMean: false,
    meaning:
      `for each pixel, mixture holds the logits of ${components} weights, then for each component ${channels} offsets of the locations ` +
      `sigmoid(logits), ${channels} log scales (plus ${LOG_SCALE}) and ${pairs(channels)} coefficients of earlier channels (by tanh)`,
    of: ([logits, mixture]) => mixtureOf(logits as tf.Tensor, mixture as tf.Tensor, { components, channels }),
  }
}

interface Sizes {
  components: number
  channels: number
}

const pairs = (channels: number): number => (channels * (channels - 1)) / 2

/** The outputs of each kind for a pixel: weights, offsets, log scales, coefficients. */
const outputsOf = (components: number, channels: number): number[] => [
  components,
  components * channels,
  components * channels,
  components * pairs(channels),
]

/** The parameters of the components of each pixel. */
interface Components {
  /** log weights [..., positions, K]. */
  logWeights: tf.Tensor
  /** [..., positions, K, channels]. */
  locations: tf.Tensor
  logScales: tf.Tensor
  /** [..., positions, K], one for each pair of channels: (1, 0), (2, 0), (2, 1). */
  coefficients: tf.Tensor[]
}

function mixtureOf(logits: tf.Tensor, mixture: tf.Tensor, sizes: Sizes): PixelDistribution {
  const parts = () => componentsOf(logits, mixture, sizes)
  return {
    get mean() {
      return meanOf(parts(), sizes)
    },
    logProb: x => logProbOf(x, parts(), sizes),
    logProbOfEach: x => mixtureOf(besideImages(logits), besideImages(mixture), sizes).logProb(x),
    sample: key => sampleOf(key, parts(), sizes),
  }
}

function componentsOf(logits: tf.Tensor, mixture: tf.Tensor, { components, channels }: Sizes): Components {
  const leading = logits.shape.slice(0, -1)
  const positions = (logits.shape.at(-1) as number) / channels
  const each = tf.reshape(mixture, [...leading, positions, -1])
  const [weights, offsets, scales, ...rest] = tf.split(
    each,
    outputsOf(components, channels).filter(size => size > 0),
    -1,
  ) as [tf.Tensor, tf.Tensor, tf.Tensor, ...tf.Tensor[]]
  const perChannel = (values: tf.Tensor) => tf.reshape(values, [...leading, positions, components, channels])
  const base = tf.reshape(tf.sigmoid(logits), [...leading, positions, 1, channels])
  const [coefficients] = rest
  const eachPair = (values: tf.Tensor) => {
    const perPair = tf.reshape(values, [...leading, positions, components, pairs(channels)])
    return Array.from({ length: pairs(channels) }, (_, pair) => channelOf(perPair, pair))
  }
  return {
    logWeights: tf.logSoftmax(weights),
    locations: tf.add(base, perChannel(offsets)),
    logScales: tf.add(perChannel(scales), LOG_SCALE),
    coefficients: coefficients ? eachPair(tf.tanh(coefficients)) : [],
  }
}

/** Channel `c` of a tensor [..., channels]. */
const channelOf = (values: tf.Tensor, c: number): tf.Tensor =>
  tf.squeeze(tf.gather(values, [c], values.rank - 1), [values.rank - 1])

/** The location of channel `c` [..., positions, K] given the values of the earlier channels, [..., positions, 1 or K] each. */
function locationOf({ locations, coefficients }: Components, c: number, earlier: readonly tf.Tensor[]): tf.Tensor {
  const from = pairs(c)
  return earlier.reduce<tf.Tensor>(
    (location, value, i) => tf.add(location, tf.mul(coefficients[from + i] as tf.Tensor, tf.sub(value, 0.5))),
    channelOf(locations, c),
  )
}

function logProbOf(x: tf.Tensor, parts: Components, { channels }: Sizes): tf.Tensor {
  const positions = (x.shape.at(-1) as number) / channels
  const values = tf.split(tf.reshape(x, [...x.shape.slice(0, -1), positions, channels]), channels, -1) // [..., positions, 1] each
  const logs = values.map((value, c) =>
    logistic.logProb(value, locationOf(parts, c, values.slice(0, c)), channelOf(parts.logScales, c)),
  )
  const joint = logs.reduce((sum, log) => tf.add(sum, log), parts.logWeights) // [..., positions, K]
  return tf.sum(tf.logSumExp(joint, -1), -1)
}

function meanOf(parts: Components, { channels }: Sizes): tf.Tensor {
  const weights = tf.exp(parts.logWeights)
  const locations: tf.Tensor[] = []
  for (let c = 0; c < channels; c++) locations.push(tf.clipByValue(locationOf(parts, c, locations), 0, 1))
  return flat(locations.map(location => tf.sum(tf.mul(weights, location), -1)))
}

function sampleOf(key: Key, parts: Components, { components, channels }: Sizes): tf.Tensor {
  const [componentKey, ...keys] = split(key, 1 + channels) as [Key, ...Key[]]
  const gumbel = tf.neg(tf.log(tf.neg(tf.log(uniform(componentKey, parts.logWeights.shape)))))
  const chosen = tf.oneHot(tf.cast(tf.argMax(tf.add(parts.logWeights, gumbel), -1), 'int32'), components) // [..., positions, K]
  const ofChosen = (values: tf.Tensor) => tf.sum(tf.mul(tf.cast(chosen, 'float32'), values), -1)
  const drawn: tf.Tensor[] = []
  for (let c = 0; c < channels; c++) {
    const earlier = drawn.map(value => tf.expandDims(value, -1))
    const location = ofChosen(locationOf(parts, c, earlier))
    drawn.push(logistic.sample(keys[c] as Key, location, ofChosen(channelOf(parts.logScales, c))))
  }
  return flat(drawn)
}

/** Channels [..., positions] each, as images [..., positions × channels]. */
function flat(channels: readonly tf.Tensor[]): tf.Tensor {
  const stacked = tf.stack([...channels], -1)
  return tf.reshape(stacked, [...stacked.shape.slice(0, -2), -1])
}
