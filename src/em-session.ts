/** The models of `elbo em` with the algorithms that fit them. */
import type { Split } from './data/dataset.js'
import { type Features, featureMoments, newFeatures } from './data/features.js'
import type { EmConfig } from './em-config.js'
import { factorPictures, mixturePictures } from './em-pictures.js'
import type { Algorithm } from './inference/algorithm.js'
import { factorAnalysisEm } from './inference/factor-analysis-em.js'
import { trainMixture } from './inference/mixture-em.js'
import { startMixture } from './inference/mixture-starts.js'
import type { MixtureAlgorithm } from './inference/mixture-steps.js'
import { createBernoulliMixture } from './models/bernoulli-mixture.js'
import { createFactorAnalysis, initializeFactorAnalysis } from './models/factor-analysis.js'
import { createGaussianMixture } from './models/gaussian-mixture.js'
import type { Pictures } from './pictures.js'
import { streamKey } from './random.js'
import type { ImageSize, Session } from './session.js'
import { UsageError } from './settings.js'

/** Passes over a sample of the images that each of several starts gets before they are compared. */
const PASSES_PER_START = 5

/** A model and its algorithm with all their variables, not yet initialized; throws a `UsageError` where settings exclude each other. */
export function createEmSession(config: EmConfig, size: ImageSize): Session {
  if (config.model === 'vae') throw new UsageError('em vae: the neural decoder is not there yet') // TODO
  if (config.model.endsWith('mixture')) return mixtureSession(config, size)
  return factorSession(config, size)
}

function mixtureSession(config: EmConfig, size: ImageSize): Session {
  if (config.model === 'bernoulli-mixture' && config.pca !== null) {
    throw new UsageError('--pca: a mixture of Bernoullis reads binary pixels; leave this out')
  }
  const features = newFeatures(size, config.pca)
  const { components, covariance, prior } = config
  const data = { read: features.read, images: size.images }
  const shape = { pixels: features.size, components }
  const algorithm: MixtureAlgorithm =
    config.model === 'bernoulli-mixture'
      ? trainMixture(createBernoulliMixture(shape), {
          ...data,
          prior: { concentration: prior, pixels: [prior, prior] },
        })
      : trainMixture(createGaussianMixture({ ...shape, covariance }), {
          ...data,
          prior: { concentration: prior, regularization: config.varianceFloor },
        })
  const { mixture } = algorithm
  return session(config, algorithm, features, {
    pictures: mixturePictures(mixture, features),
    async initialize(images) {
      const options = {
        method: config.start,
        restarts: config.restarts,
        passes: config.restarts > 1 ? PASSES_PER_START : 0,
      }
      await startMixture(algorithm, images, { ...options, key: streamKey(config.seed, 'start') })
    },
    dispose: mixture.dispose,
  })
}

function factorSession(config: EmConfig, size: ImageSize): Session {
  const features = newFeatures(size, config.pca)
  const model = createFactorAnalysis({ features: features.size, latentDim: config.latentDim })
  const noise = config.model === 'ppca' ? 'isotropic' : 'diagonal'
  const algorithm = factorAnalysisEm(model, { read: features.read, noise, varianceFloor: config.varianceFloor })
  return session(config, algorithm, features, {
    pictures: factorPictures(model, features),
    async initialize(images) {
      const { mean, variance } = await featureMoments(images, features)
      initializeFactorAnalysis(model, streamKey(config.seed, 'start'), {
        mean,
        variance,
        varianceFloor: config.varianceFloor,
      })
    },
    dispose: model.dispose,
  })
}

interface Parts {
  pictures: Pictures
  /** Starts the model on the images of the first pass, once the features are there. */
  initialize(images: Split): Promise<void>
  dispose(): void
}

function session(config: EmConfig, algorithm: Algorithm, features: Features, parts: Parts): Session {
  return {
    method: `${config.method} em of ${config.model}`,
    algorithm: { ...algorithm, variables: new Map([...algorithm.variables, ...features.variables]) },
    pictures: parts.pictures,
    async initialize(data, images) {
      await features.initialize(data)
      await parts.initialize(images())
    },
    dispose() {
      algorithm.dispose()
      parts.dispose()
      features.dispose()
    },
  }
}
