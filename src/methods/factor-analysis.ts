/** `elbo em factor-analysis` and `elbo em ppca`: factor models of images, grey or in colour, by exact or Monte Carlo EM. */
import * as tf from '#tfjs'
import { type Features, featureMoments, newFeatures } from '../data/features.js'
import { imageShape, imageSize, imageTensor } from '../data/images.js'
import { boundsInOneStep } from '../evaluation/bound.js'
import type { Encoding } from '../evaluation/codes.js'
import { exactFactorAnalysis } from '../inference/factor-analysis/em.js'
import { factorSamplers, monteCarloFactorAnalysis } from '../inference/factor-analysis/monte-carlo.js'
import * as densities from '../models/factor-analysis/densities.js'
import * as factors from '../models/factor-analysis/model.js'
import { streamKey } from '../random.js'
import { firstConflict, idle, type Rule } from '../settings/rules.js'
import { choice, grouped, type Values, wholeNumber } from '../settings/setting.js'
import { chainOptions, chainRules, chainSettings } from './chain-settings.js'
import * as em from './em.js'
import { pcaSetting, requireImages, varianceFloorSetting } from './feature-settings.js'
import type { MemoryNeed } from './memory.js'
import { defineMethod, type Learner, type Method, type OlderForm, type TrainingShape } from './method.js'
import { type Pictures, readPicture } from './pictures.js'

const flags = {
  method: em.eStepSetting({ exact: em.eSteps.exact, 'monte-carlo': em.eSteps['monte-carlo'] }),
  ...em.firstEmSettings,
  latentDim: grouped('model', wholeNumber([1, 1e4], 10, 'dimensions of z')),
  pca: pcaSetting,
  varianceFloor: varianceFloorSetting('lower limit of the noise variances'),
  samples: chainSettings.samples,
  sampler: grouped('E step and M step', choice(factorSamplers, 'direct', 'Monte Carlo EM: sampler of z')),
  chains: chainSettings.chains,
  discard: grouped(
    'E step and M step',
    wholeNumber([0, 1e4], 0, [
      'draws to discard',
      'Monte Carlo EM: number of draws to discard at the start of each chain and pass.',
    ]),
  ),
  leapfrogSteps: chainSettings.leapfrogSteps,
  stepSize: chainSettings.stepSize,
  targetAcceptance: chainSettings.targetAcceptance,
  adaptPasses: chainSettings.adaptPasses,
  ...em.lastEmSettings,
  ...em.machineSettings,
}

interface Kind {
  name: Config['model']
  summary: string
  noise: (typeof factors.noises)[number]
  /** Number of free parameters, given the numbers of features and factors. */
  parameters(features: number, latentDim: number): number
}

type Config = Values<typeof flags> & { model: 'factor-analysis' | 'ppca' }

const rules: readonly Rule<Config>[] = [
  ...chainRules<Config>(['samples', 'sampler', 'chains', 'discard']),
  idle<Config>(
    ['workers'],
    ({ method, sampler }) => method === 'monte-carlo' && (sampler === 'metropolis' || sampler === 'hmc'),
    ({ sampler }) =>
      `the step size of --sampler ${sampler} adapts from batch to batch, so a pass cannot be divided; leave one of the two out, or use --sampler direct or gibbs`,
  ),
  ({ method, discard, samples }) =>
    method === 'monte-carlo' && discard >= samples
      ? `--discard ${discard}: discards all draws of --samples ${samples}; use --discard ${samples - 1} or a larger --samples`
      : undefined,
]

export const factorAnalysis = factorMethod({
  name: 'factor-analysis',
  summary: 'fits factor analysis to images',
  noise: 'diagonal',
  parameters: (features, latentDim) => (latentDim + 2) * features,
})

export const ppca = factorMethod({
  name: 'ppca',
  summary: 'fits probabilistic PCA to images',
  noise: 'isotropic',
  parameters: (features, latentDim) => (latentDim + 1) * features + 1,
})

function factorMethod(kind: Kind): Method<Config> {
  const { name } = kind
  const settings = em.emTable(name, flags, em.formerSettings)
  return defineMethod<Config>({
    name,
    command: `em ${name}`,
    summary: kind.summary,
    examples: [`em ${name} --latent-dim 20`, `em ${name} --method monte-carlo --sampler gibbs --samples 5`],
    flags,
    settings,
    conflicts: config => firstConflict(rules, config, settings.resolve()),
    traits: ({ method, latentDim }) => ({
      reads: 'none',
      bound: { name: 'log p(x)', exact: true },
      model: `${name} ${latentDim}, ${method}`,
      prior: 'N(0, I)',
      passes: 'whole',
    }),
    rates: () => em.constantRates(),
    finished: em.emFinished,
    describeEnd: em.describeEmEnd,
    memory: memoryOf,
    create: (config, size) => newLearner(kind, config, size),
    contestants: {
      [name]: { sizes: 'latentDim', steps: false, config: latentDim => settings.resolve({ latentDim }) },
    },
  })
}

/** Sums were once of x and x², not of residuals. */
const older: OlderForm = {
  lack: 'derived/log_density_at_mean',
  renew: variable => variable === 'derived/log_density_at_mean' || variable.startsWith('statistics/'),
}

function memoryOf({ latentDim, pca, method, chains }: Config, size: TrainingShape): MemoryNeed[] {
  const { variables, moments } = factors.countFactorAnalysis(pca ?? imageSize(imageShape(size)), latentDim)
  const chained = method === 'exact' ? 0 : size.images * chains * latentDim
  return [
    // The sums of a pass are compensated, and read in double precision.
    { what: 'the parameters and the sums of a pass', values: variables + 4 * moments, settings: '--latent-dim' },
    { what: 'the chains of all images', values: chained, settings: '--chains or --latent-dim' },
  ]
}

function newLearner({ name, noise, parameters }: Kind, config: Config, size: TrainingShape): Learner {
  const { latentDim, varianceFloor, method, seed } = config
  requireImages('--pca', config.pca, size)
  requireImages('--latent-dim', latentDim, size)
  const features = newFeatures(size, config.pca)
  const model = factors.createFactorAnalysis({ features: features.size, latentDim })
  const options = { read: features.read, noise, varianceFloor }
  const algorithm =
    method === 'exact'
      ? exactFactorAnalysis(model, options)
      : monteCarloFactorAnalysis(
          model,
          { ...options, ...chainOptions(config, size), sampler: config.sampler, discard: config.discard },
          streamKey(seed, 'chains'),
        )
  return {
    ...algorithm,
    algorithm: em.emAlgorithm(method, name),
    parameters: parameters(features.size, latentDim),
    variables: new Map([...algorithm.variables, ...features.variables]),
    older,
    restored: () => factors.restoreParameters(model),
    pictures: factorPictures(model, features),
    codes: factorCodes(model, features),
    bounds: options => boundsInOneStep(algorithm.bound, options),
    async initialize(data, images) {
      await features.initialize(data)
      const moments = await featureMoments(images(), features)
      factors.initializeFactorAnalysis(model, streamKey(seed, 'start'), { ...moments, noise, varianceFloor })
    },
    dispose() {
      algorithm.dispose()
      model.dispose()
      features.dispose()
    },
  }
}

/** p(z|x), whose covariance is one for all images and not diagonal, so that it has no KL of single dimensions. */
const factorCodes = (model: factors.FactorAnalysis, features: Features): Encoding => ({
  meaning: 'the mean of p(z|x)',
  arePoints: true,
  widths: { mean: model.latentDim },
  of(batch) {
    const inferred = densities.infer(model, features.read(batch))
    return { mean: inferred.mean, elbo: densities.boundAt(model, inferred).elbo }
  },
})

/** Pictures of the factors z and their mean images. */
function factorPictures(model: factors.FactorAnalysis, features: Features): Pictures {
  const meanImage = (z: tf.Tensor) => features.show(tf.add(tf.matMul(z, model.W as tf.Tensor, false, true), model.mu))
  return {
    sample(key, count) {
      const { z, image } = tf.tidy(() => {
        const drawn = densities.sample(model, key, count)
        return { z: drawn.z, image: features.show(drawn.mean) }
      })
      return readPicture(z, image, features.image)
    },
    reconstruct(images) {
      const { z, image } = tf.tidy(() => {
        const mean = densities.posteriorMean(model, features.read(imageTensor(images)))
        return { z: mean, image: meanImage(mean) }
      })
      return readPicture(z, image, features.image)
    },
  }
}

export type { Config as FactorAnalysisConfig }
