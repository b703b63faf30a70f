/** `elbo em bernoulli-mixture`: a mixture of Bernoullis by exact EM, Monte Carlo EM or mean field. */
import { newFeatures } from '../data/features.js'
import { imageShape, imageSize } from '../data/images.js'
import { mixtureEm } from '../inference/mixtures/em.js'
import { bayesianMixture } from '../inference/mixtures/mean-field.js'
import type { MixtureAlgorithm, MixtureData } from '../inference/mixtures/steps.js'
import { countBernoulli, createBernoulliMixture } from '../models/mixtures/bernoulli.js'
import { firstConflict } from '../settings/rules.js'
import type { Values } from '../settings/setting.js'
import type { Contestant } from './contestant.js'
import * as em from './em.js'
import { defineMethod, type OlderForm, type TrainingShape } from './method.js'
import { mixtureLearner, mixtureMemory, mixtureRules, mixtureSettings } from './mixture.js'

const name = 'bernoulli-mixture'

const flags = {
  method: em.eStepSetting(em.eSteps),
  ...em.firstEmSettings,
  components: mixtureSettings.components,
  prior: em.priorSetting([
    'priors on weights and pixels',
    'Symmetric priors, Dirichlet(A) on the weights and Beta(A, A) on the pixels. 1 is flat (maximum likelihood).',
  ]),
  concentration: mixtureSettings.concentration,
  start: mixtureSettings.start,
  restarts: mixtureSettings.restarts,
  samples: mixtureSettings.samples,
  ...em.lastEmSettings,
  binarize: em.emBinarize,
  ...em.machineSettings,
}

const settings = em.emTable(name, flags, em.formerSettings)

type Config = Values<typeof flags> & { model: typeof name }

/** Its entry in `compare` with one kind of E step. */
const contestant = (method: Config['method']): Contestant<Config> => ({
  sizes: 'components',
  steps: false,
  config: (components, { prior }) =>
    settings.resolve({ method, components, ...(method !== 'mean-field' && { prior }) }),
})

export const bernoulliMixture = defineMethod<Config>({
  name,
  command: `em ${name}`,
  summary: 'fits a mixture of Bernoullis to binary images',
  examples: [
    'em bernoulli-mixture',
    'em bernoulli-mixture --run mixture --components 50 --epochs 100',
    'em bernoulli-mixture --prior 1.01',
    'em bernoulli-mixture --method mean-field --components 100',
    'em bernoulli-mixture --method monte-carlo --samples 5',
  ],
  flags,
  settings,
  conflicts: config => firstConflict(mixtureRules, config, settings.resolve()),
  traits: ({ method, components, binarize }) => ({
    reads: binarize,
    bound: method === 'mean-field' ? { name: 'ELBO', exact: false } : { name: 'log p(x)', exact: true },
    model: `${name} ${components}, ${method}`,
    prior: 'the mixture weights',
    passes: 'whole',
  }),
  rates: () => em.constantRates(),
  finished: em.emFinished,
  describeEnd: em.describeEmEnd,
  memory({ components, batchSize }, size) {
    const { variables, moments } = countBernoulli({ components, pixels: imageSize(imageShape(size)) })
    const batch = Math.min(batchSize, size.images) * components
    return mixtureMemory({ variables, moments, estimates: moments, batch })
  },
  create(config, size) {
    const features = newFeatures(size, null)
    const algorithm = algorithmOf(config, size, features)
    const parameters = config.components - 1 + config.components * features.size
    return mixtureLearner(config, { model: name, algorithm, features, older, parameters })
  },
  contestants: {
    [name]: contestant('exact'),
    'monte-carlo-mixture': contestant('monte-carlo'),
    'mean-field-mixture': contestant('mean-field'),
  },
})

/** Once there were the logits alone. Sums then count x from 0, as they do until an origin is chosen. */
const older: OlderForm = {
  lack: 'log_on',
  renew: variable => !/^(weights|means)$|^posterior\//.test(variable),
}

function algorithmOf(
  { components, method, prior, concentration, samples }: Config,
  { images }: TrainingShape,
  { read, size }: { read: MixtureData['read']; size: number },
): MixtureAlgorithm {
  const mixture = createBernoulliMixture({ pixels: size, components })
  const data = { read, images }
  if (method === 'mean-field') {
    const hyperparameters = { concentration: concentration ?? 1 / components }
    return bayesianMixture(mixture, { ...data, hyperparameters })
  }
  return mixtureEm(mixture, {
    ...data,
    samples: method === 'monte-carlo' ? samples : undefined,
    prior: { concentration: prior, pixels: [prior, prior] },
  })
}

export type { Config as BernoulliMixtureConfig }
