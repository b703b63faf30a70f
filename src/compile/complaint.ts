/** How `scan` says what is wrong with what it was given. */

/** Throws the Error of one line with which `scan` refuses a call. */
export function fail(what: string): never {
  throw new Error(`scan: ${what}`)
}

/** Whether a value is a whole number from 0 up. */
export const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** What a value is, in a word: such as `undefined`, `Array`, `Float64Array`. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
}

/** A short text of a value. */
export function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
