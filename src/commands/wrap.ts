/** Lines that are wider than the terminal, broken at words. */
import { Help } from 'commander'

/** Fewer columns than these are not worth breaking lines for. */
const NARROWEST = 20

/** The lines of a text that is at most `columns` wide; those after the first are indented by `indent`. */
export function wrap(text: string, columns: number, indent = 0): string[] {
  if (text.length <= columns) return [text]
  const width = Math.max(columns - indent, NARROWEST)
  const helper = Object.assign(new Help(), { minWidthToWrap: NARROWEST })
  const [first = '', ...rest] = helper.boxWrap(`${' '.repeat(indent)}${text}`, width + indent).split('\n')
  const below = rest.length === 0 ? [] : helper.boxWrap(rest.join(' '), width).split('\n')
  return [first.slice(indent), ...below.map(line => ' '.repeat(indent) + line)]
}
