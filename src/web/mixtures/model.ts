/** Mixtures and factor analysis of runs, in the page: the program's own models, with the parameters of a snapshot. */
import { Matrix } from 'ml-matrix'
import * as tf from '#tfjs'
import { exactBound, posteriorMean } from '../../models/factor-analysis/densities.js'
import { createFactorAnalysis, posteriorOf, setParameters } from '../../models/factor-analysis/model.js'
import { createBernoulliMixture, setBernoulliParameters } from '../../models/mixtures/bernoulli.js'
import { createGaussianMixture, type GaussianMixture, setGaussianParameters } from '../../models/mixtures/gaussian.js'
import { column, type Mixture, posterior, variable } from '../../models/mixtures/mixture.js'
import { type LoadedFeatures, loadFeatures } from './features.js'
import type { RunTensors } from './run-tensors.js'

/** One thing that images are made of: a component, or a factor. */
export interface Ingredient {
  /** Its number in the model, from 0. */
  index: number
  /** The weight of a component, or a factor's share of what the factors add to the variance of pixels over images; both sum to 1. */
  weight: number
  /** Images in [0, 1]: the mean of a component, or the mean image with one factor at each of `FACTOR_STEPS`. */
  images: readonly Float32Array[]
}

/**
 * Values of a factor that its images show, around its mean over images and in units of its standard deviation over images: EM that has not
 * converged leaves factors far from their prior.
 */
export const FACTOR_STEPS = [-2, -1, 0, 1, 2] as const

/** What the model says of one image, in nats. */
export interface Explanation {
  /** log p(x), or under mean field the bound without the KL term of the parameters. */
  bound: number
  /** bound = reconstruction - kl. */
  reconstruction: number
  kl: number
  /** By index: responsibilities, which sum to 1, or the mean of z. */
  amounts: Float32Array
  /** The standard deviation of each z, the same for all images; absent for components. */
  sds?: Float32Array
  /** The mean image under the posterior, in [0, 1]. */
  image: Float32Array
}

/** A model that can compute. */
export interface EmModel {
  readonly kind: 'components' | 'factors'
  readonly epoch: number
  /** Whether `bound` is log p(x). */
  readonly givesLogPx: boolean
  /** In the order of the model. */
  readonly ingredients: readonly Ingredient[]
  /** The posterior of an image, given as levels 0 … 255 [pixels] as the model reads them. */
  explain(levels: ArrayLike<number>): Promise<Explanation>
  dispose(): void
}

/**
 * Builds the model of a run from its tensors; factors are shown by what they are to `images`, levels [count, pixels] as the model reads them.
 * Throws an Error if the tensors are those of another kind of model.
 */
export async function loadEmModel(run: string, tensors: RunTensors, images: tf.Tensor2D): Promise<EmModel> {
  const features = await loadFeatures(tensors)
  if (tensors.has('log_on')) return mixtureModel(tensors, await bernoulli(tensors), features)
  if (tensors.has('covariances')) return mixtureModel(tensors, await gaussian(tensors), features)
  if (tensors.has('W')) return factorModel(tensors, features, images)
  features.dispose()
  throw new Error(`run ${run} has no components and no factors; choose a run of \`elbo em\``)
}

const all = (tensors: RunTensors, ...names: string[]) => Promise.all(names.map(name => tensors.values(name)))

async function bernoulli(tensors: RunTensors): Promise<Mixture> {
  const names = ['weights', 'means', 'log_weights', 'log_on', 'log_off']
  const [weights, means, log_weights, log_on, log_off] = (await all(tensors, ...names)) as Five
  const [components, pixels] = tensors.shape('means') as [number, number]
  const mixture = createBernoulliMixture({ components, pixels })
  // The logarithms are stored too, because under mean field they are not those of the parameters.
  setBernoulliParameters(
    mixture,
    { weights, means },
    isMeanField(tensors) ? { log_weights, log_on, log_off } : undefined,
  )
  return mixture
}

type Five = [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]

async function gaussian(tensors: RunTensors): Promise<Mixture> {
  const names = ['weights', 'means', 'covariances', 'log_weights', 'constants']
  const [weights, means, covariances, logWeights, constants] = (await all(tensors, ...names)) as Five
  const [components, pixels] = tensors.shape('means') as [number, number]
  const mixture = createGaussianMixture({ components, pixels, covariance: covarianceOf(tensors) })
  const rest = await tensors.values('constants_rest') // log w_k, and what float32 rounds off the constant
  const constant = (k: number) => (constants[k] as number) + (rest[k] as number) - (logWeights[k] as number)
  setGaussianParameters(
    mixture,
    { weights, means, covariances },
    isMeanField(tensors) ? { logWeights, constant } : undefined,
  )
  return mixture
}

/** A posterior over the parameters is stored beside them. */
const isMeanField = ({ names }: RunTensors): boolean => names.some(name => name.startsWith('posterior/'))

/** By the number of axes of the covariances: [K], [K, features], [K, features, features]. */
const covarianceOf = (tensors: RunTensors): GaussianMixture['covariance'] =>
  (['spherical', 'diagonal', 'full'] as const)[tensors.shape('covariances').length - 1] ?? 'full'

async function mixtureModel(tensors: RunTensors, mixture: Mixture, features: LoadedFeatures): Promise<EmModel> {
  const weights = await tensors.values('weights')
  const images = await rowsOf(mixture.components, () => features.show(variable(mixture, 'means')))
  return {
    kind: 'components',
    epoch: tensors.epoch,
    givesLogPx: !isMeanField(tensors),
    ingredients: images.map((image, index) => ({ index, weight: weights[index] as number, images: [image] })),
    async explain(levels) {
      const [numbers, amounts, image] = await valuesOf(() => {
        const x = features.read(rowOf(levels))
        const { logProb, responsibilities, logResponsibilities } = posterior(mixture, x)
        const logRatio = tf.sub(logResponsibilities, column(variable(mixture, 'log_weights')))
        const kl = tf.sum(tf.mul(responsibilities, logRatio))
        const mean = tf.matMul(responsibilities, variable(mixture, 'means') as tf.Tensor, true)
        return [tf.stack([tf.squeeze(logProb), kl]), responsibilities, features.show(mean)]
      })
      const [bound = Number.NaN, kl = Number.NaN] = numbers as Float32Array
      return { bound, kl, reconstruction: bound + kl, amounts: amounts as Float32Array, image: image as Float32Array }
    },
    dispose() {
      mixture.dispose()
      features.dispose()
    },
  }
}

async function factorModel(tensors: RunTensors, features: LoadedFeatures, seen: tf.Tensor2D): Promise<EmModel> {
  const [size, latentDim] = tensors.shape('W') as [number, number]
  const [mu, loadings, psi] = (await all(tensors, 'mu', 'W', 'psi')) as [Float64Array, Float64Array, Float64Array]
  const model = createFactorAnalysis({ features: size, latentDim })
  const theta = setParameters(model, { mu, W: Matrix.from1DArray(size, latentDim, loadings), psi })
  const sds = Float32Array.from(posteriorOf(theta).covariance.diagonal(), Math.sqrt)
  const spread = await spreadOf(latentDim, () => posteriorMean(model, features.read(seen)))
  const squares = theta.W.clone()
    .pow(2)
    .sum('column')
    .map((square, j) => square * (spread.sds[j] as number) ** 2)
  const total = squares.reduce((sum, value) => sum + value, 0)
  const decoded = (z: tf.Tensor) =>
    features.show(tf.add(tf.matMul(z as tf.Tensor2D, model.W as tf.Tensor, false, true), model.mu))
  const images = await rowsOf(latentDim * FACTOR_STEPS.length, () => decoded(stepsOfFactors(spread)))
  return {
    kind: 'factors',
    epoch: tensors.epoch,
    givesLogPx: true,
    ingredients: squares.map((square, index) => ({
      index,
      weight: square / total,
      images: images.slice(index * FACTOR_STEPS.length, (index + 1) * FACTOR_STEPS.length),
    })),
    async explain(levels) {
      const [numbers, amounts, image] = await valuesOf(() => {
        const x = features.read(rowOf(levels))
        const mean = posteriorMean(model, x)
        const { elbo, reconstruction, kl } = exactBound(model, x, mean)
        return [tf.concat([elbo, reconstruction, kl]), mean, decoded(mean)]
      })
      const [bound = Number.NaN, reconstruction = Number.NaN, kl = Number.NaN] = numbers as Float32Array
      return { bound, reconstruction, kl, sds, amounts: amounts as Float32Array, image: image as Float32Array }
    },
    dispose() {
      model.dispose()
      features.dispose()
    },
  }
}

/** Mean and standard deviation over images of each z, [factors]. */
interface Spread {
  means: number[]
  sds: number[]
}

async function spreadOf(latentDim: number, compute: () => tf.Tensor): Promise<Spread> {
  const [means, variances] = await valuesOf(() => {
    const { mean, variance } = tf.moments(compute(), 0)
    return [mean, variance]
  })
  const at = (values: Float32Array | undefined) => Array.from({ length: latentDim }, (_, j) => values?.[j] as number)
  return { means: at(means), sds: at(variances).map(Math.sqrt) }
}

/** z with one factor at each of its steps, the others at their means: [factors x steps, factors]. */
function stepsOfFactors({ means, sds }: Spread): tf.Tensor2D {
  const rows = sds.flatMap((sd, j) =>
    FACTOR_STEPS.map(step => means.map((mean, i) => (i === j ? mean + step * sd : mean))),
  )
  return tf.tensor2d(rows)
}

const rowOf = (levels: ArrayLike<number>): tf.Tensor2D => tf.tensor2d(Float32Array.from(levels), [1, levels.length])

/** The rows of a tensor [rows, width]. */
async function rowsOf(rows: number, compute: () => tf.Tensor): Promise<Float32Array[]> {
  const [values = new Float32Array()] = await valuesOf(() => [compute()])
  const width = values.length / rows
  return Array.from({ length: rows }, (_, i) => values.subarray(i * width, (i + 1) * width))
}

/** The values of tensors, which are freed. */
async function valuesOf(compute: () => tf.Tensor[]): Promise<Float32Array[]> {
  const tensors = tf.tidy(compute)
  const values = await Promise.all(tensors.map(tensor => tensor.data<'float32'>()))
  tf.dispose(tensors)
  return values
}
