/**
 * Mean-field variational inference for Bayesian mixtures (Bishop 2006, section 10.2; Attias 2000): coordinate ascent on q(Z) and
 * q(parameters). The E step is that of EM with expected log parameters. The bound Σ_n ELBO_n - KL(q(parameters) || p(parameters)) never
 * decreases.
 */
import * as tf from '#tfjs'
import { type Images, imageTensor } from '../../data/images.js'
import type { BernoulliMixture } from '../../models/mixtures/bernoulli.js'
import { createGaussianMixture, type GaussianMixture } from '../../models/mixtures/gaussian.js'
import type { GaussianMoments } from '../../models/mixtures/gaussian-structure.js'
import { assign, createVariables, type Mixture, type Moments } from '../../models/mixtures/mixture.js'
import {
  type BernoulliHyperparameters,
  bernoulliLogPredictive,
  bernoulliPosterior,
  bernoulliPosteriorShapes,
} from './bernoulli-posterior.js'
import { type GaussianHyperparameters, gaussianPosterior, gaussianPosteriorShapes } from './gaussian-posterior.js'
import type { GlobalPosterior } from './global-posterior.js'
import { type MixtureAlgorithm, type MixtureData, mixtureAlgorithm, passOver } from './steps.js'
import { typicalValues } from './typical-values.js'

export type BayesianBernoulliOptions = MixtureData & { hyperparameters?: Partial<BernoulliHyperparameters> }

export type BayesianGaussianOptions = MixtureData & { hyperparameters: GaussianHyperparameters }

/**
 * Mean field of a mixture. It begins at q = p, where all components are equal, so initialise it with `startMixture`. `finishPass` returns,
 * in nats per image, the bound after each half step and `parametersKl`, which is included in both; and the number of components that hold
 * at least one image. Throws an `Error` if a Gaussian prior has too few degrees of freedom.
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
      optimum: moments => gaussianPosterior(mixture, moments, hyperparameters),
    })
  }
  const defaults = { concentration: 1 / mixture.components, pixels: [1, 1] as const }
  const hyperparameters = { ...defaults, ...(options as BayesianBernoulliOptions).hyperparameters }
  return meanField(mixture, options, {
    shapes: bernoulliPosteriorShapes(mixture),
    optimum: moments => bernoulliPosterior(mixture, moments, hyperparameters),
    logPredictive: (posterior, x) => bernoulliLogPredictive(mixture, posterior, x),
  })
}

/** q(parameters) of a family. */
interface FamilyPosterior<Name extends string> {
  /** Shapes of its parameters, by name. */
  shapes: Record<string, number[]>
  /** The optimal posterior given the moments. */
  optimum(moments: Moments<Name>): GlobalPosterior
  /** log E_q[p(x)] of images x [batch, pixels], given q's parameters by name: [batch]. Absent without a closed form. */
  logPredictive?(posterior: ReadonlyMap<string, tf.Variable>, x: tf.Tensor): tf.Tensor
}

function meanField<Name extends string>(
  mixture: Mixture<Name>,
  data: MixtureData,
  { shapes, optimum, logPredictive }: FamilyPosterior<Name>,
): MixtureAlgorithm {
  const posterior = createVariables({ ...shapes, kl: [] })
  const adopt = (q: GlobalPosterior) => {
    assign(mixture.variables, { ...q.parameters, ...q.coefficients })
    assign(posterior, { ...q.posterior, kl: Float64Array.of(q.kl) })
  }
  adopt(optimum(zeroMoments(mixture)))
  const state = new Map([...posterior].map(([name, variable]) => [`posterior/${name}`, variable] as const))
  const algorithm = mixtureAlgorithm<Name>(
    mixture,
    data,
    state,
    async ({ images, moments, logProb, entropy, emptyComponents }) => {
      const klBefore = (await (posterior.get('kl') as tf.Variable).data())[0] as number
      const q = optimum(moments)
      adopt(q)
      const elboAfterM = (mixture.totalLogJoint(q.coefficients, moments) + entropy - q.kl) / images
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

function zeroMoments<Name extends string>({ components, momentShapes }: Mixture<Name>): Moments<Name> {
  const shapes: Record<string, number[]> = { ...momentShapes, counts: [components] }
  const zeros = Object.entries(shapes).map(([name, shape]) => [name, new Float64Array(tf.util.sizeFromShape(shape))])
  return Object.fromEntries(zeros) as Moments<Name>
}

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
 */
export async function gaussianHyperparameters(
  mixture: GaussianMixture,
  images: Images,
  read: MixtureData['read'],
): Promise<GaussianHyperparameters> {
  const { pixels, covariance: kind, components } = mixture
  const { count } = images
  const x = tf.tidy(() => read(imageTensor(images))) // [count, pixels]
  const responsibilities = tf.ones([1, count])
  const gaussian = createGaussianMixture({ pixels, components: 1, covariance: kind })
  gaussian.setOrigin(await typicalValues(x))
  const moments = (await passOver(gaussian, x, responsibilities)).moments as GaussianMoments
  tf.dispose([x, responsibilities])
  gaussian.dispose()
  const fromOrigin = moments.sums.map(total => total / count)
  const mean = fromOrigin.map((value, i) => value + (gaussian.origin[i] as number))
  const covariance = gaussian.structure.covariance(moments, 0, fromOrigin, 0)
  return {
    concentration: 1 / components,
    mean,
    meanPrecision: 1,
    covariance: covariance.map(value => (value * count) / (count - 1)),
    degreesOfFreedom: pixels,
  }
}
