/** Labels in a CSV file: one column in the order of the images, or a column of file names and one of labels. */
import { basename, extname } from 'node:path'
import { csvParseRows } from 'd3-dsv'
import { readWhole } from '../../files/reading.js'
import { shortened } from '../../settings/setting.js'
import { type LabelValue, numberedLabels } from './parquet-labels.js'
import type { Labels, PartName } from './reader.js'

/** What labels are given to. */
interface Labelled {
  readonly count: number
  /** The file name of each image, where images are files. */
  readonly names?: readonly string[]
}

/** A longer text than this cannot be held in memory as one. */
const MOST_BYTES = 2 ** 28

/**
 * The labels of all parts, with the same numbers in each: whole numbers as they are, other labels in the order of their code points. Throws an
 * Error that names the file, and the line or the image that does not fit.
 */
export function labelsInFile(
  path: string,
  parts: Partial<Record<PartName, Labelled>>,
): Partial<Record<PartName, Labels>> {
  const rows = rowsOf(path)
  const entries = Object.entries(parts) as [PartName, Labelled][]
  const columns = columnsOf(path, rows, entries)
  const cells =
    columns.file === undefined
      ? inTheirOrder(path, rows, columns, entries)
      : byName(path, rows, { ...columns, file: columns.file }, entries)
  const { labels, warnings } = numberedLabels(numbersIfAll(cells))
  const [wrong] = warnings
  if (wrong) throw new Error(`${path}: ${wrong.message}`)
  return Object.fromEntries(labels)
}

/** A row, and its line in the file, counted from 1. */
interface Row {
  readonly cells: readonly string[]
  readonly line: number
}

function rowsOf(path: string): readonly Row[] {
  const text = readWhole(path, path, MOST_BYTES)
    .toString()
    .replace(/^\ufeff/, '')
  const rows = csvParseRows(text).map((cells, i) => ({ cells: cells.map(cell => cell.trim()), line: i + 1 }))
  const filled = rows.filter(({ cells }) => cells.some(cell => cell !== ''))
  const [first] = filled
  if (first === undefined) throw new Error(`${path}: there are no labels in this file`)
  const odd = filled.find(({ cells }) => cells.length !== first.cells.length)
  if (odd)
    throw new Error(
      `${path}: line ${odd.line} has ${odd.cells.length} cells, but line ${first.line} ${first.cells.length}`,
    )
  return filled
}

/** Where the labels are. */
interface Columns {
  /** Undefined: the labels are in the order of the images. */
  readonly file: number | undefined
  readonly label: number
  /** Whether the first row names the columns. */
  readonly hasHeader: boolean
}

const fileNames = ['file', 'filename', 'file_name', 'image', 'image_id', 'image_name', 'name', 'path', 'id']
const labelNames = ['label', 'labels', 'class', 'target', 'category']

function columnsOf(path: string, rows: readonly Row[], parts: readonly [PartName, Labelled][]): Columns {
  const [{ cells }] = rows as [Row, ...Row[]]
  const total = parts.reduce((sum, [, { count }]) => sum + count, 0)
  if (cells.length === 1) return { file: undefined, label: 0, hasHeader: rows.length === total + 1 }
  const lower = cells.map(cell => cell.toLowerCase())
  const find = (names: readonly string[]) => {
    const first = names.find(name => lower.includes(name))
    return first === undefined ? -1 : lower.indexOf(first)
  }
  const [file, label] = [find(fileNames), find(labelNames)]
  const areFiles = parts.some(([, { names }]) => names !== undefined)
  if (label >= 0 && (file >= 0 || !areFiles)) return { file: areFiles ? file : undefined, label, hasHeader: true }
  if (cells.length === 2 && areFiles) return { file: 0, label: 1, hasHeader: false }
  const wanted = areFiles ? `${listed(fileNames)}, and one of ${listed(labelNames)}` : listed(labelNames)
  throw new Error(`${path}: the columns are ${shortened(cells.join(', '))}; one of ${wanted} was expected`)
}

const listed = (names: readonly string[]): string => names.slice(0, 3).join(', ')

function inTheirOrder(
  path: string,
  rows: readonly Row[],
  { label, hasHeader }: Columns,
  parts: readonly [PartName, Labelled][],
): Map<PartName, string[]> {
  const [first, ...others] = parts as [[PartName, Labelled], ...[PartName, Labelled][]]
  if (others.length > 0)
    throw new Error(
      `${path}: labels in the order of the images need a source without parts of its own; this one has ${parts.map(([name]) => name).join(', ')}`,
    )
  const [name, { count }] = first
  const labels = rows.slice(hasHeader ? 1 : 0).map(row => labelIn(path, row, label))
  if (labels.length !== count) throw new Error(`${path}: ${labels.length} labels, but there are ${count} images`)
  return new Map([[name, labels]])
}

function labelIn(path: string, { cells, line }: Row, column: number): string {
  const label = cells[column] ?? ''
  if (label === '') throw new Error(`${path}: line ${line} has no label`)
  return label
}

/** What file names may leave out: folders, or folders and the ending. The first form in which any image is found holds for all. */
const forms: readonly ((name: string) => string)[] = [
  name => name,
  name => basename(name),
  name => basename(name, extname(name)),
]

function byName(
  path: string,
  rows: readonly Row[],
  { file, label, hasHeader }: Columns & { file: number },
  parts: readonly [PartName, Labelled][],
): Map<PartName, string[]> {
  const labelOf = new Map<string, string>()
  for (const row of rows.slice(hasHeader ? 1 : 0)) {
    const name = row.cells[file] ?? ''
    const found = labelIn(path, row, label)
    if ((labelOf.get(name) ?? found) !== found)
      throw new Error(`${path}: line ${row.line} gives ${shortened(name)} another label than a line before`)
    labelOf.set(name, found)
  }
  const names = parts.flatMap(([, part]) => part.names ?? [])
  const form = forms.find(one => names.some(name => labelOf.has(one(name))))
  if (form === undefined)
    throw new Error(`${path}: no image is named in this file; ${shortened(names[0] ?? '')} was looked for`)
  requireDistinct(path, names, form)
  return new Map(parts.map(([part, { names = [] }]) => [part, names.map(name => found(path, labelOf, name, form))]))
}

function found(
  path: string,
  labels: ReadonlyMap<string, string>,
  name: string,
  form: (name: string) => string,
): string {
  const label = labels.get(form(name))
  if (label === undefined) throw new Error(`${path}: there is no label of ${shortened(name)}`)
  return label
}

function requireDistinct(path: string, names: readonly string[], form: (name: string) => string): void {
  const seen = new Map<string, string>()
  for (const name of names) {
    const other = seen.get(form(name))
    if (other !== undefined && other !== name)
      throw new Error(
        `${path}: ${shortened(form(name))} may be ${shortened(other)} or ${shortened(name)}; give their whole paths`,
      )
    seen.set(form(name), name)
  }
}

/** Labels are numbers of classes only if all are. */
function numbersIfAll(cells: ReadonlyMap<PartName, readonly string[]>): Map<PartName, readonly LabelValue[]> {
  const areNumbers = [...cells.values()].flat().every(cell => /^\d{1,9}$/.test(cell))
  return new Map([...cells].map(([part, values]) => [part, areNumbers ? values.map(Number) : values]))
}
