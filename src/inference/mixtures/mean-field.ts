/**
 * Mean field for Bayesian mixtures (Bishop 2006, section 10.2; Attias 2000): q(Z) q(parameters), each in turn the best given the other.
 * The step is that of EM with expected log parameters; the bound Σ_n ELBO_n - KL(q(parameters) || p(parameters)) never falls.
 */
import * as tf from '@tensorflow/tfjs'
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
 * Mean field of a mixture, from q = p, where all components are equal: start it (`startMixture`). `finishPass` gives, in nats per image,
 * the bound after each half step, `parametersKl`, which is part of both, and how many components hold at least one image.
 */
export function bayesianMixture(mixture: BernoulliMixture, options: BayesianBernoulliOptions): MixtureAlgorithm
export function bayesianMixture(mixture: GaussianMixture, options: BayesianGaussianOptions): MixtureAlgorithm
export function bayesianMixture(
  ...[mixture, options]: [BernoulliMixture, BayesianBernoulliOptions] | [GaussianMixture, BayesianGaussianOptions]
): MixtureAlgorithm {
  if (mixture.family === 'gaussian') {
    const { hyperparameters } = options as BayesianGaussianOptions
    requireFreedom(mixture, hyperparameters)
    return meanField(mixture, options, {
      shapes: gaussianPosteriorShapes(mixture),
      of: moments => gaussianPosterior(mixture, moments, hyperparameters),
    })
  }
  const given = (options as BayesianBernoulliOptions).hyperparameters
  const hyperparameters = { concentration: 1 / mixture.components, pixels: [1, 1] as const, ...given }
  return meanField(mixture, options, {
    shapes: bernoulliPosteriorShapes(mixture),
    of: moments => bernoulliPosterior(mixture, moments, hyperparameters),
    logPredictive: (posterior, x) => bernoulliLogPredictive(mixture, posterior, x),
  })
}

/** q(parameters) of a family. */
interface FamilyPosterior<Name extends string> {
  /** Of its parameters. */
  shapes: Record<string, number[]>
  /** The best one given the moments. */
  of(moments: Moments<Name>): GlobalPosterior
  /** log E_q[p(x)] of images x [batch, pixels], with q's parameters by name, where it has a closed form: [batch]. */
  logPredictive?(posterior: ReadonlyMap<string, tf.Variable>, x: tf.Tensor): tf.Tensor
}

function meanField<Name extends string>(
  mixture: Mixture<Name>,
  data: MixtureData,
  { shapes, of, logPredictive }: FamilyPosterior<Name>,
): MixtureAlgorithm {
  const posterior = createVariables({ ...shapes, kl: [] })
  const adopt = (q: GlobalPosterior) => {
    assign(mixture.variables, { ...q.parameters, ...q.coefficients })
    assign(posterior, { ...q.posterior, kl: Float64Array.of(q.kl) })
  }
  adopt(of(noImages(mixture)))
  const state = new Map([...posterior].map(([name, variable]) => [`posterior/${name}`, variable] as const))
  const algorithm = mixtureAlgorithm<Name>(
    mixture,
    data,
    state,
    async ({ images, moments, logProb, entropy, emptyComponents }) => {
      const klBefore = (await (posterior.get('kl') as tf.Variable).data())[0] as number
      const q = of(moments)
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

/** The moments before any image is seen. */
function noImages<Name extends string>({ components, momentShapes }: Mixture<Name>): Moments<Name> {
  const shapes: Record<string, number[]> = { ...momentShapes, counts: [components] }
  const zeros = Object.entries(shapes).map(([name, shape]) => [name, new Float64Array(tf.util.sizeFromShape(shape))])
  return Object.fromEntries(zeros) as Moments<Name>
}

function requireFreedom({ covariance, pixels }: GaussianMixture, { degreesOfFreedom }: GaussianHyperparameters): void {
  const least = covariance === 'full' ? pixels - 1 : 0
  if (!(degreesOfFreedom > least))
    throw new Error(
      `degreesOfFreedom ${degreesOfFreedom}: a number above ${least} is needed for a ${covariance} covariance`,
    )
}

/**
 * scikit-learn's defaults: concentration 1 / components, meanPrecision 1, pixels degrees of freedom, and the mean and the covariance (by
 * n - 1) of the images.
 */
export async function gaussianHyperparameters(
  mixture: GaussianMixture,
  images: Images,
  read: MixtureData['read'],
): Promise<GaussianHyperparameters> {
  const { pixels, covariance: kind, components } = mixture
  const { count } = images
  const x = tf.tidy(() => read(imageTensor(images))) // [count, pixels]
  const all = tf.ones([1, count])
  const whole = createGaussianMixture({ pixels, components: 1, covariance: kind })
  whole.setOrigin(await typicalValues(x))
  const moments = (await passOver(whole, x, all)).moments as GaussianMoments
  tf.dispose([x, all])
  whole.dispose()
  const fromOrigin = moments.sums.map(total => total / count)
  const mean = fromOrigin.map((value, i) => value + (whole.origin[i] as number))
  const covariance = whole.structure.covariance(moments, 0, fromOrigin, 0)
  return {
    concentration: 1 / components,
    mean,
    meanPrecision: 1,
    covariance: covariance.map(value => (value * count) / (count - 1)),
    degreesOfFreedom: pixels,
  }
}
