/** How long the rest of a comparison may take, by the runs that were made. */
import { type PlannedRun, runsToMake } from './compare-plan.js'

export interface RemainingTime {
  /** Learns what a choice took, and says in words what those behind it will take; nothing before one was made. */
  after(choice: readonly PlannedRun[], seconds: number): string
}

/** A run takes as long as others of its variant did, or else of its method, or else as any. */
export function remainingTime(choices: readonly (readonly PlannedRun[])[]): RemainingTime {
  const made: { run: PlannedRun; seconds: number }[] = []
  const toMake = runsToMake(choices)
  const mean = (values: readonly { seconds: number }[]) =>
    values.length > 0 ? values.reduce((sum, { seconds }) => sum + seconds, 0) / values.length : undefined
  const expected = ({ variant }: PlannedRun) =>
    mean(made.filter(({ run }) => run.variant.method === variant.method && run.variant.size === variant.size)) ??
    mean(made.filter(({ run }) => run.variant.method === variant.method)) ??
    mean(made) ??
    0
  return {
    after(choice, seconds) {
      const at = choices.indexOf(choice)
      const own = toMake[at] ?? []
      if (seconds > 0) made.push(...own.map(run => ({ run, seconds: seconds / own.length })))
      if (made.length === 0) return ''
      const next = toMake.slice(at + 1).flat()
      const left = next.reduce((sum, run) => sum + expected(run), 0)
      return `; about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left`
    },
  }
}
