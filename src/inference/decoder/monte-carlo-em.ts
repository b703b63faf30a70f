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

/** Learns a decoder from binary images {0, 255}. An encoder beside it is neither used nor changed. */
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
