/** Numbers the labels of a table: whole numbers as they are, texts in the order of their code points. */
import { byCodePoints } from './find-files.js'
import type { Labels, PartName, Warning } from './reader.js'

/** A cell of a column of labels; null where there is none. */
export type LabelValue = number | string | null

export interface NumberedLabels {
  readonly labels: ReadonlyMap<PartName, Labels>
  readonly warnings: readonly Warning[]
}

/** More whole numbers than these are not classes. */
const MOST_CLASSES = 2 ** 16

/**
 * Labels of the parts, with the same numbers in all of them. `classNames` are the names of whole numbers, if known. A part in which an image has
 * no label (null, or a negative number) has none; if others of its images have one, a warning says so.
 */
export function numberedLabels(
  values: ReadonlyMap<PartName, readonly LabelValue[]>,
  classNames?: readonly string[],
): NumberedLabels {
  const warnings: Warning[] = []
  const complete = [...values].filter(([part, cells]) => {
    const missing = cells.filter(isMissing).length
    const message = `${missing} of ${cells.length} images of the part '${part}' have no label, so its labels are not read`
    if (missing > 0 && missing < cells.length) warnings.push({ kind: 'missing-labels', message })
    return cells.length > 0 && missing === 0
  })
  const distinct = [...new Set(complete.flatMap(([, cells]) => [...new Set(cells)]))]
  const names = classNamesOf(distinct, classNames)
  if (names === undefined) {
    const message = 'the column of labels has numbers beyond its classes, so labels are not read'
    return { labels: new Map(), warnings: [...warnings, { kind: 'wrong-labels', message }] }
  }
  const number = new Map(names.map((name, i) => [name, i]))
  const numberOf = (cell: LabelValue) => (typeof cell === 'number' ? cell : (number.get(String(cell)) ?? 0))
  const labels = complete.map(([part, cells]) => [part, { names, values: Int32Array.from(cells, numberOf) }] as const)
  return { labels: new Map(labels), warnings }
}

const isMissing = (cell: LabelValue): boolean => cell === null || (typeof cell === 'number' && cell < 0)

/** Names by number; undefined if there are numbers without a name. */
function classNamesOf(distinct: readonly LabelValue[], known: readonly string[] | undefined) {
  const numbers = distinct.filter(cell => typeof cell === 'number')
  if (numbers.length < distinct.length) return distinct.map(String).sort(byCodePoints)
  const count = numbers.reduce((most, number) => Math.max(most, number + 1), 0)
  if (known !== undefined) return count <= known.length ? known : undefined
  return count <= MOST_CLASSES ? Array.from({ length: count }, (_, i) => String(i)) : undefined
}
