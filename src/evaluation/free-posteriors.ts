/**
 * The best diagonal Gaussian q(z) of each image: mu and log sigma^2 of its own, by stochastic gradient ascent on the ELBO with the
 * decoder held fixed (Cremer, Li & Duvenaud 2018, section 5.2). A lower bound of the best, as ascent ends near it.
 */
import * as tf from '@tensorflow/tfjs'
import { createOptimizer } from '../inference/optimizer.js'
import type { Posterior } from '../models/latents.js'
import { encode, type Vae } from '../models/vae.js'
import { elboOf } from '../objectives/elbo.js'
import type { Key } from '../random.js'

/** Draws of z per image and step. */
const DRAWS = 8

/** At the first step; it falls linearly towards 0, so that the last steps average their noise away. */
const LEARNING_RATE = 0.05

/** The free q(z) of a batch of images. */
export interface FreePosteriors {
  /** Its parameters are variables, [batch, latent] each. */
  readonly q: Posterior
  /** Sets q to the encoder's for other images x [batch, pixels], and the optimizer to its beginning. */
  start(x: tf.Tensor): void
  /** One step of Adam for every image x [batch, pixels] by itself; a step for `scan`, which wants no outputs. */
  ascend(x: tf.Tensor, key: Key, learningRate: number): void
  dispose(): void
}

/** The learning rate of step number `step` of `steps`. */
export const learningRateAt = (step: number, steps: number): number => LEARNING_RATE * (1 - step / steps)

/** Throws an Error where z is not one layer of Gaussians. */
export function freePosteriors(vae: Vae, batchSize: number): FreePosteriors {
  if (!vae.latents.reparameterized || vae.layers.length > 1)
    throw new Error('mean-field Gaussians of each image: this model has no single layer of Gaussian z')
  const zeros = () => tf.tidy(() => tf.variable(tf.zeros([batchSize, vae.latentDim])))
  const variables = new Map(vae.latents.heads.map(head => [head, zeros()]))
  const parameters = [...variables.values()]
  const q = vae.latents.posterior(parameters)
  // Adam treats every number by itself, so the images of a batch do not disturb one another.
  const optimizer = createOptimizer({ optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 }, variables)
  const beginnings = [...optimizer.slots.values()].map(slot => ({ slot, value: tf.clone(slot) }))
  return {
    q,
    start: x =>
      tf.tidy(() => {
        encode(vae, x).heads.forEach((head, i) => void parameters[i]?.assign(head))
        for (const { slot, value } of beginnings) slot.assign(value)
      }),
    ascend(x, key, learningRate) {
      const bound = () => elboOf(vae, x, q, key, { samples: DRAWS, kl: 'analytic' }).elbo // [batch]
      optimizer.minimize(() => tf.neg(tf.sum(bound())) as tf.Scalar, learningRate)
    },
    dispose() {
      optimizer.dispose()
      tf.dispose([...parameters, ...beginnings.map(({ value }) => value)])
    },
  }
}
