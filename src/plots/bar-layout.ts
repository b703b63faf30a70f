// The layout of a bar chart, in pixels: names at the left, then one column of bars per scale.
import { axisEnd, type Bar, type BarChartSpec, type BarGroup, barLabel } from './bar-spec.js'
import { EDGE, type HeadingBlock, headingBlocks, LABEL, LINE_HEIGHT, SUBTITLE, TICK, TITLE } from './chart-layout.js'
import { seriesColor } from './chart-spec.js'
import { type TextStyle, textWidth, wrapText } from './fonts.js'

/** Style of column names and group names. */
const STRONG: TextStyle = { fontSize: 12, fontWeight: 'bold' }
/** Space between the end of a bar and its value. */
export const VALUE_GAP = 6

const QUIET_BAR = '#b4b4b4'
const NAME_WIDTH = 210
const NAME_GAP = 14
const COLUMN_GAP = 26
const GROUP_GAP = 12
const ROW_GAP = 7
const ALL_BARS = 560
const LEAST_BARS = 120
const CUT_NOTE = 'Bars with a gap are cut: their length is not to scale'
const SCALE_NOTE = 'each column has its own scale'

/** Lines of text whose first line starts at (x, y), its upper left corner. */
export interface TextBlock {
  lines: string[]
  x: number
  y: number
  style: TextStyle
}

/** A placed bar. `low` and `high` are the x of its range's ends, equal if it has none; `label` follows bar and range. */
export interface DrawnBar {
  left: number
  right: number
  top: number
  bottom: number
  low: number
  high: number
  label: string
  color: string
  cut: boolean
}

/** A measured bar chart. */
export interface BarLayout {
  width: number
  height: number
  heading: HeadingBlock[]
  strong: TextBlock[]
  names: TextBlock[]
  /** Texts in place of bars. */
  absent: TextBlock[]
  bars: DrawnBar[]
  /** A vertical line at the start of the bars of a group in a column: its x and its ends. */
  baselines: { x: number; top: number; bottom: number }[]
  xLabel: TextBlock
}

interface Column {
  name: string
  left: number
  /** Width of the bars alone. */
  barWidth: number
  /** Width with the values after them. */
  width: number
  end: number
}

/** Measures all text of a chart that passed `checkBars` and makes room for it; nothing is cut off or overlaps. */
export function barLayout(spec: BarChartSpec): BarLayout {
  const rows = spec.groups.flatMap(({ rows }) => rows)
  const names = rows.flatMap(({ name }) => wrapText(name, NAME_WIDTH, LABEL))
  const columns = placeColumns(spec, EDGE + widest(names, LABEL) + NAME_GAP)
  const titles = columns.map(({ name, width }) =>
    name.split('\n').flatMap(line => wrapText(line, width + COLUMN_GAP / 2, STRONG)),
  )
  const ends = columns.map(({ left, width }, c) => left + Math.max(width, widest(titles[c] ?? [], STRONG)))
  const width = Math.ceil(Math.max(...ends) + EDGE)
  const { blocks, bottom } = headingBlocks(heading(spec, columns), width - 2 * EDGE)
  const header = columns.map(({ left }, c) => block(titles[c] ?? [], left, bottom + 14, STRONG))
  const body = placeGroups(spec.groups, columns, Math.max(...header.map(below)) + (header.some(hasText) ? 6 : 0))
  const left = columns[0]?.left ?? EDGE
  const unit = columns.length > 1 ? `${spec.xLabel} · ${SCALE_NOTE}` : spec.xLabel
  const xLabel = block(wrapText(unit, width - left - EDGE, LABEL), left, body.bottom + 4, LABEL)
  const { bottom: _, strong, ...drawn } = body
  const shown = [...header, ...strong].filter(hasText)
  return { width, height: Math.ceil(below(xLabel) + EDGE), heading: blocks, ...drawn, strong: shown, xLabel }
}

function heading({ title, subtitle, groups }: BarChartSpec, columns: Column[]) {
  const isCut = columns.some(({ end }, index) => barsOf(groups, index).some(({ value }) => value > end))
  const details = [subtitle ?? '', isCut ? CUT_NOTE : ''].filter(text => text)
  return [{ text: title, style: TITLE }, ...details.map(text => ({ text, style: SUBTITLE }))]
}

function placeColumns({ columns, groups }: BarChartSpec, start: number): Column[] {
  const barWidth = Math.max(LEAST_BARS, ALL_BARS / columns.length)
  let next = start
  return columns.map((name, index) => {
    const bars = barsOf(groups, index)
    const labels = bars.map(({ value }) => barLabel(value))
    const width = barWidth + VALUE_GAP + widest(labels, TICK)
    const left = next
    next += width + COLUMN_GAP
    return { name, left, barWidth, width, end: axisEnd(bars) }
  })
}

function barsOf(groups: readonly BarGroup[], column: number): Bar[] {
  const cells = groups.flatMap(({ rows }) => rows.map(({ bars }) => bars[column]))
  return cells.filter((bar): bar is Bar => typeof bar === 'object')
}

function placeGroups(groups: readonly BarGroup[], columns: Column[], start: number) {
  const [strong, names, absent]: [TextBlock[], TextBlock[], TextBlock[]] = [[], [], []]
  const bars: DrawnBar[] = []
  const baselines: BarLayout['baselines'] = []
  let top = start
  groups.forEach(({ name, rows, quiet }, index) => {
    const color = quiet ? QUIET_BAR : seriesColor(index)
    const title = block(name ? wrapText(name, NAME_WIDTH, STRONG) : [], EDGE, top, STRONG)
    strong.push(title)
    const first = below(title) + (name ? 4 : 0)
    let y = first
    for (const row of rows) {
      const cells = columns.map((column, c) => placeCell(row.bars[c] ?? '', column, y, color))
      const texts = cells.flatMap(cell => ('lines' in cell ? [cell] : []))
      const label = block(wrapText(row.name, NAME_WIDTH, LABEL), EDGE, y, LABEL)
      names.push(label)
      absent.push(...texts)
      bars.push(...cells.flatMap(cell => ('lines' in cell ? [] : [cell])))
      y = Math.max(below(label), ...texts.map(below)) + ROW_GAP
    }
    const used = columns.filter((_, c) => rows.some(({ bars }) => bars[c] !== ''))
    baselines.push(...used.map(({ left }) => ({ x: left, top: first - 3, bottom: y - ROW_GAP + 3 })))
    top = y + GROUP_GAP
  })
  return { strong, names, absent, bars, baselines, bottom: top }
}

function placeCell(bar: Bar | string, column: Column, y: number, color: string): DrawnBar | TextBlock {
  const { left, barWidth, width, end } = column
  if (typeof bar === 'string') return block(wrapText(bar, width - VALUE_GAP, TICK), left + VALUE_GAP, y, TICK)
  const { value, low = value, high = value } = bar
  const cut = value > end
  const position = (length: number) => left + (end > 0 ? Math.min(1, length / end) : 0) * barWidth
  const right = position(value)
  const range = cut ? { low: right, high: right } : { low: position(low), high: position(high) }
  const bottom = y + LABEL.fontSize * LINE_HEIGHT
  return { left, right, top: y, bottom, ...range, label: barLabel(value), color, cut }
}

function block(lines: string[], x: number, y: number, style: TextStyle): TextBlock {
  return { lines, x, y, style }
}

function below({ lines, y, style }: TextBlock): number {
  return y + lines.length * style.fontSize * LINE_HEIGHT
}

function hasText({ lines }: TextBlock): boolean {
  return lines.some(line => line)
}

function widest(texts: string[], style: TextStyle): number {
  return Math.max(0, ...texts.map(text => textWidth(text, style)))
}
