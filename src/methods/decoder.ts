/** `elbo em vae`: the decoder of a VAE without an encoder, by Monte Carlo EM (Kingma & Welling 2013, section 5 and figure 3). */
import { imageShape, imageSize, startingMean } from '../data/images.js'
import { boundsByAnnealing } from '../evaluation/bound.js'
import { monteCarloEm } from '../inference/decoder/monte-carlo-em.js'
import { slotsPerWeight } from '../inference/optimizer.js'
import { decoderLikelihood } from '../models/decoder-likelihood.js'
import { activations } from '../models/networks.js'
import { countDecoder, createDecoder, initializeDecoder } from '../models/vae.js'
import { streamKey } from '../random.js'
import { annealer } from '../sampling/anneal-images.js'
import { temperatures } from '../sampling/annealing.js'
import { annealingMoves, targetAcceptances } from '../sampling/defaults.js'
import { metropolisOrHmc } from '../sampling/kernel.js'
import { firstConflict, idle } from '../settings/rules.js'
import { choice, grouped, inGroup, positive, type Values, wholeNumber } from '../settings/setting.js'
import { chainOptions, chainRules, chainSettings } from './chain-settings.js'
import * as em from './em.js'
import { defineMethod, type Learner } from './method.js'
import { decoderPictures } from './pictures.js'
import { layers } from './run-settings.js'

const name = 'vae'

const flags = {
  method: em.eStepSetting({ 'monte-carlo': em.eSteps['monte-carlo'] }),
  ...em.firstEmSettings,
  ...inGroup('model', {
    latentDim: wholeNumber([1, 1e4], 10, 'dimensions of z'),
    hidden: layers([400], 'hidden units, from image to z'),
    activation: choice(activations, 'relu', 'activation of the hidden layers'),
  }),
  learningRate: grouped('E step and M step', positive(1e-3, 'learning rate of Adam in the M step')),
  samples: chainSettings.samples,
  sampler: grouped('E step and M step', choice(metropolisOrHmc, 'hmc', 'sampler of z')),
  chains: chainSettings.chains,
  leapfrogSteps: chainSettings.leapfrogSteps,
  stepSize: chainSettings.stepSize,
  targetAcceptance: chainSettings.targetAcceptance,
  adaptPasses: chainSettings.adaptPasses,
  updates: grouped(
    'E step and M step',
    wholeNumber([1, 1000], 5, [
      'steps of Adam on the draws of each batch',
      'M step: Adam steps of the decoder on the draws of each batch.',
    ]),
  ),
  ...em.lastEmSettings,
  binarize: em.emBinarize,
  ...em.machineSettings,
}

const settings = em.emTable(name, flags, em.formerSettings)

type Config = Values<typeof flags> & { model: typeof name }

const rules = [
  ...chainRules<Config>([]),
  idle<Config>(
    ['workers'],
    () => true,
    () =>
      'the M step of this model follows each batch, so a pass cannot be divided; leave it out, or use `elbo train --workers`',
  ),
]

/** Annealing that estimates the validation bound after each pass; its chains move like those of an E step by HMC. */
const ANNEALING = {
  ...annealingMoves,
  targetAcceptance: targetAcceptances.hmc,
  temperatures: temperatures(100),
  chains: 1,
}

/** Number of validation images whose bound is estimated after each pass. */
const ANNEALED_IMAGES = 500

const ADAM = { optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const

export const decoder = defineMethod<Config>({
  name,
  command: `em ${name}`,
  summary: 'fits the decoder of a VAE without an encoder',
  examples: ['em vae --run decoder --train-images 1000', 'em vae --sampler metropolis --samples 10'],
  flags,
  settings,
  conflicts: config => firstConflict(rules, config, settings.resolve()),
  traits: ({ binarize, latentDim, method }) => ({
    reads: binarize,
    bound: { name: 'ELBO', exact: false },
    model: `${name} ${latentDim}, ${method}`,
    prior: 'N(0, I)',
    passes: 'whole',
  }),
  rates: ({ learningRate }) => em.constantRates(learningRate),
  finished: em.emFinished,
  describeEnd: em.describeEmEnd,
  memory({ hidden, latentDim, activation, batchSize, chains }, size) {
    const weights = countDecoder({ ...imageShape(size), hidden, latentDim, activation })
    const what = `${weights.toLocaleString('en')} weights with their gradients and the state of adam`
    const batch = Math.min(batchSize, size.images)
    const widest = Math.max(...hidden, imageSize(imageShape(size)))
    return [
      { what, values: (2 + slotsPerWeight('adam')) * weights, settings: '--hidden' },
      { what: 'the chains of all images', values: size.images * chains * latentDim, settings: '--chains' },
      {
        what: 'the largest layer for all images and chains of a batch',
        values: batch * chains * widest,
        settings: '--batch-size or --chains',
      },
    ]
  },
  create(config, size): Learner {
    const { hidden, latentDim, activation, sampler, updates, seed } = config
    const model = createDecoder({ ...imageShape(size), hidden, latentDim, activation })
    const options = { ...chainOptions(config, size), ...ADAM, sampler, updates }
    const algorithm = monteCarloEm(model, options, streamKey(seed, 'chains'))
    const newAnnealer: Learner['annealer'] = (scanOptions, effort) =>
      annealer(decoderLikelihood(model).logLikelihood, latentDim, { ...ANNEALING, ...effort }, scanOptions)
    return {
      ...algorithm,
      variables: new Map(algorithm.variables),
      algorithm: em.emAlgorithm(config.method, name),
      parameters: model.decoder.countParams(),
      pictures: decoderPictures(model),
      validationImages: ANNEALED_IMAGES,
      annealer: newAnnealer,
      bounds: scanOptions => boundsByAnnealing(newAnnealer(scanOptions)),
      async initialize(data) {
        initializeDecoder(model, streamKey(seed, 'weights'), startingMean(data.train))
      },
      dispose() {
        algorithm.dispose()
        model.dispose()
      },
    }
  },
  contestants: {
    'monte-carlo-em': {
      sizes: 'latentDim',
      steps: true,
      // Each batch ends with updates of the decoder, so its size is that of the VAE's batches.
      config: (latentDim, { hidden, activation, batchSize, learningRate }) =>
        settings.resolve({ latentDim, hidden, activation, batchSize, learningRate }),
    },
  },
})

export type { Config as DecoderConfig }
