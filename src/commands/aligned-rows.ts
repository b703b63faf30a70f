/** A table for a terminal. */

/** Pads the cells: the first column is aligned left, all others right. If a row is wider than `columns`, every row becomes a list. */
export function alignRows(rows: readonly (readonly string[])[], columns = Number.POSITIVE_INFINITY): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const lines = rows.map(row =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  )
  const [header = [], ...others] = rows
  return lines.every(({ length }) => length <= columns) ? lines : others.flatMap(row => listRow(header, row))
}

/** A row as a list: its first cell, and below it the name and the value of each of the others. */
export function listRow(header: readonly string[], [name = '', ...values]: readonly string[]): string[] {
  const names = header.slice(1)
  const width = Math.max(...names.map(({ length }) => length))
  return [name, ...values.map((value, i) => `  ${(names[i] ?? '').padEnd(width)}  ${value}`.trimEnd())]
}
