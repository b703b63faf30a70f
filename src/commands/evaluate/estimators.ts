/** The list of estimators, and the choice of one by the command line and the run. */
import type { TrainedRun } from '../../runs/trained-run.js'
import { kebabCase } from '../../settings/flag-names.js'
import { UsageError } from '../../settings/setting.js'
import { annealing } from './by-annealing.js'
import { oneStep } from './by-bound.js'
import { importance } from './by-importance.js'
import { quadratureOverGrid } from './by-quadrature.js'
import { simulation } from './by-simulation.js'
import type { Estimator } from './estimator.js'
import { gapParts } from './gap-parts.js'

/** The values of `--method`. */
const byMethod: readonly Estimator[] = [importance, annealing, quadratureOverGrid]

/** If the command line names none, the first of these that can measure the run is used. */
const byDefault: readonly Estimator[] = [importance, oneStep, annealing]

export const estimators: readonly Estimator[] = [
  importance,
  annealing,
  simulation,
  quadratureOverGrid,
  gapParts,
  oneStep,
]

export const methodNames = byMethod.map(({ name }) => name) as [string, ...string[]]

/** The parts of a command line that determine the estimator. */
export interface Asked {
  /** Undefined if it was not given. */
  method: string | undefined
  gaps: boolean
  /** The options that were given, and the switch `reference`. */
  given: Readonly<Record<string, unknown>>
}

/** The estimator that the command line names; undefined if the run determines it. */
function named({ method, gaps, given }: Asked): Estimator | undefined {
  if (gaps) return gapParts
  if (given.simulated != null) return simulation
  return byMethod.find(({ name }) => name === method)
}

/** Throws a `UsageError` for options that no possible estimator reads; called before anything is opened. */
export function checkOptions(asked: Asked): void {
  const requested = named(asked)
  const other =
    asked.method !== undefined &&
    (requested === gapParts || (requested === simulation && asked.method !== annealing.name))
  if (other)
    throw new UsageError(`--method ${asked.method}: has no effect with ${requested.flag}; leave one of the two out`)
  if (requested) requireRead(requested, asked)
  else if (byDefault.every(one => unread(one, asked) !== undefined)) requireRead(importance, asked)
}

/** The estimator for this run. Throws a `UsageError` if the run cannot be measured as asked, or an option would be ignored. */
export function chooseEstimator(run: TrainedRun, asked: Asked): Estimator {
  const chosen = named(asked) ?? byDefault.find(one => one.refuse(run, {}) === undefined) ?? importance
  requireRead(chosen, asked, run)
  const refusal = chosen.refuse(run, asked.given)
  if (refusal !== undefined) throw new UsageError(refusal)
  return chosen
}

/** An option that no estimator lists is read by all. */
const isRead = ({ options, comparable }: Estimator, name: string): boolean =>
  name === 'reference' ? comparable : name in options || !estimators.some(one => name in one.options)

const unread = (one: Estimator, { given }: Asked): string | undefined =>
  Object.keys(given).find(name => !isRead(one, name))

/** Throws a `UsageError` for an option that `chosen` does not read; names an estimator that reads it, and that can measure `run`. */
function requireRead(chosen: Estimator, asked: Asked, run?: TrainedRun): void {
  const name = unread(chosen, asked)
  if (name === undefined) return
  const reader = estimators.find(one => isRead(one, name) && (!run || one.refuse(run, {}) === undefined))
  throw new UsageError(
    `--${kebabCase(name)}: has no effect with ${chosen.flag}; leave it out${reader ? `, or use ${reader.flag}` : ''}`,
  )
}
