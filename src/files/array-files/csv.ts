/** Comma-separated values (RFC 4180): a row per image, a column per number, with the number of the image first. */
import type { ArrayFormat, ArraySpec, Block } from './arrays.js'
import { rowSize } from './arrays.js'

export const csv: ArrayFormat = {
  ending: 'csv',
  holds: ({ shape }, rows) => shape[0] === rows && shape.length <= 2,
  open(file, specs) {
    let [at, row] = [0, 0]
    const append = (text: string) => {
      const bytes = Buffer.from(text)
      file.write(bytes, at)
      at += bytes.length
    }
    append(csvLine(['index', ...specs.flatMap(columnsOf)]))
    return {
      write(block) {
        const count = (block[specs[0]?.name ?? ''] as { length: number }).length / rowSize(specs[0] as ArraySpec)
        const lines = Array.from({ length: count }, (_, i) =>
          csvLine([String(row + i), ...specs.flatMap(spec => cellsOf(spec, block, i))]),
        )
        row += count
        append(lines.join(''))
      },
      finish() {},
    }
  },
}

/** A line of cells, with its line break. */
export const csvLine = (cells: readonly string[]): string => `${cells.map(quoted).join(',')}\n`

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

/** A float32 with the digits that tell it from its neighbours. */
export const shortest = (value: number): string => String(Number(value.toPrecision(9)))

const columnsOf = (spec: ArraySpec): string[] =>
  spec.shape.length === 1 ? [spec.name] : Array.from({ length: rowSize(spec) }, (_, j) => `${spec.name}_${j}`)

function cellsOf(spec: ArraySpec, block: Block, i: number): string[] {
  const rows = block[spec.name]
  if (rows === undefined) throw new Error(`CSV: the array ${spec.name} is missing`)
  if (spec.type === 'text') return [rows[i] as string]
  const size = rowSize(spec)
  return Array.from((rows as Float32Array).subarray(i * size, (i + 1) * size), shortest)
}
