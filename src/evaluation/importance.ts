/**
 * log p(x) by importance sampling with the encoder as proposal (Burda et al. 2015, equation 8):
 * log p(x) ~ log 1/k sum_i w_i,  w_i = p(x, z_i) / q(z_i | x),  z_i ~ q(z | x).
 */
import * as tf from '@tensorflow/tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import * as gaussian from '../distributions/normal.js'
import { decode, encode, type Vae } from '../models/vae.js'
import { type Key, split } from '../random.js'

/** Decoder inputs that fit in one piece: samples times images of a piece. */
const LARGEST_PIECE = 5000

/** Per image, all in nats: tensors [batch], mu [batch, latent]. */
export interface ImportanceEstimate {
  [name: string]: tf.Tensor
  /** log of the mean weight: below log p(x) in expectation, by about half the squared `standardError`. */
  logPx: tf.Tensor
  /** Monte Carlo standard error of `logPx` by the delta method: sd(w) / (sqrt(k) mean(w)); NaN for k = 1. */
  standardError: tf.Tensor
  /** Mean log weight: the ELBO, with all k samples and the KL term sampled. */
  elbo: tf.Tensor
  /** KL(q(z|x) || p(z)) in closed form. */
  kl: tf.Tensor
  /** The encoder's mean, whose variance over images tells active units. */
  mu: tf.Tensor
}

/** Weighs `samples` draws per binary image of x [batch, pixels]; the sums stream, so memory does not grow with `samples`. */
export function importanceSample(vae: Vae, x: tf.Tensor, key: Key, samples: number): ImportanceEstimate {
  const { mu, logVar } = encode(vae, x)
  const pieceSize = Math.max(1, Math.floor(LARGEST_PIECE / (x.shape[0] as number)))
  const pieces = Math.ceil(samples / pieceSize)
  let sums: WeightSums | undefined
  split(key, pieces).forEach((pieceKey, i) => {
    const size = Math.min(pieceSize, samples - i * pieceSize)
    const next = tf.tidy(() => {
      const piece = sumWeights(logWeights(vae, x, mu, logVar, pieceKey, size))
      return sums ? addSums(sums, piece) : piece
    })
    tf.dispose(sums)
    sums = next
  })
  return { ...summarize(sums as WeightSums, samples), kl: gaussian.klToStandard(mu, logVar), mu }
}

/** log w = log p(x|z) + log p(z) - log q(z|x) of `samples` draws: [samples, batch]. */
function logWeights(vae: Vae, x: tf.Tensor, mu: tf.Tensor, logVar: tf.Tensor, key: Key, samples: number): tf.Tensor {
  const z = gaussian.sample(key, mu, logVar, samples) // [samples, batch, latent]
  const logJoint = tf.add(bernoulli.logProb(x, decode(vae, z)), gaussian.standardLogProb(z))
  return tf.sub(logJoint, gaussian.logProb(z, mu, logVar))
}

/** Sums over samples, each [batch], of weights scaled by exp(-max). */
interface WeightSums {
  [name: string]: tf.Tensor
  max: tf.Tensor
  weights: tf.Tensor
  squares: tf.Tensor
  logs: tf.Tensor
}

function sumWeights(logs: tf.Tensor): WeightSums {
  const max = tf.max(logs, 0)
  const scaled = tf.exp(tf.sub(logs, max))
  return { max, weights: tf.sum(scaled, 0), squares: tf.sum(tf.square(scaled), 0), logs: tf.sum(logs, 0) }
}

function addSums(a: WeightSums, b: WeightSums): WeightSums {
  const max = tf.maximum(a.max, b.max)
  const [scaleA, scaleB] = [tf.exp(tf.sub(a.max, max)), tf.exp(tf.sub(b.max, max))]
  return {
    max,
    weights: tf.add(tf.mul(a.weights, scaleA), tf.mul(b.weights, scaleB)),
    squares: tf.add(tf.mul(a.squares, tf.square(scaleA)), tf.mul(b.squares, tf.square(scaleB))),
    logs: tf.add(a.logs, b.logs),
  }
}

function summarize({ max, weights, squares, logs }: WeightSums, k: number) {
  // var(w) / (k mean(w)^2) = (k sum w^2 / (sum w)^2 - 1) / (k - 1)
  const relative = tf.sub(tf.div(tf.mul(squares, k), tf.square(weights)), 1)
  return {
    logPx: tf.sub(tf.add(max, tf.log(weights)), Math.log(k)),
    standardError: tf.sqrt(tf.div(tf.maximum(relative, 0), k - 1)),
    elbo: tf.div(logs, k),
  }
}
