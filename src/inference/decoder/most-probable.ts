/** Codes of images without an encoder: the most probable z of each, by gradient ascent on log p(x, z). */
import * as tf from '#tfjs'
import { type Decoder, decode } from '../../models/vae.js'
import { createOptimizer } from '../optimizer.js'

const STEPS = 200
const LEARNING_RATE = 0.1

/**
 * A local maximum of log p(z) + log p(x|z) for each image x [batch, pixels] in [0, 1], from the prior's mean: [batch, latent]. Adam treats every
 * number by itself, so the images of a batch do not disturb one another.
 */
export async function mostProbable(model: Decoder, x: tf.Tensor): Promise<tf.Tensor> {
  const z = tf.tidy(() => tf.variable(tf.zeros([x.shape[0] as number, model.latentDim])))
  const adam = { optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const
  const optimizer = createOptimizer(adam, new Map([['z', z]]))
  const logJoint = () => tf.add(model.latents.prior.logProb(z), decode(model, z).logProb(x)) // [batch]
  for (let step = 0; step < STEPS; step++) {
    tf.tidy(() => optimizer.minimize(() => tf.neg(tf.sum(logJoint())) as tf.Scalar, LEARNING_RATE * (1 - step / STEPS)))
    await tf.nextFrame()
  }
  const found = tf.tidy(() => tf.clone(z))
  optimizer.dispose()
  z.dispose()
  return found
}
