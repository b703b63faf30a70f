/**
 * Families of p(x|z), parameterized by the decoder's outputs: probabilities of binary pixels or of the 256 levels, densities of values in
 * [0, 1].
 */
import * as tf from '#tfjs'
import { WHITE } from '../data/levels.js'
import * as bernoulli from '../distributions/bernoulli.js'
import * as continuousBernoulli from '../distributions/continuous-bernoulli.js'
import * as gaussian from '../distributions/normal.js'
import { normal } from '../random.js'
import { besideImages, type Head, type Likelihood, type PixelDistribution } from './likelihood.js'
import { logisticMixturePixels, logisticPixels } from './logistic-pixels.js'

/** Variance of a Gaussian pixel, the same for all pixels; 'learned': the decoder outputs the variance of each pixel. */
export type PixelVariance = number | 'learned'

/** Variance of the error of rounding to one of 256 grey levels; no pixel is known more precisely, so learned variances are larger. */
const ROUNDING_VARIANCE = 1 / (12 * WHITE ** 2)

const logits: Head = { name: 'logits', per: 'value' }

/** Every family by name. A new one is an entry here. */
const families = {
  bernoulli: (): Likelihood => ({
    heads: [logits],
    values: 'binary',
    linear: true,
    sigmoidMean: true,
    meaning: 'sigmoid(logits) is the mean image: the probability that each pixel is white',
    of: ([logits]) => bernoulliPixels(logits as tf.Tensor),
  }),
  'continuous-bernoulli': (): Likelihood => ({
    heads: [logits],
    values: 'density',
    linear: true,
    sigmoidMean: false,
    meaning:
      'with l = sigmoid(logits), the mean image is l / (2 l - 1) + 1 / (2 artanh(1 - 2 l)), and 1/2 where l = 1/2',
    of: ([logits]) => continuousBernoulliPixels(logits as tf.Tensor),
  }),
  gaussian: ({ pixelVariance: variance }: LikelihoodOptions): Likelihood => {
    if (variance == null) throw new Error('likelihood gaussian: a pixelVariance is missing')
    return variance === 'learned' ? gaussianOfLearnedVariance : gaussianOfVariance(variance)
  },
  'discretized-logistic': ({ logistics = 1, channels = 1 }: LikelihoodOptions): Likelihood =>
    logistics === 1 ? logisticPixels : logisticMixturePixels(logistics, channels),
} as const

export const likelihoods = Object.keys(families) as [LikelihoodName, ...LikelihoodName[]]

export type LikelihoodName = keyof typeof families

/** What some families need. */
export interface LikelihoodOptions {
  /** Required by 'gaussian'. */
  pixelVariance?: PixelVariance | null
  /** Of 'discretized-logistic': the components of each pixel's mixture; 1 if left out. */
  logistics?: number
  /** The channels of an image; 1 if left out. */
  channels?: number
}

/** The family of that name; it ignores the options of others. Throws an Error if 'gaussian' is given no `pixelVariance`. */
export const likelihoodOf = (name: LikelihoodName, options: LikelihoodOptions = {}): Likelihood =>
  families[name](options)

const gaussianOfLearnedVariance: Likelihood = {
  heads: [logits, { name: 'log_var', per: 'value' }],
  values: 'density',
  linear: false,
  sigmoidMean: true,
  meaning: `sigmoid(logits) is the mean image; exp(log_var) + 1 / (12 x ${WHITE}^2) is the variance of each pixel`,
  of: ([logits, logVar]) => gaussianPixels(logits as tf.Tensor, atLeastRounding(logVar as tf.Tensor)),
}

const gaussianOfVariance = (variance: number): Likelihood => ({
  heads: [logits],
  values: 'density',
  linear: false,
  sigmoidMean: true,
  meaning: `sigmoid(logits) is the mean image; the variance of every pixel is ${variance}`,
  of: ([logits]) => gaussianPixels(logits as tf.Tensor, tf.scalar(Math.log(variance))),
})

/** x · logits + log p(0|z): x [images, pixels], logits [points, pixels], logProbOfBlack [points] -> [points, images]. */
const linearInImages = (x: tf.Tensor, logits: tf.Tensor, logProbOfBlack: tf.Tensor): tf.Tensor =>
  tf.add(tf.matMul(logits, x, false, true), tf.reshape(logProbOfBlack, [-1, 1]))

function bernoulliPixels(logits: tf.Tensor): PixelDistribution {
  const mean = () => tf.sigmoid(logits)
  return {
    get mean() {
      return mean()
    },
    logProb: x => bernoulli.logProb(x, logits),
    logProbOfEach: x => linearInImages(x, logits, bernoulli.logProb(tf.zerosLike(logits), logits)),
    sample: key => bernoulli.sample(key, mean()),
  }
}

function continuousBernoulliPixels(logits: tf.Tensor): PixelDistribution {
  return {
    get mean() {
      return continuousBernoulli.mean(logits)
    },
    logProb: x => continuousBernoulli.logProb(x, logits),
    logProbOfEach: x => linearInImages(x, logits, continuousBernoulli.logProb(tf.zerosLike(logits), logits)),
    sample: key => continuousBernoulli.sample(key, logits),
  }
}

/** The means lie in (0, 1), as grey levels do (Kingma & Welling 2013, section 5). */
function gaussianPixels(logits: tf.Tensor, logVar: tf.Tensor): PixelDistribution {
  const mean = tf.sigmoid(logits)
  return {
    mean,
    logProb: x => gaussian.logProb(x, mean, logVar),
    // Expanding the square into matrix products would lose most digits to cancellation where variances are small.
    logProbOfEach: x => gaussian.logProb(x, besideImages(mean), logVar.rank > 0 ? besideImages(logVar) : logVar),
    sample: key => gaussian.at(normal(key, mean.shape), mean, logVar),
  }
}

const atLeastRounding = (logVar: tf.Tensor): tf.Tensor => tf.log(tf.add(tf.exp(logVar), ROUNDING_VARIANCE))
