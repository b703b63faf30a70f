/** Presets of `elbo train`; flags and `--config` override them. */
import type { DeepReadonly } from '../settings/table.js'
import type { VaeConfig } from './vae-settings.js'

const BURDA = 'Burda, Grosse & Salakhutdinov 2015, Importance Weighted Autoencoders, arXiv:1509.00519'
const TUCKER =
  'Tucker et al. 2018, Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives, arXiv:1810.04152; networks of Burda et al. 2015'
const TOMCZAK = 'Tomczak & Welling 2018, VAE with a VampPrior, arXiv:1705.07120'

/** A preset of `elbo train`. */
export interface Preset {
  /** One line of `elbo presets`. */
  description: string
  config: DeepReadonly<Partial<VaeConfig>>
  /** The publication whose model this is; absent: none. */
  source?: string
}

/** The published network on a shorter schedule: the paper's is 3,280 epochs in batches of 20. */
const published = {
  hidden: [200, 200],
  latentDim: 50,
  activation: 'tanh',
  epochs: 1000,
  batchSize: 100,
  learningRate: 1e-3,
  learningRateDecay: 0.46416,
  learningRateMilestones: [300, 500, 650, 800, 900, 950],
  epsilon: 1e-4,
  validation: 'none',
  imagesEvery: 100,
} as const

/** The published two-layer network, on the same schedule. */
const twoLayers = { ...published, latentDim: 100, upperLatentDim: 50, upperHidden: [100, 100] } as const

export const presets = {
  default: { description: 'two layers of 400 ELU units, 32 latent dimensions', config: {} },
  small: {
    description: 'the usual first VAE: 400 ReLU units, 20 latent dimensions',
    config: {
      hidden: [400],
      latentDim: 20,
      activation: 'relu',
      batchSize: 128,
      learningRate: 1e-3,
      learningRateDecay: 0.9,
    },
  },
  'latent-2d': { description: 'two latent dimensions, for `manifold` and `posterior`', config: { latentDim: 2 } },
  conv: {
    description: 'convolutions with 32 and 64 filters, 32 latent dimensions',
    config: {
      filters: [32, 64],
      hidden: [256],
      batchSize: 128,
    },
  },
  colour: {
    description: 'colour, 32x32 or 64x64: residual convolutions, learned prior',
    config: {
      filters: [32, 64, 128],
      residualBlocks: 1,
      hidden: [256],
      latentDim: 64,
      batchSize: 64,
      learningRate: 1e-3,
      learningRateDecay: 0.97,
      epochs: 60,
      likelihood: 'discretized-logistic',
      binarize: 'none',
      // The codes of pictures of many kinds do not follow N(0, I), and draws from it are decoded to blurs.
      prior: 'mixture',
      kl: 'monte-carlo',
    },
  },
  burda2015: {
    description: 'VAE of Burda et al. 2015: 50 latent dimensions, 1,000 epochs',
    config: published,
    source: BURDA,
  },
  'burda2015-2l': {
    description: 'burda2015 with two latent layers, of 100 and 50 dimensions',
    config: { ...twoLayers, kl: 'monte-carlo' },
    source: BURDA,
  },
  'iwae-5-2l': {
    description: 'burda2015-2l on the importance-weighted bound, 5 draws',
    config: { ...twoLayers, objective: 'iwae', samples: 5 },
    source: BURDA,
  },
  'iwae-5': {
    description: 'burda2015 on the importance-weighted bound, 5 draws',
    config: { ...published, objective: 'iwae', samples: 5 },
    source: BURDA,
  },
  'dreg-5': {
    description: 'iwae-5 with doubly reparameterized gradients',
    config: { ...published, objective: 'iwae', estimator: 'dreg', samples: 5 },
    source: TUCKER,
  },
  'iwae-50': {
    description: 'iwae-5 with 50 draws',
    config: { ...published, objective: 'iwae', samples: 50 },
    source: BURDA,
  },
  'dreg-50': {
    description: 'dreg-5 with 50 draws',
    config: { ...published, objective: 'iwae', estimator: 'dreg', samples: 50 },
    source: TUCKER,
  },
  tomczak2018: {
    description: 'VAE with a VampPrior of Tomczak & Welling 2018, gated layers',
    config: {
      hidden: [300, 300],
      latentDim: 40,
      activation: 'gated',
      prior: 'vamp',
      kl: 'monte-carlo',
      epochs: 2000,
      batchSize: 100,
      learningRate: 5e-4,
      learningRateDecay: 1,
      klWarmup: 100,
      patience: 50,
      imagesEvery: 100,
    },
    source: TOMCZAK,
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets
