/** Estimates the remaining time of a comparison from its finished runs. */
import { type PlannedRun, runsToMake } from './compare-plan.js'

export interface RemainingTime {
  /** Records the time of a group of runs, and describes the estimated time of the groups after it; empty before the first time. */
  after(choice: readonly PlannedRun[], seconds: number): string
}

/** The estimate for a run is the mean time of its variant, or else of its method, or else of all runs. */
export function remainingTime(choices: readonly (readonly PlannedRun[])[]): RemainingTime {
  const finished: { run: PlannedRun; seconds: number }[] = []
  const toMake = runsToMake(choices)
  const mean = (values: readonly { seconds: number }[]) =>
    values.length > 0 ? values.reduce((sum, { seconds }) => sum + seconds, 0) / values.length : undefined
  const expected = ({ variant }: PlannedRun) =>
    mean(finished.filter(({ run }) => run.variant.method === variant.method && run.variant.size === variant.size)) ??
    mean(finished.filter(({ run }) => run.variant.method === variant.method)) ??
    mean(finished) ??
    0
  return {
    after(choice, seconds) {
      const at = choices.indexOf(choice)
      const group = toMake[at] ?? []
      if (seconds > 0) finished.push(...group.map(run => ({ run, seconds: seconds / group.length })))
      if (finished.length === 0) return ''
      const next = toMake.slice(at + 1).flat()
      const total = next.reduce((sum, run) => sum + expected(run), 0)
      return `; about ${total < 90 ? `${Math.ceil(total)} s` : `${Math.ceil(total / 60)} min`} left`
    },
  }
}
