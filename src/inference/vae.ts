/** Auto-encoding variational Bayes (Kingma & Welling 2013, algorithm 1): gradient ascent on the ELBO of both networks. */
import * as tf from '@tensorflow/tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import { namedWeights, type Vae } from '../models/vae.js'
import { type Elbo, type ElboOptions, elbo } from '../objectives/elbo.js'
import { type Key, split } from '../random.js'
import type { Algorithm, Schedule } from './algorithm.js'
import { createOptimizer, type OptimizerOptions } from './optimizer.js'

/** How grey pixels become binary ones: a fresh Bernoulli draw each time an image is used, or the threshold 0.5. */
export const binarizations = ['dynamic', 'static'] as const

export interface VaeOptions extends ElboOptions, OptimizerOptions {
  binarize: (typeof binarizations)[number]
}

export function trainVae(vae: Vae, options: VaeOptions): Algorithm {
  return trainNetworks(vae, options, (x, key, { beta }) => () => {
    const bound = elbo(vae, x, key, options)
    return { ascended: tf.mean(tf.sub(bound.reconstruction, tf.mul(bound.kl, beta))), bound }
  })
}

/**
 * What one step ascends on binary images x [batch, pixels]. The function that comes back runs on the gradient tape: what was
 * computed before it is a constant.
 */
export type Ascent = (x: tf.Tensor, key: Key, schedule: Schedule) => () => { ascended: tf.Tensor; bound: Elbo }

/** Gradient ascent by one optimizer on the weights of both networks; `bound` is what steps report. */
export function trainNetworks(vae: Vae, options: VaeOptions, ascent: Ascent): Algorithm {
  const models = new Map(Object.entries({ encoder: vae.encoder, decoder: vae.decoder }))
  const weights = new Map(
    [...models].flatMap(([name, model]) => namedWeights(model).map(([weight, value]) => [`${name}/${weight}`, value])),
  ) as Map<string, tf.Variable>
  const optimizer = createOptimizer(options, weights)
  return {
    variables: new Map([
      ...weights,
      ...[...optimizer.slots].map(([name, slot]) => [`optimizer/${name}`, slot] as const),
    ]),
    models,
    step(batch, key, schedule) {
      const [binarizeKey, noiseKey] = split(key, 2) as [Key, Key]
      const x = binarize(binarizeKey, tf.div(batch, 255), options.binarize) // [batch, pixels]
      const onTape = ascent(x, noiseKey, schedule)
      let bound: Elbo | undefined
      optimizer.minimize(() => {
        const { ascended, bound: reported } = onTape()
        bound = keepAll(reported)
        return tf.neg(ascended) as tf.Scalar
      }, schedule.learningRate)
      return batchMeans(bound as Elbo)
    },
    bound: (batch, key) => ({ ...elbo(vae, tf.div(batch, 255), key, options) }),
    dispose: () => optimizer.dispose(),
  }
}

/** Grey images [batch, pixels] in [0, 1] as binary ones. */
export function binarize(key: Key, grey: tf.Tensor, how: VaeOptions['binarize']): tf.Tensor {
  return how === 'dynamic' ? bernoulli.sample(key, grey) : tf.cast(tf.greaterEqual(grey, 0.5), 'float32')
}

// The gradient tape frees what its function made, but the bound's parts are reported after it.
const keepAll = (bound: Elbo): Elbo => {
  for (const part of Object.values(bound)) tf.keep(part as tf.Tensor)
  return bound
}

function batchMeans(bound: Elbo): Record<string, tf.Tensor> {
  return Object.fromEntries(
    Object.entries(bound).map(([name, perImage]) => {
      const mean = tf.mean(perImage)
      perImage.dispose()
      return [name, mean]
    }),
  )
}
