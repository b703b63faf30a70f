/** How long the rest of a comparison may take, by the runs that were made. */
import type { PlannedRun } from '../comparison/plan.js'

export interface RemainingTime {
  /** Learns what a run took, and says in words what the runs behind it will take; nothing before one was made. */
  after(run: PlannedRun, seconds: number): string
}

/** A run takes as long as others of its variant did, or else of its method, or else as any. */
export function remainingTime(runs: readonly PlannedRun[]): RemainingTime {
  const made: { run: PlannedRun; seconds: number }[] = []
  const mean = (values: readonly { seconds: number }[]) =>
    values.length > 0 ? values.reduce((sum, { seconds }) => sum + seconds, 0) / values.length : undefined
  const expected = ({ variant }: PlannedRun) =>
    mean(made.filter(({ run }) => run.variant.method === variant.method && run.variant.size === variant.size)) ??
    mean(made.filter(({ run }) => run.variant.method === variant.method)) ??
    mean(made) ??
    0
  return {
    after(run, seconds) {
      if (seconds > 0) made.push({ run, seconds })
      if (made.length === 0) return ''
      const left = runs.slice(runs.indexOf(run) + 1).reduce((sum, next) => sum + expected(next), 0)
      return `; about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left`
    },
  }
}
