/** The models of `elbo em` with the algorithms that fit them. */
import type { Split } from '../data/dataset.js'
import { type Features, featureMoments, newFeatures } from '../data/features.js'
import { meanImage } from '../data/images.js'
import type { Algorithm } from '../inference/algorithm.js'
import { monteCarloEm } from '../inference/decoder/monte-carlo-em.js'
import { factorAnalysisEm } from '../inference/factor-analysis/em.js'
import { monteCarloFactorAnalysis } from '../inference/factor-analysis/monte-carlo.js'
import { mixtureEm } from '../inference/mixtures/em.js'
import { type EmpiricalPrior, empiricalPrior } from '../inference/mixtures/empirical-prior.js'
import { bayesianMixture } from '../inference/mixtures/mean-field.js'
import { startMixture } from '../inference/mixtures/starts.js'
import type { MixtureAlgorithm, MixtureData } from '../inference/mixtures/steps.js'
import { createFactorAnalysis, initializeFactorAnalysis } from '../models/factor-analysis.js'
import { createBernoulliMixture } from '../models/mixtures/bernoulli.js'
import { createGaussianMixture } from '../models/mixtures/gaussian.js'
import { createVae, initialize } from '../models/vae.js'
import { streamKey } from '../random.js'
import { temperatures } from '../sampling/annealing.js'
import { UsageError } from '../settings/setting.js'
import type { EmConfig } from './em-config.js'
import { factorPictures, mixturePictures } from './em-pictures.js'
import { type Pictures, vaePictures } from './pictures.js'
import type { ImageSize, Session } from './session.js'

/** Passes over a sample of the images that each of several starts gets before they are compared. */
const PASSES_PER_START = 5

/** HMC's step size varies by so much from transition to transition, so that no orbit closes (Neal 2011, section 3.2). */
const JITTER = 0.2
/** Images whose chains are judged by ESS and R-hat after each pass. */
const JUDGED = 100
/** How the bound of a neural decoder without an encoder is found: annealed importance sampling. */
const ANNEALING = {
  temperatures: temperatures(100),
  chains: 1,
  chainsAtOnce: 500,
  stepSize: 0.1,
  leapfrogSteps: 5,
  jitter: JITTER,
  targetAcceptance: 0.9,
}
/** Validation images whose bound is found after each pass. */
const ANNEALED_IMAGES = 500
const ADAM = { optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const

/** A model and its algorithm with all their variables, not yet initialized; throws a `UsageError` where settings exclude each other. */
export function createEmSession(config: EmConfig, size: ImageSize): Session {
  requireMeaning(config)
  if (config.model === 'vae') return decoderSession(config, size)
  return config.model.endsWith('mixture') ? mixtureSession(config, size) : factorSession(config, size)
}

/** Refuses settings that the model or the method cannot follow. */
function requireMeaning({ model, method, sampler, pca }: EmConfig): void {
  const mixture = model.endsWith('mixture')
  if (method === 'mean-field' && !mixture)
    throw new UsageError(`em ${model} --method mean-field: mean field is for the Bayesian mixtures; use a mixture`)
  if (model === 'vae' && method === 'exact')
    throw new UsageError(
      "em vae --method exact: a neural decoder's posterior has no closed form; use --method monte-carlo",
    )
  if (pca !== null && (model === 'bernoulli-mixture' || model === 'vae'))
    throw new UsageError(`em ${model} --pca ${pca}: this model reads binary pixels; leave this out`)
  if (method !== 'monte-carlo') return
  const possible = mixture
    ? ['direct']
    : model === 'vae'
      ? ['metropolis', 'hmc']
      : ['direct', 'gibbs', 'metropolis', 'hmc']
  if (!possible.includes(sampler))
    throw new UsageError(`em ${model} --sampler ${sampler}: ${possible.join(', ')} can be used for this model`)
}

/** How the chains of every image move. */
function chainOptions(config: EmConfig, { images }: ImageSize) {
  const { samples, chains, leapfrogSteps, stepSize, adaptPasses, batchSize } = config
  const targetAcceptance = config.targetAcceptance ?? (config.sampler === 'metropolis' ? 0.4 : 0.9)
  const moves = { transitions: samples, chains, leapfrogSteps, stepSize, adaptPasses, targetAcceptance, jitter: JITTER }
  return { ...moves, images, batchSize, judged: Math.min(JUDGED, images) }
}

function decoderSession(config: EmConfig, size: ImageSize): Session {
  const { hidden, latentDim, activation, sampler } = config
  if (sampler !== 'metropolis' && sampler !== 'hmc') throw new Error(`em vae: no sampler ${sampler}`)
  const vae = createVae({ ...size, hidden, latentDim, activation })
  const { updates } = config
  const annealed = { annealing: ANNEALING, validationImages: ANNEALED_IMAGES }
  const options = { ...chainOptions(config, size), ...ADAM, ...annealed, sampler, updates }
  const algorithm = monteCarloEm(vae, options, streamKey(config.seed, 'chains'))
  return {
    method: nameOf(config),
    algorithm,
    pictures: vaePictures(vae),
    initialize: data => initialize(vae, streamKey(config.seed, 'weights'), meanImage(data.train)),
    dispose() {
      algorithm.dispose()
      vae.dispose()
    },
  }
}

const nameOf = ({ method, model }: EmConfig): string => `${method} em of ${model}`

function mixtureSession(config: EmConfig, size: ImageSize): Session {
  const features = newFeatures(size, config.pca)
  const data = { read: features.read, images: size.images }
  const { algorithm, prior } = mixtureAlgorithmOf(config, features.size, data)
  const { mixture } = algorithm
  const parts: Parts = {
    pictures: mixturePictures(mixture, features),
    async initialize(images) {
      await prior?.initialize(images)
      const passes = config.restarts > 1 ? PASSES_PER_START : 0
      const key = streamKey(config.seed, 'start')
      await startMixture(algorithm, images, { method: config.start, restarts: config.restarts, passes, key })
    },
    dispose() {
      mixture.dispose()
      prior?.dispose()
    },
  }
  if (!prior) return session(config, algorithm, features, parts)
  const variables = new Map([...algorithm.variables, ...prior.variables])
  return { ...session(config, { ...algorithm, variables }, features, parts), restored: prior.restored }
}

type Fitted = { algorithm: MixtureAlgorithm; prior?: EmpiricalPrior }

function mixtureAlgorithmOf(config: EmConfig, features: number, data: MixtureData): Fitted {
  const { components, covariance, prior, method } = config
  const samples = method === 'monte-carlo' ? config.samples : undefined
  const shape = { pixels: features, components }
  const concentration = config.concentration ?? 1 / components
  if (config.model === 'bernoulli-mixture') {
    const mixture = createBernoulliMixture(shape)
    if (method === 'mean-field')
      return { algorithm: bayesianMixture(mixture, { ...data, hyperparameters: { concentration } }) }
    const options = { ...data, samples, prior: { concentration: prior, pixels: [prior, prior] as const } }
    return { algorithm: mixtureEm(mixture, options) }
  }
  const mixture = createGaussianMixture({ ...shape, covariance })
  if (method === 'mean-field') {
    const prior = empiricalPrior(mixture, data.read, concentration, config.varianceFloor)
    return { algorithm: bayesianMixture(mixture, { ...data, hyperparameters: prior.hyperparameters }), prior }
  }
  const options = { ...data, samples, prior: { concentration: prior, regularization: config.varianceFloor } }
  return { algorithm: mixtureEm(mixture, options) }
}

function factorSession(config: EmConfig, size: ImageSize): Session {
  const features = newFeatures(size, config.pca)
  const model = createFactorAnalysis({ features: features.size, latentDim: config.latentDim })
  const noise = config.model === 'ppca' ? 'isotropic' : 'diagonal'
  const options = { read: features.read, noise, varianceFloor: config.varianceFloor } as const
  const algorithm =
    config.method === 'exact'
      ? factorAnalysisEm(model, options)
      : monteCarloFactorAnalysis(
          model,
          { ...options, ...chainOptions(config, size), sampler: config.sampler, discard: config.discard },
          streamKey(config.seed, 'chains'),
        )
  return session(config, algorithm, features, {
    pictures: factorPictures(model, features),
    async initialize(images) {
      const { mean, variance } = await featureMoments(images, features)
      initializeFactorAnalysis(model, streamKey(config.seed, 'start'), {
        mean,
        variance,
        noise,
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
    method: nameOf(config),
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
