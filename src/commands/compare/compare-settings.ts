/** The settings of `elbo compare`, and its presets. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { MOST_JSON, readWhole } from '../../files/reading.js'
import { emBinarize, priorSetting } from '../../methods/em.js'
import { readSettings, runSettings } from '../../methods/run-settings.js'
import { vaeFlags } from '../../methods/vae-settings.js'
import {
  choice,
  type Description,
  type GroupedSettings,
  inGroup,
  read,
  type Setting,
  setting,
  UsageError,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../../settings/setting.js'
import { type DeepReadonly, settingsTable } from '../../settings/table.js'

const sizes = (value: number[], description: Description): Setting<number[]> =>
  setting(
    z.array(z.int().min(1).max(1e5)).min(1),
    value,
    'whole numbers from 1 to 100000, separated by commas, such as 10,20,50',
    description,
    read.list,
    true,
  )

const comparePresetNames = ['default', 'figure-2', 'figure-3', 'mixtures'] as const
type ComparePresetName = (typeof comparePresetNames)[number]

/** The settings, in the order of settings.json. Those that only add runs may change when a comparison is resumed. */
export const compareSettings = {
  ...inGroup('run', {
    preset: choice(comparePresetNames, 'default', [
      'settings to start from, see `elbo presets`',
      'Methods and settings to start from. `elbo presets` describes them. Flags override them.',
    ]),
    methods: setting(
      z.array(z.string().min(1)).min(1),
      ['vae', 'wake-sleep', 'bernoulli-mixture'],
      'names separated by commas, such as vae,bernoulli-mixture:500',
      [
        'methods, each NAME[:SIZE][@IMAGES]',
        'Methods to compare: NAME, NAME:SIZE (latent dimensions, or components) or NAME:SIZE@IMAGES (training images).',
      ],
      read.names,
      true,
    ),
    seeds: setting(
      z.array(z.int().min(0).max(Number.MAX_SAFE_INTEGER)).min(1),
      [1],
      'whole numbers from 0 to 2^53 - 1, separated by commas, such as 1,2,3',
      'seeds; each method has one run per seed',
      read.list,
      true,
    ),
    epochs: {
      ...wholeNumberOrOff(
        [
          'budget of each run, in passes',
          'Budget of each run, in passes over the largest training set of the comparison.',
        ],
        true,
      ),
      value: 10,
    },
    imagesSeen: wholeNumberOrOff(
      [
        'budget of each run, in images instead',
        'Budget of each run, in images instead of --epochs. Smaller training sets get more passes.',
      ],
      true,
    ),
  }),
  ...inGroup('data', {
    trainImages: setting(
      z.array(z.int().min(1).nullable()).min(1),
      [null],
      "whole numbers of at least 1, or 'off', separated by commas, such as 1000,off",
      [
        'the first n training images',
        'Use only the first N training images; off: all. Each method has one run per number.',
      ],
      read.numbersOrOff,
      true,
    ),
  }),
  validationImages: runSettings.validationImages,
  ...inGroup('model', {
    latentDim: sizes([20], ['dimensions of z', 'Latent dimensions of methods that are named without SIZE.']),
    components: sizes([50], ['components of mixtures', 'Components of mixtures that are named without SIZE.']),
    hidden: {
      ...vaeFlags.hidden,
      details: "Units of the encoder's hidden layers, listed from the image to z. The decoder mirrors them.",
    },
    activation: { ...vaeFlags.activation, details: 'Activation of the hidden layers.' },
    condition: vaeFlags.condition,
  }),
  ...inGroup('optimizer', {
    batchSize: wholeNumber([1, 1e6], 100, [
      'images per gradient step',
      'Images per step of methods that take gradient steps.',
    ]),
    learningRate: setting(
      z.array(z.number().positive()).min(1),
      [1e-3],
      'numbers above 0, separated by commas, such as 1e-4,3e-4,1e-3',
      [
        'learning rates, of which the best is used',
        'Learning rate. Of several, each method uses the one with the highest validation bound on the first seed.',
      ],
      read.list,
    ),
    learningRateDecay: {
      ...vaeFlags.learningRateDecay,
      value: 1,
      details: '',
    },
  }),
  prior: priorSetting([
    'priors on weights and pixels of mixtures',
    'Mixtures of Bernoullis: symmetric priors on weights and pixels, as in em.',
  ]),
  ...inGroup('measurement', {
    samples: wholeNumber(
      [1, 1e5],
      100,
      ['draws of z per test image', 'Importance sampling of log p(x): draws of z per test image.'],
      true,
    ),
    aisChains: wholeNumber(
      [2, 1000],
      10,
      [
        'chains per test image, without an encoder',
        'Annealed importance sampling of log p(x), for models without an encoder: chains per test image.',
      ],
      true,
    ),
    aisTemperatures: wholeNumber(
      [2, 1e5],
      200,
      [
        'temperatures of these chains',
        'Annealed importance sampling of log p(x): temperatures from the prior to the posterior.',
      ],
      true,
    ),
  }),
  ...inGroup('data', {
    testImages: wholeNumberOrOff(['the first n test images', 'Use only the first N test images; off: all.'], true),
  }),
  data: { ...runSettings.data, resumable: false },
  ...readSettings,
  binarize: emBinarize,
  backend: runSettings.backend,
  compile: runSettings.compile,
  precision: {
    ...runSettings.precision,
    details: 'Operands of the matrix products of methods that take gradient steps with an encoder, as in train.',
  },
  threads: runSettings.threads,
} as const satisfies GroupedSettings

/** A resolved value for every setting; one of `epochs` and `imagesSeen` is null. */
export type CompareSettings = Values<typeof compareSettings>
type Given = Partial<CompareSettings>

export const compareTable = settingsTable(compareSettings)

/** The settings that the comparison in `folder` began with. Throws a `UsageError` that names the file if they are missing or wrong. */
export function readCompareSettings(folder: string): CompareSettings {
  const path = join(folder, 'settings.json')
  if (!existsSync(path)) throw new UsageError(`${folder}: there is no comparison here (no settings.json)`)
  return compareTable.complete(compareTable.parse(readWhole(path, path, MOST_JSON).toString(), path), path)
}

/** A published number, shown beside the results. */
export interface Reference {
  label: string
  /** log p(x) of the test images, in nats per image. */
  logPx: number
}

/** A preset of `elbo compare`. */
export interface ComparePreset {
  /** One line of `elbo presets`. */
  description: string
  settings: DeepReadonly<Omit<Given, 'preset'>>
  references: readonly Reference[]
  /** The publication whose comparison this is; absent: none. */
  source?: string
}

const KINGMA = 'Kingma & Welling 2013, Auto-Encoding Variational Bayes, arXiv:1312.6114'

const larochelle = 'Larochelle & Murray 2011, their binarization'

/** Presets of comparisons; flags override them. */
export const comparePresets = {
  default: {
    description: 'VAE, wake-sleep, and a mixture of 50 Bernoullis',
    settings: {},
    references: [],
  },
  'figure-2': {
    description: 'VAE and wake-sleep with 3 to 200 latent dimensions',
    source: `${KINGMA}, figure 2, which uses AdaGrad instead of Adam`,
    settings: {
      methods: ['vae', 'wake-sleep'],
      latentDim: [3, 5, 10, 20, 200],
      hidden: [500],
      activation: 'tanh',
    },
    references: [],
  },
  'figure-3': {
    description: 'VAE, wake-sleep and Monte Carlo EM on 1,000 to all images',
    source: `${KINGMA}, figure 3, which uses AdaGrad instead of Adam`,
    settings: {
      methods: ['vae', 'wake-sleep', 'monte-carlo-em@1000', 'monte-carlo-em@2000', 'monte-carlo-em@4000'],
      trainImages: [1000, null],
      validationImages: 100,
      testImages: 500,
      aisChains: 5,
      aisTemperatures: 100,
      latentDim: [3],
      hidden: [100],
      activation: 'tanh',
      epochs: null,
      imagesSeen: 100_000,
    },
    references: [],
  },
  mixtures: {
    description: 'mixtures of 10 to 500 Bernoullis, and a VAE',
    source: 'Larochelle & Murray 2011, The Neural Autoregressive Distribution Estimator, AISTATS',
    settings: {
      methods: ['bernoulli-mixture', 'vae'],
      components: [10, 20, 50, 100, 200, 500],
    },
    references: [
      { label: `mixture of 10 Bernoullis (${larochelle})`, logPx: -168.95 },
      { label: `mixture of 500 Bernoullis (${larochelle})`, logPx: -137.64 },
    ],
  },
} as const satisfies Record<ComparePresetName, ComparePreset>

/** The settings of a new comparison. */
export function resolveSettings(given: Given): CompareSettings {
  const base: ComparePreset = comparePresets[given.preset ?? 'default']
  return compareTable.resolve(base.settings, oneBudget(given))
}

/** The settings of a resumed comparison that began with `saved`. */
export function resumeSettings(saved: CompareSettings, given: Given): CompareSettings {
  return compareTable.resume(saved, oneBudget(given))
}

/** A given budget replaces that of the preset, whatever its unit. Throws a `UsageError` if both units are given. */
function oneBudget(given: Given): Given {
  const { epochs, imagesSeen } = given
  if (typeof epochs === 'number' && typeof imagesSeen === 'number')
    throw new UsageError('--epochs and --images-seen: both set the budget; leave one of the two out')
  const off = (['epochs', 'imagesSeen'] as const).find(name => given[name] === null)
  if (off) throw new UsageError(`--${off === 'epochs' ? off : 'images-seen'} off: a number of at least 1 was expected`)
  if (epochs !== undefined) return { ...given, imagesSeen: null }
  return imagesSeen === undefined ? given : { ...given, epochs: null }
}
