/**
 * A VAE with two latent dimensions that trains on images made in the page, on the project's own model, objective and estimator
 * (Kingma & Welling 2013). All bounds are in nats per image.
 */
import * as tf from '#tfjs'
import { toUnit } from '../../../data/levels.js'
import { shuffledPass } from '../../../data/passes.js'
import { gradientAscent, type VaeTrainingOptions } from '../../../inference/gradient-ascent.js'
import { createVae, decode, encode, initialize, type Vae } from '../../../models/vae.js'
import { type Estimate, estimateMean } from '../../../numeric/means.js'
import { elbo } from '../../../objectives/elbo.js'
import { keyAt, normal, streamKey } from '../../../random.js'
import { makeToyImages, type ToyImages, type ToyName } from './toy-images.js'

export interface LiveVaeOptions {
  data: ToyName
  seed: number
}

/** The bound of the images that are not trained on. */
export interface LiveBound {
  step: number
  elbo: Estimate
  /** ELBO = reconstruction - kl. */
  reconstruction: number
  kl: number
}

export interface LiveVae {
  readonly data: ToyName
  /** Steps taken so far. */
  readonly steps: number
  /** The images that are not trained on. */
  readonly images: ToyImages
  /** One step of gradient ascent on the ELBO of a batch. */
  step(learningRate: number): Promise<void>
  /** The ELBO of the images that are not trained on, with noise that is the same each time. */
  bound(): Promise<LiveBound>
  /** Mean and standard deviation of q(z|x) of those images: [count, 2] each. */
  codes(): Promise<{ means: Float32Array; sds: Float32Array }>
  /** The mean images of p(x|z) at z [count, 2]: values in [0, 1], [count, pixels]. */
  decoded(z: ArrayLike<number>): Promise<Float32Array>
  /** z ~ p(z), decoded: [count, pixels]. */
  samples(count: number): Promise<Float32Array>
  dispose(): void
}

/** Training images, images of the bound, and images of a step. */
export const [TRAINING, HELD_OUT, BATCH] = [1000, 200, 50]

/** Draws of z for each image when the bound is measured. */
export const BOUND_SAMPLES = 8

/** The variance of a point around its mean: the moons' own noise and the rounding to levels. */
const POINT_VARIANCE = 0.0006

const training: VaeTrainingOptions = {
  ...{ objective: 'elbo', estimator: 'pathwise', baseline: 'none' },
  ...{ samples: 1, kl: 'analytic', freeBits: 0, binarize: 'none' },
  ...{ optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 },
}

export function createLiveVae({ data, seed }: LiveVaeOptions): LiveVae {
  const train = makeToyImages(data, streamKey(seed, 'training images'), TRAINING)
  const images = makeToyImages(data, streamKey(seed, 'other images'), HELD_OUT)
  const vae = createToyVae(data, images)
  initialize(vae, streamKey(seed, 'weights'), data === 'discs' ? meanImage(train) : undefined)
  const ascent = gradientAscent(vae, training, streamKey(seed, 'baseline'))
  const x = tf.tidy(() => toUnit(tf.tensor2d(Float32Array.from(images.pixels), [images.count, vae.pixels])))
  const [order, noise] = [streamKey(seed, 'order'), streamKey(seed, 'noise')]
  const stepsPerEpoch = TRAINING / BATCH
  let steps = 0
  return {
    data,
    images,
    get steps() {
      return steps
    },
    async step(learningRate) {
      const pass = shuffledPass(train, BATCH, order, Math.floor(steps / stepsPerEpoch))
      const levels = Float32Array.from(pass.batches(steps % stepsPerEpoch, 1))
      const key = keyAt(noise, steps)
      steps += 1
      tf.tidy(() => {
        ascent.step(tf.tensor2d(levels, [BATCH, vae.pixels]), key, { learningRate, beta: 1, used: BATCH, first: 0 })
      })
    },
    bound: async () => ({ step: steps, ...(await boundOf(vae, x, seed)) }),
    codes: () => codesOf(vae, x),
    decoded: z => valuesOf(() => decode(vae, tf.tensor2d(Float32Array.from(z), [z.length / 2, 2])).mean),
    samples: count => valuesOf(() => decode(vae, normal(streamKey(seed, 'samples'), [count, 2])).mean),
    dispose() {
      ascent.dispose()
      vae.dispose()
      x.dispose()
    },
  }
}

const createToyVae = (data: ToyName, { rows, columns }: ToyImages): Vae =>
  createVae({
    ...{ rows, columns, latentDim: 2, activation: 'tanh', hidden: data === 'discs' ? [64] : [64, 64] },
    ...(data === 'moons' && { likelihood: 'gaussian', pixelVariance: POINT_VARIANCE }),
  })

/** The mean of each pixel over the images, in [0, 1]. */
function meanImage({ pixels, count, rows, columns }: ToyImages): Float32Array {
  const mean = new Float32Array(rows * columns)
  pixels.forEach((level, i) => {
    mean[i % mean.length] = (mean[i % mean.length] as number) + level / 255 / count
  })
  return mean
}

async function boundOf(vae: Vae, x: tf.Tensor, seed: number): Promise<Omit<LiveBound, 'step'>> {
  const bound = tf.tidy(() => ({
    ...elbo(vae, x, streamKey(seed, 'bound'), { samples: BOUND_SAMPLES, kl: 'analytic' }),
  }))
  const [perImage, reconstruction, kl] = await Promise.all([
    bound.elbo.data(),
    bound.reconstruction.data(),
    bound.kl.data(),
  ])
  tf.dispose(bound)
  return {
    elbo: estimateMean(perImage),
    reconstruction: estimateMean(reconstruction).mean,
    kl: estimateMean(kl).mean,
  }
}

async function codesOf(vae: Vae, x: tf.Tensor): Promise<{ means: Float32Array; sds: Float32Array }> {
  const [mu, sd] = tf.tidy(() => {
    const [mean, logVar] = encode(vae, x).heads as [tf.Tensor, tf.Tensor]
    return [tf.clone(mean), tf.exp(tf.mul(logVar, 0.5))]
  }) as [tf.Tensor, tf.Tensor]
  const [means, sds] = (await Promise.all([mu.data(), sd.data()])) as [Float32Array, Float32Array]
  tf.dispose([mu, sd])
  return { means, sds }
}

async function valuesOf(compute: () => tf.Tensor): Promise<Float32Array> {
  const tensor = tf.tidy(compute)
  const values = (await tensor.data()) as Float32Array
  tensor.dispose()
  return values
}
