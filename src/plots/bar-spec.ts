// The input of a bar chart, its checks, and the lengths of its axes.

/** Length of a bar, at least 0, and optionally the range of the measurements: low <= value <= high. */
export interface Bar {
  value: number
  low?: number
  high?: number
}

/** One row: one bar per column, in their order, or a text that says why there is none; '' leaves the place empty. */
export interface BarRow {
  name: string
  bars: readonly (Bar | string)[]
}

/** Rows that belong together: one colour, and a heading unless `name` is empty. */
export interface BarGroup {
  name: string
  rows: readonly BarRow[]
  /** Grey instead of a colour: for rows that do not compete, such as a bound. */
  quiet?: boolean
}

/** A chart of horizontal bars; `xLabel` is the unit of all columns, such as 'ms per step'. A column's name may have several lines. */
export interface BarChartSpec {
  title: string
  subtitle?: string
  xLabel: string
  columns: readonly string[]
  groups: readonly BarGroup[]
}

// A bar more than this many times as long as the median of its column is cut, because it would squash the others.
const FAR = 3

/** The value at the end of a column's axis: that of its longest bar or range, not counting bars that are cut. */
export function axisEnd(bars: readonly Bar[]): number {
  const values = bars.map(({ value }) => value).sort((a, b) => a - b)
  const limit = FAR * (values[values.length >> 1] ?? 0)
  const kept = bars.filter(({ value }) => value <= limit)
  return Math.max(0, ...kept.flatMap(({ value, high = value }) => [value, Math.min(high, limit)]))
}

/** The text at the end of a bar: three significant digits, and all digits before the decimal point. */
export function barLabel(value: number): string {
  const digits = value > 0 ? Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(value)))) : 0
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value)
}

/** @throws RangeError naming the bar or row that cannot be drawn */
export function checkBars({ title, columns, groups }: BarChartSpec): void {
  const fail = (what: string) => {
    throw new RangeError(`bar chart '${title}': ${what}`)
  }
  const rows = groups.flatMap(({ rows }) => rows)
  if (!rows.some(({ bars }) => bars.some(bar => typeof bar !== 'string'))) fail('at least one bar is needed')
  for (const { name, bars } of rows) {
    if (bars.length !== columns.length)
      fail(`row '${name}' must have one bar for each of the ${columns.length} columns, but has ${bars.length}`)
    for (const bar of bars) {
      if (typeof bar === 'string') continue
      const { value, low = value, high = value } = bar
      if (!(0 <= low && low <= value && value <= high && high < Number.POSITIVE_INFINITY))
        fail(`bar '${name}' must have finite 0 <= low <= value <= high, but has ${low}, ${value}, ${high}`)
    }
  }
}
