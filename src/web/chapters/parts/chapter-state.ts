/** The part of the page's state that belongs to one chapter: names with a prefix, values within bounds. */
import type { PageState } from '../../state.js'

export interface ChapterState {
  /** The number of that name, or `usual` if there is none; within the bounds. */
  number(name: string, usual: number, bounds: readonly [low: number, high: number]): number
  /** The text of that name if it is one of `values`, otherwise `usual`. */
  choice<T extends string>(name: string, values: readonly T[], usual: T): T
  /** Writes values once they have come to rest: browsers limit how often an address may change. */
  set(changes: Readonly<Record<string, string | number | undefined>>): void
  /** Writes what was not yet written. */
  dispose(): void
}

const REST = 250

export function chapterState(state: PageState, prefix: string): ChapterState {
  let waiting: Record<string, string | number | undefined> = {}
  let timer: ReturnType<typeof setTimeout> | undefined
  const write = () => {
    clearTimeout(timer)
    if (Object.keys(waiting).length > 0) state.set(waiting)
    waiting = {}
  }
  const full = (name: string) => `${prefix}-${name}`
  return {
    number: (name, usual, [low, high]) => Math.min(high, Math.max(low, state.number(full(name), usual))),
    choice: (name, values, usual) => values.find(value => value === state.get(full(name))) ?? usual,
    set(changes) {
      for (const [name, value] of Object.entries(changes))
        waiting[full(name)] = typeof value === 'number' ? Number(value.toPrecision(6)) : value
      clearTimeout(timer)
      timer = setTimeout(write, REST)
    },
    dispose: write,
  }
}
