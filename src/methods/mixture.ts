/** Shared by the mixtures: settings, the learner, and pictures. */

import { z } from 'zod'
import * as tf from '#tfjs'
import type { Features } from '../data/features.js'
import { imageTensor } from '../data/images.js'
import { boundsInOneStep } from '../evaluation/bound.js'
import type { Encoding } from '../evaluation/codes.js'
import type { EmpiricalPrior } from '../inference/mixtures/empirical-prior.js'
import { startMethods, startMixture } from '../inference/mixtures/starts.js'
import type { MixtureAlgorithm } from '../inference/mixtures/steps.js'
import { type Mixture, posterior, sample, variable } from '../models/mixtures/mixture.js'
import { streamKey } from '../random.js'
import { idle } from '../settings/rules.js'
import { choice, inGroup, read, setting, wholeNumber } from '../settings/setting.js'
import { emAlgorithm } from './em.js'
import type { MemoryNeed } from './memory.js'
import type { Learner, OlderForm } from './method.js'
import { type Pictures, readPicture } from './pictures.js'

export const mixtureSettings = {
  ...inGroup('model', {
    components: wholeNumber([1, 1e5], 10, 'components of the mixture'),
    concentration: setting(
      z.number().positive().nullable(),
      null,
      "a number above 0, or 'off'",
      [
        'Dirichlet prior on the weights, for mean field',
        'Mean field: concentration of the Dirichlet prior on the weights. off: 1 / components.',
      ],
      read.numberOrOff,
    ),
  }),
  ...inGroup('E step and M step', {
    start: choice(startMethods, 'k-means++', 'how the components are initialized'),
    restarts: wholeNumber([1, 1000], 1, [
      'starts to try; the best one continues',
      'Initializations to try for a few passes each. Training continues from the best.',
    ]),
    samples: wholeNumber([1, 1e4], 1, [
      'draws of z per image and pass',
      'Monte Carlo EM: draws of z per image and pass. 1 is stochastic EM.',
    ]),
  }),
}

export interface MixtureConfig {
  method: string
  components: number
  concentration: number | null
  prior: number
  start: (typeof startMethods)[number]
  restarts: number
  samples: number
  seed: number
}

/** Refuses settings that the E step would ignore. */
export const mixtureRules = [
  idle<MixtureConfig>(
    ['samples'],
    ({ method }) => method !== 'monte-carlo',
    ({ method }) => `has no effect with --method ${method}; leave it out, or use --method monte-carlo`,
  ),
  idle<MixtureConfig>(
    ['prior'],
    ({ method }) => method === 'mean-field',
    () => 'has no effect with --method mean-field; leave it out, or set its prior on the weights with --concentration',
  ),
  idle<MixtureConfig>(
    ['concentration'],
    ({ method }) => method !== 'mean-field',
    ({ method }) => `has no effect with --method ${method}; leave it out, or use --method mean-field`,
  ),
]

/** Passes over a sample of the images after which several initializations are compared. */
const PASSES_PER_START = 5

/** Numbers of values of a mixture: its variables, the sums of a pass, the estimates of an M step, and what a batch needs. */
interface MixtureSize {
  variables: number
  moments: number
  estimates: number
  batch: number
}

/** What a mixture needs of memory. The sums of a pass are compensated; the M step reads them, and estimates, in double precision. */
export const mixtureMemory = ({ variables, moments, estimates, batch }: MixtureSize): MemoryNeed[] => [
  { what: 'the parameters and the sums of a pass', values: variables + 2 * moments, settings: '--components' },
  { what: 'the M step in double precision', values: 2 * (moments + estimates), settings: '--components' },
  { what: 'all components for all images of a batch', values: batch, settings: '--batch-size or --components' },
]

/** The parts of a mixture's learner. */
export interface MixtureParts {
  /** Name on the command line. */
  model: string
  algorithm: MixtureAlgorithm
  /** The features of an image that the mixture models. */
  features: Features
  older: OlderForm
  /** Computed from the images when the run starts. */
  prior?: EmpiricalPrior | undefined
  parameters: number
}

export function mixtureLearner(
  config: Pick<MixtureConfig, 'method' | 'start' | 'restarts' | 'seed'>,
  { model, features, older, prior, algorithm, parameters }: MixtureParts,
): Learner {
  const { mixture } = algorithm
  return {
    ...algorithm,
    algorithm: emAlgorithm(config.method, model),
    parameters,
    variables: new Map([...algorithm.variables, ...(prior?.variables ?? []), ...features.variables]),
    pictures: mixturePictures(mixture, features),
    codes: mixtureCodes(algorithm),
    bounds: options => boundsInOneStep(algorithm.bound, options),
    async initialize(data, images) {
      await features.initialize(data)
      const whole = images()
      await prior?.initialize(whole)
      const passes = config.restarts > 1 ? PASSES_PER_START : 0
      const key = streamKey(config.seed, 'start')
      await startMixture(algorithm, whole, { method: config.start, restarts: config.restarts, passes, key })
    },
    older,
    restored() {
      algorithm.restored()
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

/** The posterior over components; its KL term is not a sum over dimensions. */
const mixtureCodes = ({ mixture, read, bound }: MixtureAlgorithm): Encoding => ({
  meaning: 'the responsibilities p(k|x)',
  arePoints: false,
  widths: { mean: mixture.components },
  of(batch, key) {
    const { responsibilities } = posterior(mixture, read(batch)) // [K, batch]
    return { mean: tf.transpose(responsibilities), elbo: bound(batch, key).elbo as tf.Tensor }
  },
})

/** Pictures of the components' means; z is the number of the component. */
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
