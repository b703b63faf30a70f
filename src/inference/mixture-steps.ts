/** The steps of every method for mixtures: each gathers, over its batch, the posterior's moments that the end of the pass learns from. */
import * as tf from '@tensorflow/tfjs'
import { column, type Mixture, type Moments, posterior, variable } from '../models/mixture.js'
import { isEmpty } from '../models/mixture-weights.js'
import type { Algorithm } from './algorithm.js'
import { createStatistics } from './statistics.js'

export interface MixtureData {
  /** What the mixture sees of a batch [batch, pixels] in 0 … 255. */
  read(batch: tf.Tensor): tf.Tensor
  /** How many images a pass has. */
  images: number
}

/** What one pass has gathered, in double precision: sums over images, in nats. */
export interface Pass<Name extends string> {
  moments: Moments<Name>
  /** Σ_n log p(x_n). */
  logProb: number
  /** Σ_n H[q(z_n)]. */
  entropy: number
  emptyComponents: number
}

export interface MixtureSteps<Name extends string> {
  algorithm: Omit<Algorithm, 'finishPass'>
  /** What the pass gathered; afterwards the sums are zero. */
  finish(): Promise<Pass<Name>>
}

export function mixtureSteps<Name extends string>(
  mixture: Mixture<Name>,
  { read, images }: MixtureData,
): MixtureSteps<Name> {
  const statistics = createStatistics<string>({
    counts: [mixture.components],
    ...mixture.momentShapes,
    log_prob: [],
    entropy: [],
  })
  const step: Algorithm['step'] = (batch, _, { used }) =>
    tf.tidy(() => {
      const x = read(batch)
      const mask = tf.cast(tf.less(tf.range(0, x.shape[0] as number), used), 'float32') // [batch]
      const { logProb, responsibilities, logResponsibilities } = posterior(mixture, x)
      const weights = tf.mul(responsibilities, mask) // [K, batch]
      const counts = tf.sum(weights, 1) // [K]
      const total = tf.sum(tf.mul(logProb, mask))
      const entropy = tf.neg(tf.sum(tf.mul(weights, logResponsibilities)))
      statistics.add({ counts, ...mixture.moments(weights, x), log_prob: total, entropy })
      // KL(q(z) || w) = Σ_k r (log r - log w)
      const kl = tf.neg(tf.add(entropy, tf.sum(tf.mul(counts, variable(mixture, 'log_weights')))))
      const mean = (value: tf.Tensor) => tf.div(value, used)
      return { elbo: mean(total), reconstruction: mean(tf.add(total, kl)), kl: mean(kl), entropy: mean(entropy) }
    })
  return {
    algorithm: {
      variables: new Map([
        ...mixture.variables,
        ...[...statistics.variables].map(([name, sum]) => [`pass/${name}`, sum] as const),
      ]),
      models: new Map(),
      step,
      bound: batch => bound(mixture, read(batch)),
      dispose: () => statistics.dispose(),
    },
    async finish() {
      const { log_prob, entropy, ...moments } = (await statistics.totals()) as Record<string, Float64Array>
      const counts = moments.counts as Float64Array
      requireAllImages(counts, images)
      statistics.reset()
      return {
        moments: moments as Moments<Name>,
        logProb: log_prob?.[0] as number,
        entropy: entropy?.[0] as number,
        emptyComponents: counts.filter(isEmpty).length,
      }
    },
  }
}

/** log p(x) = E_q[log p(x | z)] - KL(q(z) || p(z)) with q = p(z | x), each [batch]. */
function bound(mixture: Mixture, x: tf.Tensor): Record<string, tf.Tensor> {
  const { logProb, responsibilities, logResponsibilities } = posterior(mixture, x)
  const logRatio = tf.sub(logResponsibilities, column(variable(mixture, 'log_weights'))) // [K, batch]
  const kl = tf.sum(tf.mul(responsibilities, logRatio), 0)
  return { elbo: logProb, reconstruction: tf.add(logProb, kl), kl }
}

const ROUNDING = 1e-3

function requireAllImages(counts: Float64Array, images: number): void {
  const seen = counts.reduce((sum, count) => sum + count, 0)
  if (Math.abs(seen - images) <= ROUNDING * images) return
  throw new Error(`the pass gathered ${seen.toFixed(1)} images, but there are ${images}: it must see each of them once`)
}
