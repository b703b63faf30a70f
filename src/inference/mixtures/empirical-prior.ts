/** An empirical prior for a Bayesian Gaussian mixture, computed from the images when a run starts and saved in its state. */
import * as tf from '#tfjs'
import type { ImageSet } from '../../data/images.js'
import type { GaussianMixture } from '../../models/mixtures/gaussian.js'
import { createVariables } from '../../models/mixtures/mixture.js'
import type { GaussianHyperparameters } from './gaussian-posterior.js'
import { gaussianHyperparameters } from './mean-field.js'
import type { MixtureData } from './steps.js'

export interface EmpiricalPrior {
  /** Updated in place by `initialize` and `restored`; before that, mean 0 and covariance I. */
  readonly hyperparameters: GaussianHyperparameters
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** Sets scikit-learn's defaults: mean and covariance of the images. */
  initialize(images: ImageSet): Promise<void>
  /** Call after the variables were restored from a snapshot. */
  restored(): void
  dispose(): void
}

/** `varianceFloor` is added to the variances of the covariance, so that the density exists even if a feature is constant. */
export function empiricalPrior(
  mixture: GaussianMixture,
  read: MixtureData['read'],
  concentration: number,
  varianceFloor: number,
): EmpiricalPrior {
  const { pixels, structure } = mixture
  const shapes = { 'prior/mean': [pixels], 'prior/covariance': structure.covarianceShape.slice(1) }
  const variables = createVariables(shapes)
  const [mean, covariance] = [...variables.values()] as [tf.Variable, tf.Variable]
  const identity = Float64Array.from({ length: covariance.size }, (_, i) => (isVariance(i, covariance, pixels) ? 1 : 0))
  const hyperparameters: GaussianHyperparameters = {
    concentration,
    mean: new Float64Array(pixels),
    meanPrecision: 1,
    covariance: identity,
    degreesOfFreedom: pixels,
  }
  const restored = () => {
    hyperparameters.mean.set(mean.dataSync<'float32'>())
    hyperparameters.covariance.set(covariance.dataSync<'float32'>())
  }
  return {
    hyperparameters,
    variables,
    async initialize(images) {
      const found = await gaussianHyperparameters(mixture, images, read)
      const floored = found.covariance.map((value, i) =>
        isVariance(i, covariance, pixels) ? value + varianceFloor : value,
      )
      tf.tidy(() => {
        mean.assign(tf.tensor(Float32Array.from(found.mean), mean.shape))
        covariance.assign(tf.tensor(Float32Array.from(floored), covariance.shape))
      })
      restored()
    },
    restored,
    dispose: () => tf.dispose([mean, covariance]),
  }
}

/** Whether entry i of a component's covariance is a variance: every entry, unless the covariance is a matrix. */
const isVariance = (i: number, { shape }: tf.Variable, pixels: number): boolean =>
  shape.length < 2 || i % (pixels + 1) === 0
