/**
 * Wake-sleep (Hinton, Dayan, Frey & Neal 1995) with the networks of a VAE. Wake phase: theta ascends log p(x, z), z ~ q(z|x), as in the
 * ELBO. Sleep phase: phi ascends log q(z|x) on dreams z ~ p(z), x ~ p(x|z). This descends KL(p(z|x) || q(z|x)), the reverse of the ELBO's
 * KL, so the two phases do not share one objective.
 */
import * as tf from '#tfjs'
import { ownRows, wholeBatch } from '../collectives/all-reduce.js'
import { decode, encode, samplePrior, type Vae } from '../models/vae.js'
import { drawNoise, elbo, elboFrom } from '../objectives/elbo.js'
import { type Key, split } from '../random.js'
import type { BoundedAlgorithm } from './algorithm.js'
import type { Ascent } from './estimators/ascent.js'
import { networkAscent, type TrainingOptions } from './gradient-ascent.js'

/**
 * Wake-sleep on the networks of `vae`. `samples` is the number of draws z ~ q(z|x) per image in the wake phase, and of dreams per image of
 * the batch in the sleep phase, of the same classes if the model is conditional. `kl` applies to the reported bound only. The schedule's `beta` is unused: neither phase has a KL term.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const adam = { optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const
 * const algorithm = wakeSleep(vae, { ...adam, samples: 1, kl: 'analytic', binarize: 'static' })
 * const steps = scan(algorithm.step)
 * const data = { data: new Uint8Array(50 * 2 * 4).fill(255), shape: [50, 2, 4], dtype: 'float32' } as const
 * const { elbo = [] } = await steps.run(data, { key: 1, schedules: () => ({ learningRate: 0.05, beta: 1, used: 2, first: 0 }) })
 * console.log((elbo[49] ?? 0) > (elbo[0] ?? 0)) // true
 */
export function wakeSleep(vae: Vae, options: TrainingOptions): BoundedAlgorithm {
  const ascent =
    (model: Vae, whole: Vae): Ascent =>
    (x, key) => {
      const [wakeKey, sleepKey] = split(key, 2) as [Key, Key]
      const q = encode(model, x)
      const { z, logPriorRatio } = q.at(drawNoise(model, x, wakeKey, options.samples))
      const dreams = dreamsOf(whole, sleepKey, x.shape[0] as number, options.samples)
      return () => {
        const bound = elboFrom(q, { reconstruction: decode(model, z).logProb(x), logPriorRatio }, options.kl)
        const wake = tf.add(tf.mean(bound.reconstruction), tf.mean(vae.latents.prior.logProb(z)))
        return { ascended: tf.add(wake, tf.mean(logProbOfDreams(dreams.model, dreams))), bound }
      }
    }
  return networkAscent(vae, options, { ascent, bound: (model, x, key) => elbo(model, x, key, options) })
}

/**
 * `samples` dreams for each of `rows` images, with the model at their classes. Each worker of a cluster dreams for the whole batch, because the noise of
 * pixels is drawn where they are decoded, and keeps what belongs to its rows.
 */
function dreamsOf(whole: Vae, key: Key, rows: number, samples: number): Dreams & { model: Vae } {
  const all = wholeBatch(rows)
  const model = { ...whole, ...(whole.y && { y: tf.tile(whole.y, [samples, 1]) }) }
  const dreams = dream(model, key, all * samples)
  if (all === rows) return { ...dreams, model }
  const own = (x: tf.Tensor) => tf.reshape(ownRows(tf.reshape(x, [samples, all, -1]), 1), [samples * rows, -1])
  return { z: own(dreams.z), x: own(dreams.x), model: { ...model, ...(model.y && { y: own(model.y) }) } }
}

/** Draws from the model: latents and the images decoded from them. */
export interface Dreams {
  /** [count, latent]. */
  z: tf.Tensor
  /** [count, pixels]. */
  x: tf.Tensor
}

/** `count` draws z ~ p(z), x ~ p(x|z). */
export function dream(vae: Vae, key: Key, count: number): Dreams {
  const [latentKey, pixelKey] = split(key, 2) as [Key, Key]
  const z = samplePrior(vae, latentKey, count)
  return { z, x: decode(vae, z).sample(pixelKey) }
}

/** log q(z|x) of each dream, in nats: [count]. */
export function logProbOfDreams(vae: Vae, { z, x }: Dreams): tf.Tensor {
  return encode(vae, x).logProb(z)
}
