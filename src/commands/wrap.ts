/** Lines that are wider than the terminal, broken at words. */
import { Help } from 'commander'

/** Fewer columns than these are not worth breaking lines for. */
const NARROWEST = 20

/** The lines of a text that is at most `columns` wide; those after the first are indented by `indent`. */
export function wrap(text: string, columns: number, indent = 0): string[] {
  if (text.length <= columns) return [text]
  const helper = Object.assign(new Help(), { minWidthToWrap: NARROWEST })
  const split = (part: string, width: number) => helper.boxWrap(part, Math.max(width, NARROWEST)).split('\n')
  const [first = '', ...rest] = split(text, columns)
  const below = rest.length === 0 ? [] : split(rest.join(' '), columns - indent)
  return [first, ...below.map(line => ' '.repeat(indent) + line)]
}
