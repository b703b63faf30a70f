/** A fitted model, as the library gives it: samples, codes and likelihoods of one's own images. */
import * as tf from '#tfjs'
import type { Choice } from '../compile/step.js'
import { classesOfLabels, type LabelValues, listed } from '../data/classes.js'
import type { ImageShape, Images } from '../data/images.js'
import { unitValues } from '../data/levels.js'
import type { Bounds } from '../evaluation/bound.js'
import { evaluateVae } from '../evaluation/evaluate-vae.js'
import { EVALUATION_BATCH } from '../evaluation/over-images.js'
import type { Learner, Method, RunConfig } from '../methods/method.js'
import type { EpochMetrics } from '../methods/metrics.js'
import { imagesAsRead } from '../methods/reading.js'
import { givenClass, givenClasses } from '../models/conditional.js'
import { decode, encode, type Vae } from '../models/vae.js'
import { streamKey } from '../random.js'
import { arrayShape, type ImageArray, type ImageValues, imageArray, readImages } from './image-values.js'

/** Whatever draws or estimates takes a seed: the same seed gives the same numbers. */
export interface Seeded {
  /** A whole number; 1 if left out. */
  readonly seed?: number
}

/** What a conditional model takes beside images. */
export interface Labelled {
  /** The label of each image, by the names or numbers that the model was fitted with. Other models take none. */
  readonly labels?: LabelValues
}

/** What a conditional model takes where it draws. */
export interface OfClass {
  /** The class of all images, by its name or number. Other models take none. */
  readonly label?: string | number
}

/** log p(x) of each image, or log p(x|y) of a conditional model. */
export interface LogProb {
  /** In nats per image. */
  readonly values: Float32Array
  /** The Monte Carlo standard error of each value, in nats; absent where the value is exact or its error is not known. */
  readonly standardError?: Float32Array
  /** `exact`; `importance`: an estimate from q(z|x), low in expectation; `predictive`: under the posterior of the parameters; `annealing`. */
  readonly by: 'exact' | 'importance' | 'predictive' | 'annealing'
  /** Draws of z per image of an estimate by importance sampling. */
  readonly samples?: number
}

/** A model that was fitted or loaded. Every method reads its images as the model does: a Bernoulli model binarizes them, by the model's seed. */
export interface FittedModel {
  readonly method: string
  /** All settings. */
  readonly config: RunConfig
  /** The metrics of each pass, in nats per image. */
  readonly history: readonly EpochMetrics[]
  /** The shape of one image. */
  readonly image: ImageShape
  /** The names of the classes of a conditional model; absent for others. */
  readonly classes?: readonly string[]
  /**
   * Mean images of `count` draws from the prior, with the latents of each: z [count][latent], or the component of a mixture. Those of a
   * conditional model are of class `label`, or of all classes in turn; `labels` has the class of each.
   */
  sample(
    count: number,
    options?: Seeded & OfClass,
  ): Promise<ImageArray & { readonly z: number[][]; readonly labels?: readonly string[] }>
  /** For each image the mean image given its latents. */
  reconstruct(images: ImageValues, options?: Labelled): Promise<ImageArray>
  /** The evidence lower bound of each image, in nats: [count]. Of a VAE it takes as many draws of z as the last pass of its training. */
  elbo(images: ImageValues, options?: Seeded & Labelled): Promise<Float32Array>
  /** log p(x) of each image; `samples`: draws of z per image where it is estimated by importance sampling, 500 if left out. */
  logProb(images: ImageValues, options?: Seeded & Labelled & { readonly samples?: number }): Promise<LogProb>
  /** Writes a run directory, which `load` and every command of `elbo` read. Throws an Error if the folder already holds a run. */
  save(folder: string): Promise<void>
  /** Frees the tensors of the model. */
  dispose(): void
}

/** A VAE. */
export interface FittedVae extends FittedModel {
  /** The networks and distributions. */
  readonly vae: Vae
  /** E[z] under q(z|x) [count, latent], and the standard deviations of a single Gaussian layer. */
  encode(images: ImageValues, options?: Seeded & Labelled): Promise<Codes>
  /** The mean images of p(x|z) for z [count, latent]; of a conditional model those of class `label`. */
  decode(
    z: tf.Tensor | { readonly data: Float32Array; readonly shape: readonly number[] },
    options?: OfClass,
  ): Promise<ImageArray>
}

export interface Codes {
  readonly mean: Float32Array
  readonly standardDeviation?: Float32Array
  readonly shape: readonly [count: number, latent: number]
}

/** What a fitted model is made of. */
export interface Parts {
  readonly config: RunConfig
  readonly method: Method
  readonly learner: Learner
  readonly image: ImageShape
  /** The names of the classes of a conditional model. */
  readonly classes: readonly string[] | undefined
  readonly history: readonly EpochMetrics[]
  save(folder: string): Promise<void>
}

export function fittedModel(parts: Parts): FittedModel {
  const { config, method, learner, image, classes, history } = parts
  const { bound } = method.traits(config)
  const bounds = once(() => learner.bounds({ mode: config.compile }))
  const read = (values: ImageValues, labels: LabelValues | undefined) => imagesForModel(parts, values, labels)
  const boundsOf = async (values: ImageValues, labels: LabelValues | undefined, seed: number) =>
    bounds.get().run(await read(values, labels), { batchSize: EVALUATION_BATCH, key: streamKey(seed, 'evaluate') })
  return {
    method: method.name,
    config,
    history,
    image,
    ...(classes && { classes }),
    async sample(count, { seed = 1, label } = {}) {
      const number = numberOf('sample', label, classes)
      const picture = await learner.pictures.sample(streamKey(seed, 'sample'), requireCount('count', count), number)
      const labels = classes && picture.classes && Array.from(picture.classes, one => classes[one] as string)
      return { ...imageArray(picture), z: picture.z, ...(labels && { labels }) }
    },
    reconstruct: async (values, { labels } = {}) =>
      imageArray(await learner.pictures.reconstruct(await read(values, labels))),
    elbo: async (values, { seed = 1, labels } = {}) => (await boundsOf(values, labels, seed)).elbo as Float32Array,
    async logProb(values, { seed = 1, samples = 500, labels } = {}) {
      if (learner.vae)
        return byImportance(learner.vae, await read(values, labels), { seed, samples, mode: config.compile })
      const { elbo, logPredictive } = await boundsOf(values, labels, seed)
      if (bound.exact) return { values: elbo as Float32Array, by: 'exact' }
      if (logPredictive) return { values: logPredictive, by: 'predictive' }
      if (learner.annealer) return { values: elbo as Float32Array, by: 'annealing' }
      throw new Error(`logProb: ${method.name} by ${learner.algorithm} has only a bound, not log p(x); use elbo`)
    },
    save: parts.save,
    dispose() {
      bounds.made()?.dispose()
      learner.dispose()
    },
  }
}

/** A caller's images as the model reads them, with their classes if it reads these; binarized with the key of test images. */
async function imagesForModel(
  { config, method, image, classes: names }: Parts,
  values: ImageValues,
  labels: LabelValues | undefined,
): Promise<Images> {
  const images = await readImages('images', values, image)
  if (!names && labels !== undefined) throw new Error('labels: this model reads none; leave them out')
  const classes = names && { classes: classesOfLabels('labels', labels, images.count, names) }
  return imagesAsRead({ ...images, ...classes }, method.traits(config).reads, streamKey(config.seed, 'test'))
}

/** The number of a caller's class; undefined if there is none. Throws an Error if the model has no such class. */
function numberOf(called: string, label: string | number | undefined, names: readonly string[] | undefined) {
  if (label === undefined) return undefined
  const number = names?.indexOf(String(label)) ?? -1
  if (number >= 0) return number
  const expected = names ? `one of ${listed(names)} was expected` : 'this model reads no labels; leave it out'
  throw new Error(`${called}: label is ${JSON.stringify(label)}; ${expected}`)
}

/** The same with the codes of its encoder; undefined if there is none. */
export function fittedVae(parts: Parts): FittedVae | undefined {
  const { vae } = parts.learner
  if (!vae) return undefined
  const { image, classes } = parts
  return {
    ...fittedModel(parts),
    vae,
    async encode(values, { seed = 1, labels } = {}) {
      const seen = await imagesForModel(parts, values, labels)
      return codes(vae, seen, seed)
    },
    async decode(z, { label } = {}) {
      const number = numberOf('decode', label, classes)
      if (classes && number === undefined)
        throw new Error(`decode: label is missing; one of ${listed(classes)} was expected`)
      const { data, shape } = z instanceof tf.Tensor ? { data: await z.data<'float32'>(), shape: z.shape } : z
      const [count = 0, latent] = shape
      if (shape.length !== 2 || latent !== vae.latentDim || data.length !== count * latent)
        throw new Error(
          `decode: z of shape [${shape}] with ${data.length} values; [count, ${vae.latentDim}] was expected`,
        )
      const means = tf.tidy(() => decode(givenClass(vae, number), tf.tensor2d(data, [count, latent])).mean)
      const values = await means.data<'float32'>()
      means.dispose()
      return { data: values, shape: arrayShape(count, image) }
    },
  }
}

async function codes(vae: Vae, { pixels, count, classes }: Images, seed: number): Promise<Codes> {
  const tensors = tf.tidy(() => {
    const model = classes ? givenClasses(vae, tf.tensor1d(Float32Array.from(classes))) : vae
    const q = encode(model, tf.tensor2d(unitValues(pixels), [count, vae.pixels]))
    const [, logVar] = q.heads
    const isGaussian = vae.latents.reparameterized && vae.layers.length === 1
    const { mean } = q.expectations(streamKey(seed, 'encode'))
    return { mean: tf.clone(mean), ...(isGaussian && logVar && { standardDeviation: tf.exp(tf.mul(logVar, 0.5)) }) }
  })
  const values = await Promise.all(
    Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.data<'float32'>()] as const),
  )
  tf.dispose(tensors)
  const { mean, standardDeviation } = Object.fromEntries(values) as {
    mean: Float32Array
    standardDeviation?: Float32Array
  }
  return { mean, ...(standardDeviation && { standardDeviation }), shape: [mean.length / vae.latentDim, vae.latentDim] }
}

interface Importance {
  seed: number
  samples: number
  mode: RunConfig['compile'] | Choice['mode']
}

async function byImportance(
  vae: Vae,
  images: Parameters<typeof evaluateVae>[1],
  { seed, samples, mode }: Importance,
): Promise<LogProb> {
  const key = streamKey(seed, 'evaluate')
  const measured = await evaluateVae(vae, images, requireCount('samples', samples), {
    batchSize: EVALUATION_BATCH,
    key,
    mode,
  })
  if (!measured) throw new Error('logProb: there are no images')
  const { logPx, standardError } = measured.perImage
  return { values: logPx, standardError, by: 'importance', samples }
}

function requireCount(what: string, count: number): number {
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`${what} is ${count}; a whole number of at least 1 was expected`)
  return count
}

function once(make: () => Bounds): { get(): Bounds; made(): Bounds | undefined } {
  let value: Bounds | undefined
  return {
    get() {
      value ??= make()
      return value
    },
    made: () => value,
  }
}
