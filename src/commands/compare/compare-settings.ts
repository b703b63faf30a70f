/** The settings of `elbo compare`, and its presets. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { MOST_JSON, readWhole } from '../../files/reading.js'
import { emBinarize, priorSetting } from '../../methods/em.js'
import { runSettings } from '../../methods/run-settings.js'
import { vaeFlags } from '../../methods/vae-settings.js'
import {
  choice,
  read,
  type Setting,
  type Settings,
  setting,
  UsageError,
  type Values,
  wholeNumber,
  wholeNumberOrOff,
} from '../../settings/setting.js'
import { type DeepReadonly, settingsTable } from '../../settings/table.js'

const sizes = (value: number[], description: string): Setting<number[]> =>
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

/** The settings, in the order in which `--help` shows them. Those that only add runs may change when a comparison is resumed. */
export const compareSettings = {
  preset: choice(comparePresetNames, 'default', 'methods and settings to start from; flags override them'),
  methods: setting(
    z.array(z.string().min(1)).min(1),
    ['vae', 'wake-sleep', 'bernoulli-mixture'],
    'names separated by commas, such as vae,bernoulli-mixture:500',
    'methods to compare: NAME, NAME:SIZE (latent dimensions, or components) or NAME:SIZE@IMAGES (training images)',
    text => text.split(','),
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
    ...wholeNumberOrOff('budget of each run, in passes over the largest training set of the comparison', true),
    value: 10,
  },
  imagesSeen: wholeNumberOrOff(
    'budget of each run, in images instead of --epochs; smaller training sets get more passes',
    true,
  ),
  trainImages: setting(
    z.array(z.int().min(1).nullable()).min(1),
    [null],
    "whole numbers of at least 1, or 'off', separated by commas, such as 1000,off",
    'use only the first N training images; off: all',
    text => text.split(',').map(read.numberOrOff),
    true,
  ),
  validationImages: runSettings.validationImages,
  latentDim: sizes([20], 'latent dimensions of methods that are named without SIZE'),
  components: sizes([50], 'components of mixtures that are named without SIZE'),
  hidden: { ...vaeFlags.hidden, description: "units of the encoder's hidden layers; the decoder mirrors them" },
  activation: { ...vaeFlags.activation, description: 'activation of the hidden layers' },
  batchSize: wholeNumber([1, 1e6], 100, 'images per step of methods that take gradient steps'),
  learningRate: setting(
    z.array(z.number().positive()).min(1),
    [1e-3],
    'numbers above 0, separated by commas, such as 1e-4,3e-4,1e-3',
    'learning rate; of several, each method uses the one with the highest validation bound on the first seed',
    read.list,
  ),
  learningRateDecay: {
    ...vaeFlags.learningRateDecay,
    value: 1,
    description: 'factor on the learning rate after each epoch',
  },
  prior: priorSetting('mixtures of Bernoullis: symmetric priors on weights and pixels, as in em'),
  samples: wholeNumber([1, 1e5], 100, 'importance sampling of log p(x): draws of z per test image', true),
  aisChains: wholeNumber(
    [2, 1000],
    10,
    'annealed importance sampling of log p(x) (models without an encoder): chains per test image',
    true,
  ),
  aisTemperatures: wholeNumber(
    [2, 1e5],
    200,
    'annealed importance sampling of log p(x): temperatures from the prior to the posterior',
    true,
  ),
  testImages: wholeNumberOrOff('use only the first N test images; off: all', true),
  data: { ...runSettings.data, resumable: false },
  binarize: emBinarize,
  backend: runSettings.backend,
  compile: runSettings.compile,
  threads: runSettings.threads,
} as const satisfies Settings

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

interface Preset {
  description: string
  settings: DeepReadonly<Omit<Given, 'preset'>>
  references: readonly Reference[]
}

const larochelle = 'Larochelle & Murray 2011, their binarization'

/** Presets of comparisons; flags override them. */
export const comparePresets = {
  default: {
    description: 'a VAE, the same networks by wake-sleep, and a mixture of 50 Bernoullis',
    settings: {},
    references: [],
  },
  'figure-2': {
    description:
      'VAE and wake-sleep with 3, 5, 10, 20 and 200 latent dimensions and 500 tanh units, as Kingma & Welling 2013, figure 2, but with Adam',
    settings: {
      methods: ['vae', 'wake-sleep'],
      latentDim: [3, 5, 10, 20, 200],
      hidden: [500],
      activation: 'tanh',
    },
    references: [],
  },
  'figure-3': {
    description:
      'VAE and wake-sleep on 1,000 and on all images, Monte Carlo EM on 1,000, 2,000 and 4,000, with 3 latent dimensions and 100 tanh units, as Kingma & Welling 2013, figure 3, but with Adam',
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
    description: 'mixtures of 10 to 500 Bernoullis beside a VAE with 20 latent dimensions',
    settings: {
      methods: ['bernoulli-mixture', 'vae'],
      components: [10, 20, 50, 100, 200, 500],
    },
    references: [
      { label: `mixture of 10 Bernoullis (${larochelle})`, logPx: -168.95 },
      { label: `mixture of 500 Bernoullis (${larochelle})`, logPx: -137.64 },
    ],
  },
} as const satisfies Record<ComparePresetName, Preset>

/** The settings of a new comparison. */
export function resolveSettings(given: Given): CompareSettings {
  const base: Preset = comparePresets[given.preset ?? 'default']
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
