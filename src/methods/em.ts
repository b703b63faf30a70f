/** Shared by all methods of `elbo em`: settings, the test of convergence, and the line at the end of a run. */
import { z } from 'zod'
import { gainLeft } from '../numeric/gain-left.js'
import { choice, type Description, grouped, inGroup, read, setting, wholeNumber } from '../settings/setting.js'
import { settingsTable } from '../settings/table.js'
import type { EndOfRun, EpochMetrics, Progress } from './metrics.js'
import {
  emWorkersSetting,
  readSettings,
  runSettings,
  seedSetting,
  testSetting,
  validationSetting,
} from './run-settings.js'

/** The usual kinds of E step. */
export const eSteps = {
  exact: 'the exact posterior p(z|x)',
  'monte-carlo': 'draws from p(z|x)',
  'mean-field': 'a factorized q over z and the parameters',
} as const

/** The setting `method` of a model with these kinds of E step, by name, each described for docs/settings.md; the first is the default. */
export function eStepSetting<Name extends string>(steps: Readonly<Record<Name, string>>) {
  const names = Object.keys(steps) as [Name, ...Name[]]
  const list = names.map(name => `${name}: ${steps[name]}.`)
  const about = ['the E step', `The E step. ${list.join(' ')}`] as const
  return grouped('E step and M step', choice(names, names[0], about))
}

/** The first settings of each EM method. */
export const firstEmSettings = inGroup('run', {
  epochs: wholeNumber(
    [1, 1e6],
    50,
    ['largest number of passes', 'Maximum number of passes over the training images. Each ends with an M step.'],
    true,
  ),
  tolerance: setting(
    z.number().positive().nullable(),
    1e-3,
    "a number above 0, or 'off'",
    [
      'stop when nothing more than this is gained, nats/image',
      'Stop when a pass gains less than this many nats per image, and further passes would too, all together. It has no effect on Monte Carlo EM.',
    ],
    read.numberOrOff,
    true,
  ),
})

/** The settings of each EM method that follow its own. */
export const lastEmSettings = {
  seed: grouped('run', seedSetting('seed of start, draws and binarization')),
  batchSize: grouped(
    'E step and M step',
    wholeNumber([1, 1e6], 1000, ['images per step', 'Images per step. Each pass uses every image.']),
  ),
  data: runSettings.data,
  trainImages: runSettings.trainImages,
  validation: { ...validationSetting, added: true as const },
  validationImages: runSettings.validationImages,
  test: testSetting,
  ...readSettings,
}

/** The setting `binarize` of models of binary images. */
export const emBinarize = grouped(
  'data',
  choice(['dynamic', 'static'], 'dynamic', [
    'binarization',
    'How levels become binary. dynamic: one Bernoulli draw per image for the whole run. static: a threshold at 0.5.',
  ]),
)

/** The last settings of each EM method. */
export const machineSettings = {
  backend: runSettings.backend,
  compile: runSettings.compile,
  threads: runSettings.threads,
  workers: emWorkersSetting,
  imagesEvery: runSettings.imagesEvery,
}

/** The symmetric prior of maximum a posteriori estimates. */
export const priorSetting = (description: Description) =>
  grouped('model', setting(z.number().min(1), 1, 'a number of at least 1', description, read.number))

/** All settings in config.json of older EM runs, from before each model had its own table. */
export const formerSettings: readonly string[] = [
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

/** The settings table of an EM method; the first entry of config.json is its model. `former` names settings of its older runs. */
export const emTable = <const Name extends string, T extends Parameters<typeof settingsTable>[0]>(
  model: Name,
  flags: T,
  former: readonly string[] = [],
) => settingsTable({ model: choice([model], model, 'model to fit'), ...flags }, former)

interface EmConfig {
  method: string
  tolerance: number | null
}

/** The gains of the passes since the first, in nats per training image. */
function gainsOf(history: readonly EpochMetrics[]): number[] {
  const objectives = history.map(({ objective, elboAfterM, trainElbo }) => objective ?? elboAfterM ?? trainElbo)
  return objectives.slice(1).map((value, i) => (value ?? Number.NaN) - (objectives[i] ?? Number.NaN))
}

/** A pass of exact EM or mean field that loses more than this, in nats per image, loses more than float32 rounding explains. */
const largestFall = ({ objective, elboAfterM }: EpochMetrics): number =>
  Math.max(1e-3, 2e-7 * Math.abs(objective ?? elboAfterM ?? 0))

/**
 * Converged when a pass gains less than the tolerance, and all further ones would gain less as well: on a plateau each pass gains little, and
 * together they gain much. The bound of exact EM and of mean field cannot fall, except by rounding: a fall ends the run. Monte Carlo EM never ends
 * before its last epoch.
 */
export function emFinished({ method, tolerance }: EmConfig, { history }: Progress): 'converged' | 'fallen' | undefined {
  const gains = gainsOf(history)
  const gain = gains.at(-1)
  if (method === 'monte-carlo' || gain === undefined) return undefined
  if (gain < -largestFall(history.at(-1) as EpochMetrics)) return 'fallen'
  return tolerance !== null && gain < tolerance && gainLeft(gains) < tolerance ? 'converged' : undefined
}

export function describeEmEnd({ method, tolerance }: EmConfig, { ended, history }: EndOfRun): string {
  const gains = gainsOf(history)
  const gain = gains.at(-1)
  const passes = `${history.length} ${history.length === 1 ? 'pass' : 'passes'}`
  if (method === 'monte-carlo') return `finished after ${passes}; Monte Carlo EM has no test of convergence`
  const more = `continue with --resume --epochs ${2 * Math.max(history.length, 25)}`
  if (gain === undefined) return `stopped after ${passes} without converging; ${more}`
  const gained = `the last pass gained ${gain.toPrecision(2)} nats/image`
  if (ended === 'fallen')
    return (
      `failed after ${passes}: the last pass lost ${(-gain).toPrecision(2)} nats/image, more than rounding explains, and the bound cannot fall; ` +
      `its numbers are not to be trusted, those of pass ${history.length - 1} were higher; a larger --variance-floor or fewer --components may help`
    )
  if (tolerance === null) return `stopped after ${passes}: ${gained}`
  if (ended === 'converged')
    return `converged after ${passes}: ${gained}, and further ones would gain less than the tolerance of ${tolerance}`
  return `stopped after ${passes} without converging: ${gained}, and further ones would gain ${describeLeft(gains)}; ${more}`
}

const describeLeft = (gains: readonly number[]): string => {
  const left = gainLeft(gains)
  return Number.isFinite(left) ? `about ${left.toPrecision(2)}` : 'as much each'
}

/** The name of the algorithm in snapshots. */
export const emAlgorithm = (method: string, model: string): string => `${method} em of ${model}`

/** EM has no schedule; if the M step takes gradient steps, their learning rate is constant. */
export const constantRates = (learningRate = 0) => ({ learningRate, beta: 1 })
