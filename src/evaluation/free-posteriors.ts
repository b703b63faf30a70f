/**
 * The optimal diagonal Gaussian q(z) of each image: mu and log sigma^2 per image, by stochastic gradient ascent on the ELBO with the decoder
 * held fixed (Cremer, Li & Duvenaud 2018, section 5.2). Ascent ends slightly below the optimum.
 */
import * as tf from '#tfjs'
import { createOptimizer } from '../inference/optimizer.js'
import { readBatch } from '../models/conditional.js'
import type { Posterior } from '../models/latents.js'
import { encode, type Vae } from '../models/vae.js'
import { elboOf } from '../objectives/elbo.js'
import type { Key } from '../random.js'

/** Draws of z per image and step. */
const DRAWS = 8

/** Initial learning rate; it decreases linearly to 0, so that the noise of the last steps averages out. */
const LEARNING_RATE = 0.05

/** The per-image q(z) of a batch. */
export interface FreePosteriors {
  /** Its parameters are variables, [batch, latent] each. */
  readonly q: Posterior
  /** Sets q to the encoder's for a new batch of images, a row each in 0 … 255, and resets the optimizer. */
  start(batch: tf.Tensor): void
  /** One step of Adam for such a batch, each image independent of the others. */
  ascend(batch: tf.Tensor, key: Key, learningRate: number): void
  dispose(): void
}

/** The learning rate of step number `step` of `steps`. */
export const learningRateAt = (step: number, steps: number): number => LEARNING_RATE * (1 - step / steps)

/** Throws an `Error` unless z is a single layer of Gaussians. */
export function freePosteriors(vae: Vae, batchSize: number): FreePosteriors {
  if (!vae.latents.reparameterized || vae.layers.length > 1)
    throw new Error('per-image Gaussian posteriors need a model with a single layer of Gaussian z')
  const zeros = () => tf.tidy(() => tf.variable(tf.zeros([batchSize, vae.latentDim])))
  const variables = new Map(vae.latents.heads.map(head => [head, zeros()]))
  const parameters = [...variables.values()]
  const q = vae.latents.posterior(parameters)
  // Adam works element by element, so the images of a batch do not affect each other.
  const optimizer = createOptimizer({ optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 }, variables)
  const initialSlots = [...optimizer.slots.values()].map(slot => ({ slot, value: tf.clone(slot) }))
  return {
    q,
    start: batch =>
      tf.tidy(() => {
        const { x, model } = readBatch(vae, batch)
        encode(model, x).heads.forEach((head, i) => void parameters[i]?.assign(head))
        for (const { slot, value } of initialSlots) slot.assign(value)
      }),
    ascend(batch, key, learningRate) {
      const { x, model } = readBatch(vae, batch)
      const kl = vae.latents.exactKl ? 'analytic' : 'monte-carlo'
      const bound = () => elboOf(model, x, q, key, { samples: DRAWS, kl }).elbo // [batch]
      optimizer.minimize(() => tf.neg(tf.sum(bound())) as tf.Scalar, learningRate)
    },
    dispose() {
      optimizer.dispose()
      tf.dispose([...parameters, ...initialSlots.map(({ value }) => value)])
    },
  }
}
