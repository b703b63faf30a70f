/** The line of a progress bar, which fits into the terminal. */

const FULL = '█'
const EMPTY = '░'
const LONGEST_BAR = 24
/** A shorter bar shows nothing. */
const SHORTEST_BAR = 8

/** What separates the parts of the text. */
const SEPARATOR = ' | '

export interface BarState {
  done: number
  total: number
  unit: string
  /** Parts with the most important one first, separated by ' | '. */
  text: string
}

/** A bar, the count, and as many parts of the text as fit into `columns`. */
export function barLine({ done, total, unit, text }: BarState, columns: number): string {
  const count = `${done}/${total} ${unit}`
  const room = columns - SHORTEST_BAR - 1
  const parts = text.split(SEPARATOR).filter(part => part !== '')
  let line = count
  for (const part of parts) {
    if (line.length + SEPARATOR.length + part.length > room) break
    line += SEPARATOR + part
  }
  const length = Math.min(LONGEST_BAR, columns - line.length - 1)
  if (length < SHORTEST_BAR) return line.slice(0, columns)
  const full = Math.round((total > 0 ? Math.min(1, done / total) : 0) * length)
  return `${FULL.repeat(full)}${EMPTY.repeat(length - full)} ${line}`
}
