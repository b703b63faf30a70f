/**
 * Monte Carlo EM for a neural decoder (Wei & Tanner 1990; Kingma & Welling 2013, section 5 and figure 3): HMC or Metropolis chains sample
 * p(z | x), then gradient ascent raises log p(x, z). No encoder is needed.
 */
import * as tf from '#tfjs'
import { toUnit } from '../../data/levels.js'
import { usedMeans } from '../../data/used-images.js'
import { type Decoder, decode, namedWeights } from '../../models/vae.js'
import type { HostKey } from '../../random.js'
import { type ChainOptions, imageChains } from '../../sampling/image-chains.js'
import { type metropolisOrHmc, sample } from '../../sampling/kernel.js'
import type { Algorithm } from '../algorithm.js'
import { createOptimizer, type OptimizerOptions } from '../optimizer.js'

export interface MonteCarloEmOptions extends OptimizerOptions, ChainOptions<(typeof metropolisOrHmc)[number]> {
  /** Optimizer steps per batch, all on the same draws of z. */
  updates: number
}

/**
 * Learns a decoder from binary images {0, 255}. An encoder beside it is neither used nor changed.
 *
 * @example
 * const model = createDecoder({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initializeDecoder(model, streamKey(1, 'weights'))
 * const adam = { optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const
 * const chains = { transitions: 2, chains: 2, images: 2, batchSize: 2, judged: 2, stepSize: 0.1, targetAcceptance: 0.9, adaptPasses: 1, leapfrogSteps: 3, jitter: 0.2 }
 * const em = monteCarloEm(model, { ...adam, ...chains, sampler: 'hmc', updates: 1 }, streamKey(1, 'chains'))
 * const schedule = { learningRate: 0.01, beta: 1, used: 2, first: 0 }
 * const batch = tf.tensor2d([[0, 255, 255, 0], [255, 255, 0, 0]]) // levels 0 … 255
 * tf.tidy(() => em.step(batch, streamKey(1, 'step'), schedule)) // E step by HMC, M step by Adam
 * console.log(await em.finishPass?.()) // such as: { acceptance: 0.99, rHat: 1.1, … }
 */
export function monteCarloEm(model: Decoder, options: MonteCarloEmOptions, key: HostKey): Algorithm {
  const weights = new Map(namedWeights(model.decoder).map(([name, value]) => [`decoder/${name}`, value]))
  const optimizer = createOptimizer(options, weights)
  const chains = imageChains(model.latentDim, options, key)
  return {
    variables: new Map([
      ...weights,
      ...[...optimizer.slots].map(([name, slot]): [string, tf.Variable] => [`optimizer/${name}`, slot]),
      ...chains.variables,
    ]),
    models: new Map([['decoder', model.decoder]]),
    step(batch, stepKey, { learningRate, used, first }) {
      const x = toUnit(batch)
      const target = (z: tf.Tensor) => tf.add(decode(model, z).logProb(x), model.latents.prior.logProb(z))
      const { draws, acceptance } = chains.move(
        { first, used, size: batch.shape[0] as number },
        stepKey,
        (z, runKey, stepSize) => sample(target, z, runKey, options.transitions, stepSize, options),
      )
      const z = draws.at(-1) as tf.Tensor // [chains, batch, latent]
      const reconstruction = () => tf.mean(decode(model, z).logProb(x), 0) // [batch]
      const before = { reconstruction: reconstruction(), logPrior: tf.mean(model.latents.prior.logProb(z), 0) }
      for (let update = 0; update < options.updates; update++)
        optimizer.minimize(
          () => tf.neg(usedMeans({ mean: reconstruction() }, used).mean as tf.Tensor) as tf.Scalar,
          learningRate,
        )
      const logJoint = tf.add(before.reconstruction, before.logPrior)
      return { ...usedMeans({ logJoint, reconstruction: before.reconstruction }, used), acceptance }
    },
    finishPass: () => chains.finishPass(),
    dispose() {
      optimizer.dispose()
      tf.dispose([...chains.variables.values()])
    },
  }
}
