/** `elbo em gaussian-mixture`: a mixture of Gaussians by exact EM, Monte Carlo EM or mean field. */
import { type Features, newFeatures } from '../data/features.js'
import { imageShape, imageSize } from '../data/images.js'
import { mixtureEm } from '../inference/mixtures/em.js'
import { empiricalPrior } from '../inference/mixtures/empirical-prior.js'
import { bayesianMixture } from '../inference/mixtures/mean-field.js'
import { countGaussian, createGaussianMixture } from '../models/mixtures/gaussian.js'
import { firstConflict } from '../settings/rules.js'
import { choice, grouped, type Values } from '../settings/setting.js'
import * as em from './em.js'
import { pcaSetting, requireImages, varianceFloorSetting } from './feature-settings.js'
import { defineMethod, type OlderForm } from './method.js'
import { type MixtureParts, mixtureLearner, mixtureMemory, mixtureRules, mixtureSettings } from './mixture.js'

const name = 'gaussian-mixture'

const flags = {
  method: em.eStepSetting(em.eSteps),
  ...em.firstEmSettings,
  components: mixtureSettings.components,
  covariance: grouped('model', choice(['spherical', 'diagonal', 'full'], 'diagonal', 'covariance matrices')),
  pca: pcaSetting,
  prior: em.priorSetting([
    'Dirichlet prior on the weights',
    'Symmetric prior Dirichlet(A) on the weights. 1 is flat (maximum likelihood).',
  ]),
  concentration: mixtureSettings.concentration,
  varianceFloor: varianceFloorSetting('lower limit of each variance; mean field: added to those of the prior'),
  start: mixtureSettings.start,
  restarts: mixtureSettings.restarts,
  samples: mixtureSettings.samples,
  ...em.lastEmSettings,
  ...em.machineSettings,
}

const settings = em.emTable(name, flags, em.formerSettings)

type Config = Values<typeof flags> & { model: typeof name }

export const gaussianMixture = defineMethod<Config>({
  name,
  command: `em ${name}`,
  summary: 'fits a mixture of Gaussians to images',
  examples: ['em gaussian-mixture', 'em gaussian-mixture --covariance full --pca 50'],
  flags,
  settings,
  conflicts: config => firstConflict(mixtureRules, config, settings.resolve()),
  traits: ({ method, components }) => ({
    reads: 'none',
    bound: method === 'mean-field' ? { name: 'ELBO', exact: false } : { name: 'log p(x)', exact: true },
    model: `${name} ${components}, ${method}`,
    prior: 'the mixture weights',
    passes: 'whole',
  }),
  rates: () => em.constantRates(),
  finished: em.emFinished,
  describeEnd: em.describeEmEnd,
  memory({ components, covariance, pca, batchSize }, size) {
    const pixels = pca ?? imageSize(imageShape(size))
    const { variables, moments, covariances } = countGaussian({ components, covariance, pixels })
    const batch = Math.min(batchSize, size.images) * components
    return mixtureMemory({
      variables,
      moments,
      estimates: covariances,
      batch: covariance === 'full' ? batch * pixels : batch,
    })
  },
  create(config, size) {
    requireImages('--pca', config.pca, size)
    const features = newFeatures(size, config.pca)
    const fitted = algorithmOf(config, size.images, features)
    return mixtureLearner(config, {
      model: name,
      features,
      older,
      parameters: countParameters(config, features.size),
      ...fitted,
    })
  },
  contestants: {
    [name]: { sizes: 'components', steps: false, config: components => settings.resolve({ components }) },
  },
})

/** Sums once counted x from one origin, or from 0. */
const older: OlderForm = {
  lack: 'constants',
  renew: variable => !/^(weights|means|covariances|whitening)$|^(posterior|prior|features)\//.test(variable),
}

function algorithmOf(
  { components, covariance, method, prior, concentration, varianceFloor, samples }: Config,
  images: number,
  { read, size }: Features,
): Pick<MixtureParts, 'algorithm' | 'prior'> {
  const mixture = createGaussianMixture({ pixels: size, components, covariance })
  const data = { read, images }
  if (method === 'mean-field') {
    const empirical = empiricalPrior(mixture, read, concentration ?? 1 / components, varianceFloor)
    const algorithm = bayesianMixture(mixture, { ...data, hyperparameters: empirical.hyperparameters })
    return { algorithm, prior: empirical }
  }
  const options = {
    ...data,
    samples: method === 'monte-carlo' ? samples : undefined,
    prior: { concentration: prior, varianceFloor },
  }
  return { algorithm: mixtureEm(mixture, options) }
}

/** Number of free parameters: weights, means and covariances. */
function countParameters({ components, covariance }: Config, features: number): number {
  const variances = { spherical: 1, diagonal: features, full: (features * (features + 1)) / 2 }[covariance]
  return components - 1 + components * (features + variances)
}

export type { Config as GaussianMixtureConfig }
