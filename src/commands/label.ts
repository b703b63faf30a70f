/** `--label` of the commands that draw images of one class of a conditional model. */
import { classNumber, listed } from '../data/classes.js'
import type { TrainedRun } from '../runs/trained-run.js'
import { grouped, text, UsageError } from '../settings/setting.js'

export const labelOption = grouped(
  'output',
  text(
    [
      'class to draw, of a run with --condition label',
      'The class to draw, of a run with --condition label: its name, or its number from 0.',
    ],
    { placeholder: 'name', unset: 'none' },
  ),
)

/** The names of the classes that a run reads; undefined if it reads none. */
export const classNamesOf = ({ snapshot }: TrainedRun): readonly string[] | undefined => snapshot.data.classes?.names

/** The number of the class `label`; undefined if none is given. Throws a `UsageError` if the run has no such class. */
export function labelNumber(run: TrainedRun, label: string | null): number | undefined {
  if (label === null) return undefined
  const names = classNamesOf(run)
  if (names) return classNumber(label, names)
  throw new UsageError(`--label ${label}: this run reads no labels; leave it out, or train one with --condition label`)
}

/** The same; throws a `UsageError` if a run that reads labels is given none. */
export function requireLabel(run: TrainedRun, label: string | null, what: string): number | undefined {
  const names = classNamesOf(run)
  if (names && label === null)
    throw new UsageError(`${what}: this run reads labels; choose a class with --label, one of ${listed(names)}`)
  return labelNumber(run, label)
}
