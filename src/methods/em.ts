/** What all methods of `elbo em` share: the settings of an EM run, when it has converged, what it says at its end. */
import { z } from 'zod'
import { choice, read, type Setting, setting, wholeNumber } from '../settings/setting.js'
import { settingsTable } from '../settings/table.js'
import type { EndOfRun, EpochMetrics, Progress } from './metrics.js'
import { runSettings, seedSetting } from './run-settings.js'

/** How the E step finds q(z), and q of the parameters. */
export const eSteps = {
  exact: 'the posterior p(z|x) itself',
  'monte-carlo': 'draws from it',
  'mean-field': 'a factorized q over latents and parameters',
} as const

/** The setting `method` of a model that can be fitted in these ways, the first by default. */
export function eStepSetting<const T extends readonly [keyof typeof eSteps, ...(keyof typeof eSteps)[]]>(
  ...names: T
): Setting<T[number]> {
  const list = names.map(name => `${eSteps[name]} (${name})`)
  return choice(names, names[0], `the E step: ${list.join(', ')}`)
}

/** At the beginning of the table of each EM method. */
export const firstEmSettings = {
  epochs: wholeNumber([1, 1e6], 50, 'passes over the training images, at most; each ends in an M step', true),
  tolerance: setting(
    z.number().positive().nullable(),
    1e-3,
    "a number above 0, or 'off'",
    'stop once a pass gains less than this many nats per image; Monte Carlo EM makes all its passes',
    read.numberOrOff,
    true,
  ),
}

/** At the end of the table. */
export const lastEmSettings = {
  seed: seedSetting('decides the start, the draws and the binary sample of the images'),
  batchSize: wholeNumber([1, 1e6], 1000, 'images per step; every image is used in each pass'),
  data: runSettings.data,
  trainImages: runSettings.trainImages,
  validationImages: runSettings.validationImages,
}

/** Of models of binary images. */
export const emBinarize = choice(
  ['dynamic', 'static'],
  'dynamic',
  'how grey pixels become binary: one Bernoulli draw of each image for the whole run (dynamic), or the threshold 0.5 (static)',
)

/** At the very end. */
export const machineSettings = {
  backend: runSettings.backend,
  compile: runSettings.compile,
  threads: runSettings.threads,
  imagesEvery: runSettings.imagesEvery,
}

/** Symmetric priors that lead to maximum a posteriori estimates. */
export const priorSetting = (description: string): Setting<number> =>
  setting(z.number().min(1), 1, 'a number of at least 1', description, read.number)

/** Every setting that config.json of an EM run held before each model had a table of its own. */
const FORMER = [
  ...[
    'model',
    'method',
    'epochs',
    'tolerance',
    'components',
    'covariance',
    'latentDim',
    'pca',
    'prior',
    'concentration',
  ],
  ...['hidden', 'activation', 'learningRate', 'varianceFloor', 'start', 'restarts', 'samples', 'sampler', 'chains'],
  ...[
    'discard',
    'leapfrogSteps',
    'stepSize',
    'targetAcceptance',
    'adaptPasses',
    'updates',
    'seed',
    'batchSize',
    'data',
  ],
  ...['trainImages', 'validationImages', 'binarize', 'backend', 'compile', 'threads', 'imagesEvery'],
]

/** The table of an EM method: config.json names its model first. */
export const emTable = <const Name extends string, T extends Parameters<typeof settingsTable>[0]>(
  model: Name,
  flags: T,
) => settingsTable({ model: choice([model], model, 'what is fitted'), ...flags }, FORMER)

interface EmConfig {
  method: keyof typeof eSteps
  tolerance: number | null
}

/** The gain of the last pass in nats per training image; undefined before the second pass. */
export function lastGain(history: readonly EpochMetrics[]): number | undefined {
  const [before, last] = history
    .slice(-2)
    .map(({ objective, elboAfterM, trainElbo }) => objective ?? elboAfterM ?? trainElbo)
  return before === undefined || last === undefined ? undefined : last - before
}

/** Converged once a pass gains less than the tolerance; draws do not converge. */
export function emFinished({ method, tolerance }: EmConfig, { history }: Progress): 'converged' | undefined {
  const gain = lastGain(history)
  if (tolerance === null || method === 'monte-carlo' || gain === undefined) return undefined
  return gain < tolerance ? 'converged' : undefined
}

export function describeEmEnd({ method, tolerance }: EmConfig, { ended, history }: EndOfRun): string {
  const gain = lastGain(history)
  const passes = `${history.length} ${history.length === 1 ? 'pass' : 'passes'}`
  if (method === 'monte-carlo') return `stopped after ${passes}; Monte Carlo EM makes all its passes`
  const more = `continue with --resume --epochs ${2 * Math.max(history.length, 25)}`
  if (gain === undefined) return `stopped after ${passes} without converging; ${more}`
  const gained = `the last pass gained ${gain.toPrecision(2)} nats/image`
  if (tolerance === null) return `stopped after ${passes}: ${gained}`
  if (ended === 'converged') return `converged after ${passes}: ${gained}, less than the tolerance of ${tolerance}`
  return `stopped after ${passes} without converging: ${gained}, more than the tolerance of ${tolerance}; ${more}`
}

/** What learns, as snapshots name it. */
export const emAlgorithm = (method: keyof typeof eSteps, model: string): string => `${method} em of ${model}`

/** EM has no schedule; a method whose M step ascends a gradient has one learning rate throughout. */
export const constantRates = (learningRate = 0) => ({ learningRate, beta: 1 })
