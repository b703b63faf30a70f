/**
 * Bidirectional Monte Carlo (Grosse, Ghahramani & Adams 2015; Wu et al. 2017): lower and upper bounds of log p(x) for images that the model
 * generates, z ~ p(z), x ~ p(x|z). That z is a draw of p(z|x). Forward chains of annealed importance sampling give a lower bound in
 * expectation, reverse chains that start at z an upper one.
 */
import * as tf from '#tfjs'
import type { Choice, ScanOptions } from '../compile/step.js'
import { WHITE } from '../data/levels.js'
import { givenClasses } from '../models/conditional.js'
import { decoderLikelihood } from '../models/decoder-likelihood.js'
import type { Vae } from '../models/vae.js'
import { keyAt } from '../random.js'
import {
  type AnnealingBound,
  type AnnealingEstimate,
  type AnnealingOptions,
  type AnnealingRun,
  countSteps,
  estimateForward,
  estimateReverse,
  imagesAtOnce,
  join,
  joinBounds,
} from '../sampling/anneal-images.js'
import { annealedChains } from '../sampling/annealed-chains.js'

/** Both bounds for the same images, in nats; covers fewer images than requested if the run was stopped. */
export interface Sandwich {
  /** `logPx` is below log p(x) in expectation. */
  forward: AnnealingEstimate
  /** `logPx` is above log p(x) in expectation. */
  reverse: AnnealingBound
  compile: Choice | undefined
}

/**
 * Draws `count` images and bounds their log p(x) from both sides; of a conditional model they are of all classes in turn, and log p(x|y). A forward pilot on the first batch sets the step sizes.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const options = { temperatures: temperatures(10), chains: 4, chainsAtOnce: 40, leapfrogSteps: 2, jitter: 0.2, stepSize: 0.3, targetAcceptance: 0.9 }
 * const { forward, reverse } = await annealSimulated(vae, 10, options, { key: streamKey(1, 'anneal') })
 * const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length
 * console.log(mean(forward.logPx) - mean(reverse.logPx) < 0.5) // true
 */
export async function annealSimulated(
  vae: Vae,
  count: number,
  options: AnnealingOptions,
  { key, onProgress, onSteps, signal, ...scanOptions }: AnnealingRun & ScanOptions,
): Promise<Sandwich> {
  const size = Math.min(imagesAtOnce(options), count)
  const batches = Math.ceil(count / size)
  const repeating = { onSteps: countSteps(options.temperatures, 2 * batches + 1, onSteps), signal }
  const shape = [options.chains, size, vae.latentDim] as const
  const model = decoderLikelihood(vae)
  const chains = annealedChains(model.logLikelihood, shape, options, scanOptions, model.start)
  try {
    const results: Pick<Sandwich, 'forward' | 'reverse'>[] = []
    for (let b = 0; b < batches && !signal?.aborted; b++) {
      const streams = [0, 1, 2, 3].map(stream => keyAt(keyAt(key, b), stream)) as Streams
      const { u, batch } = await draw(vae, streams[0], size)
      if (b === 0) await chains.pilot({ batch, key: streams[1] }, repeating)
      const forward = signal?.aborted ? undefined : await chains.forward({ batch, key: streams[2] }, repeating)
      const reverse = forward && (await chains.reverse({ batch, key: streams[3] }, u, repeating))
      if (!reverse) break
      const used = Math.min(size, count - b * size)
      results.push({ forward: estimateForward(forward, size, used), reverse: estimateReverse(reverse, size, used) })
      onProgress?.(b * size + used)
    }
    const forward = join(results.map(result => result.forward))
    return { forward, reverse: joinBounds(results.map(result => result.reverse)), compile: chains.choice }
  } finally {
    chains.dispose()
  }
}

type Key = AnnealingRun['key']
type Streams = [draw: Key, pilot: Key, forward: Key, reverse: Key]

/**
 * Coordinates u [size, latent] of z ~ p(z), as annealing sees it, and images x ~ p(x|z) in 0 … 255, a row each; image i of a conditional model is
 * of class i mod classes.
 */
async function draw(vae: Vae, key: Key, size: number) {
  const [drawn, images] = tf.tidy(() => {
    const u = decoderLikelihood(vae).start.sample(keyAt(key, 0), [size, vae.latentDim])
    const levels = (model: Vae) => tf.mul(decoderLikelihood(model).pixels(u).sample(keyAt(key, 1)), WHITE)
    if (vae.classes === undefined) return [u, levels(vae)]
    const classes = tf.mod(tf.range(0, size), vae.classes)
    return [u, tf.concat([levels(givenClasses(vae, classes)), tf.reshape(classes, [size, 1])], 1)]
  }) as [tf.Tensor, tf.Tensor]
  const [u, batch] = await Promise.all([drawn.data<'float32'>(), images.data<'float32'>()])
  tf.dispose([drawn, images])
  return { u, batch }
}
