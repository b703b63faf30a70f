/** What the mixtures share: settings, pictures, and a learner of any of them. */
import * as tf from '@tensorflow/tfjs'
import { z } from 'zod'
import type { Features } from '../data/features.js'
import { imageTensor } from '../data/images.js'
import { boundsInOneStep } from '../evaluation/bound.js'
import type { EmpiricalPrior } from '../inference/mixtures/empirical-prior.js'
import { startMethods, startMixture } from '../inference/mixtures/starts.js'
import type { MixtureAlgorithm } from '../inference/mixtures/steps.js'
import { type Mixture, posterior, sample, variable } from '../models/mixtures/mixture.js'
import { streamKey } from '../random.js'
import { idle } from '../settings/rules.js'
import { choice, read, setting, wholeNumber } from '../settings/setting.js'
import { emAlgorithm, type eSteps } from './em.js'
import type { Learner } from './method.js'
import { type Pictures, readPicture } from './pictures.js'

export const mixtureSettings = {
  components: wholeNumber([1, 1e5], 10, 'components of the mixture'),
  concentration: setting(
    z.number().positive().nullable(),
    null,
    "a number above 0, or 'off'",
    'mean field: Dirichlet prior on the weights; off means 1 / components',
    read.numberOrOff,
  ),
  start: choice(startMethods, 'k-means++', 'how the first components are found'),
  restarts: wholeNumber([1, 1000], 1, 'starts that are tried for a few passes; the best goes on'),
  samples: wholeNumber([1, 1e4], 1, 'Monte Carlo EM: draws of z per image and pass; 1 is stochastic EM'),
}

export interface MixtureConfig {
  method: keyof typeof eSteps
  components: number
  concentration: number | null
  prior: number
  start: (typeof startMethods)[number]
  restarts: number
  samples: number
  seed: number
}

/** Settings of one E step that another one ignores. */
export const mixtureRules = [
  idle<MixtureConfig>(
    ['samples'],
    ({ method }) => method !== 'monte-carlo',
    ({ method }) => `has no effect with --method ${method}; leave it out, or use --method monte-carlo`,
  ),
  idle<MixtureConfig>(
    ['prior'],
    ({ method }) => method === 'mean-field',
    () => 'has no effect with --method mean-field, whose priors are on the parameters; use --concentration',
  ),
  idle<MixtureConfig>(
    ['concentration'],
    ({ method }) => method !== 'mean-field',
    ({ method }) => `has no effect with --method ${method}; leave it out, or use --method mean-field`,
  ),
]

/** Passes over a sample of the images that each of several starts gets before they are compared. */
const PASSES_PER_START = 5

/** What one run of a mixture is made of. */
export interface MixtureParts {
  /** As the command line names it. */
  model: string
  algorithm: MixtureAlgorithm
  /** What the mixture sees of an image. */
  features: Features
  /** Found from the images when the run starts. */
  prior?: EmpiricalPrior | undefined
  parameters: number
}

export function mixtureLearner(config: MixtureConfig, { model, features, prior, ...parts }: MixtureParts): Learner {
  const { algorithm } = parts
  const { mixture } = algorithm
  return {
    ...algorithm,
    algorithm: emAlgorithm(config.method, model),
    parameters: parts.parameters,
    variables: new Map([...algorithm.variables, ...(prior?.variables ?? []), ...features.variables]),
    pictures: mixturePictures(mixture, features),
    bounds: how => boundsInOneStep(algorithm.bound, how),
    async initialize(data, images) {
      await features.initialize(data)
      const whole = images()
      await prior?.initialize(whole)
      const passes = config.restarts > 1 ? PASSES_PER_START : 0
      const key = streamKey(config.seed, 'start')
      await startMixture(algorithm, whole, { method: config.start, restarts: config.restarts, passes, key })
    },
    addedVariables: ['origin'],
    restored() {
      mixture.restored?.()
      prior?.restored()
    },
    dispose() {
      algorithm.dispose()
      mixture.dispose()
      prior?.dispose()
      features.dispose()
    },
  }
}

/** Components and their means. */
function mixturePictures(mixture: Mixture, features: Features): Pictures {
  return {
    sample(key, count) {
      const { component, image } = tf.tidy(() => {
        const drawn = sample(mixture, key, count)
        return { component: tf.reshape(drawn.component, [-1, 1]), image: features.show(drawn.image) }
      })
      return readPicture(component, image, features.image)
    },
    reconstruct(images) {
      const { component, image } = tf.tidy(() => {
        const { responsibilities } = posterior(mixture, features.read(imageTensor(images))) // [K, count]
        const means = tf.matMul(responsibilities, variable(mixture, 'means') as tf.Tensor, true)
        return { component: tf.reshape(tf.argMax(responsibilities, 0), [-1, 1]), image: features.show(means) }
      })
      return readPicture(component, image, features.image)
    },
  }
}
