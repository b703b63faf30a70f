/**
 * Mean-field variational inference for Bayesian mixtures (Bishop 2006, section 10.2; Attias 2000): coordinate ascent on q(Z) and
 * q(parameters). The E step is that of EM with expected log parameters. The bound Σ_n ELBO_n - KL(q(parameters) || p(parameters)) never
 * decreases.
 */
import * as tf from '#tfjs'
import { type ImageSet, imageTensor } from '../../data/images.js'
import type { BernoulliMixture, BernoulliMoments } from '../../models/mixtures/bernoulli.js'
import { createGaussianMixture, type GaussianMixture, gaussianStatistics } from '../../models/mixtures/gaussian.js'
import type { GaussianMoments, GaussianStatistics } from '../../models/mixtures/gaussian-structure.js'
import { assign, createVariables, type Mixture, type Moments } from '../../models/mixtures/mixture.js'
import {
  type BernoulliHyperparameters,
  bernoulliLogPredictive,
  bernoulliPosterior,
  bernoulliPosteriorShapes,
  restoreBernoulliPosterior,
} from './bernoulli-posterior.js'
import {
  type GaussianHyperparameters,
  gaussianPosterior,
  gaussianPosteriorShapes,
  restoreGaussianPosterior,
} from './gaussian-posterior.js'
import type { GlobalPosterior } from './global-posterior.js'
import { type MixtureAlgorithm, type MixtureData, mixtureAlgorithm, passOver } from './steps.js'

export type BayesianBernoulliOptions = MixtureData & { hyperparameters?: Partial<BernoulliHyperparameters> }

export type BayesianGaussianOptions = MixtureData & { hyperparameters: GaussianHyperparameters }

/**
 * Mean field of a mixture. It begins at q = p, where all components are equal, so initialise it with `startMixture`. `finishPass` returns,
 * in nats per image, the bound after each half step and `parametersKl`, which is included in both; and the number of components that hold
 * at least one image. Throws an `Error` if a Gaussian prior has too few degrees of freedom.
 *
 * @example
 * const mixture = createBernoulliMixture({ pixels: 4, components: 2 })
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const read = (batch: tf.Tensor) => tf.div(batch, 255)
 * const em = bayesianMixture(mixture, { images: images.count, read })
 * await startMixture(em, images, { method: 'random', key: streamKey(1, 'start'), restarts: 1, passes: 0 })
 * const batch = tf.tensor2d(images.pixels, [2, 4], 'float32')
 * tf.tidy(() => em.step(batch, [0, 0], { learningRate: 0, beta: 1, used: 2, first: 0 })) // the E step of a batch
 * const { elboAfterE = 0, elboAfterM = 0 } = await em.finishPass() // the update of q(parameters)
 * console.log(elboAfterM >= elboAfterE) // true
 */
export function bayesianMixture(mixture: BernoulliMixture, options: BayesianBernoulliOptions): MixtureAlgorithm
export function bayesianMixture(mixture: GaussianMixture, options: BayesianGaussianOptions): MixtureAlgorithm
export function bayesianMixture(
  ...[mixture, options]: [BernoulliMixture, BayesianBernoulliOptions] | [GaussianMixture, BayesianGaussianOptions]
): MixtureAlgorithm {
  if (mixture.family === 'gaussian') {
    const { hyperparameters } = options as BayesianGaussianOptions
    checkDegreesOfFreedom(mixture, hyperparameters)
    return meanField(mixture, options, {
      shapes: gaussianPosteriorShapes(mixture),
      prior: () => gaussianPosterior(mixture, noStatistics(mixture), 0, hyperparameters),
      optimum: async (moments, count) =>
        gaussianPosterior(mixture, await gaussianStatistics(mixture, moments), count, hyperparameters),
      restored: posterior => restoreGaussianPosterior(mixture, posterior),
    })
  }
  const defaults = { concentration: 1 / mixture.components, pixels: [1, 1] as const }
  const hyperparameters = { ...defaults, ...(options as BayesianBernoulliOptions).hyperparameters }
  return meanField(mixture, options, {
    shapes: bernoulliPosteriorShapes(mixture),
    prior: () => bernoulliPosterior(mixture, noMoments(mixture), hyperparameters),
    optimum: async moments => bernoulliPosterior(mixture, moments, hyperparameters),
    restored: posterior => restoreBernoulliPosterior(mixture, posterior),
    logPredictive: bernoulliLogPredictive,
  })
}

/** q(parameters) of a family. */
interface FamilyPosterior<Name extends string> {
  /** Shapes of its parameters, by name. */
  shapes: Record<string, number[]>
  /** Before any image is seen. */
  prior(): GlobalPosterior
  /** The optimal posterior given the moments; the mixture adopts it. */
  optimum(moments: Moments<Name>, images: number): Promise<GlobalPosterior>
  /** Derives anew what follows from q's parameters, after they were restored. */
  restored(posterior: ReadonlyMap<string, tf.Variable>): void
  /** log E_q[p(x)] of images x [batch, pixels], given q's parameters by name: [batch]. Absent without a closed form. */
  logPredictive?(posterior: ReadonlyMap<string, tf.Variable>, x: tf.Tensor): tf.Tensor
}

function meanField<Name extends string>(
  mixture: Mixture<Name>,
  data: MixtureData,
  { shapes, prior, optimum, restored, logPredictive }: FamilyPosterior<Name>,
): MixtureAlgorithm {
  const posterior = createVariables({ ...shapes, kl: [] })
  const kl = posterior.get('kl') as tf.Variable
  const keep = (q: GlobalPosterior) => assign(posterior, { ...q.posterior, kl: Float64Array.of(q.kl) })
  keep(prior())
  const state = {
    variables: new Map([...posterior].map(([name, variable]) => [`posterior/${name}`, variable] as const)),
    parametersKl: kl,
    restored: () => restored(posterior),
  }
  const algorithm = mixtureAlgorithm<Name>(
    mixture,
    data,
    state,
    async ({ images, moments, logProb, entropy, emptyComponents }) => {
      const klBefore = (await kl.data())[0] as number
      const q = await optimum(moments, images)
      keep(q)
      const elboAfterM = (q.logJoint + entropy - q.kl) / images
      return {
        elboAfterE: (logProb - klBefore) / images,
        elboAfterM,
        objective: elboAfterM,
        parametersKl: q.kl / images,
        usedComponents: moments.counts.filter(count => count >= 1).length,
        emptyComponents,
      }
    },
  )
  if (!logPredictive) return algorithm
  const bound: MixtureAlgorithm['bound'] = (batch, key) => ({
    ...algorithm.bound(batch, key),
    logPredictive: logPredictive(posterior, data.read(batch)),
  })
  return { ...algorithm, bound }
}

const noMoments = ({ components, pixels }: BernoulliMixture): BernoulliMoments => ({
  counts: new Float64Array(components),
  sums: new Float64Array(components * pixels),
})

const noStatistics = ({ components, pixels, structure }: GaussianMixture): GaussianStatistics => ({
  counts: new Float64Array(components),
  means: new Float64Array(components * pixels),
  covariances: new Float64Array(tf.util.sizeFromShape(structure.covarianceShape)),
})

function checkDegreesOfFreedom(
  { covariance, pixels }: GaussianMixture,
  { degreesOfFreedom }: GaussianHyperparameters,
): void {
  const limit = covariance === 'full' ? pixels - 1 : 0
  if (!(degreesOfFreedom > limit))
    throw new Error(`degreesOfFreedom ${degreesOfFreedom}: must be above ${limit} for a ${covariance} covariance`)
}

/**
 * scikit-learn's defaults: concentration 1 / components, meanPrecision 1, degreesOfFreedom = pixels, and the mean and covariance of the
 * images (normalised by n - 1).
 *
 * @example
 * const mixture = createGaussianMixture({ pixels: 4, components: 2, covariance: 'diagonal' })
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const { mean, degreesOfFreedom } = await gaussianHyperparameters(mixture, images, batch => tf.div(batch, 255))
 * console.log(mean, degreesOfFreedom) // Float64Array(4) [ 0.5, 1, 0.5, 0 ] 4
 */
export async function gaussianHyperparameters(
  mixture: GaussianMixture,
  images: ImageSet,
  read: MixtureData['read'],
): Promise<GaussianHyperparameters> {
  const { pixels, covariance: kind, components } = mixture
  const { count } = images
  const x = tf.tidy(() => read(imageTensor(images))) // [count, pixels]
  const responsibilities = tf.ones([1, count])
  const gaussian = createGaussianMixture({ pixels, components: 1, covariance: kind })
  await gaussian.adapt?.(x)
  const { moments } = await passOver(gaussian, x, responsibilities)
  const { means, covariances } = await gaussianStatistics(gaussian, moments as GaussianMoments)
  tf.dispose([x, responsibilities])
  gaussian.dispose()
  return {
    concentration: 1 / components,
    mean: means,
    meanPrecision: 1,
    covariance: covariances.map(value => (value * count) / (count - 1)),
    degreesOfFreedom: pixels,
  }
}
