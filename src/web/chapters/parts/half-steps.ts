/** What the buttons of EM's half steps share. */
import type { HalfStep } from '../numbers/mixture.js'

/** The half step that comes next: a second E step would change nothing, and a second M step has no new q. */
export const nextOf = (history: readonly HalfStep[]): 'E' | 'M' => (history.at(-1)?.kind === 'E' ? 'M' : 'E')

/** Whether a whole pass raised log p(x) by less than `least`. */
export function hasConverged(history: readonly HalfStep[], least: number): boolean {
  const [last, before] = [history.at(-1), history.at(-3)]
  return last?.kind === 'M' && before?.kind === 'M' && last.logPx - before.logPx < least
}

/** Shows which of the two buttons comes next. */
export function markNext({ e, m }: { e: HTMLElement; m: HTMLElement }, next: 'E' | 'M'): void {
  for (const [control, kind] of [
    [e, 'E'],
    [m, 'M'],
  ] as const) {
    control.classList.toggle('primary', kind === next)
    control.setAttribute('aria-disabled', String(kind !== next))
  }
}
