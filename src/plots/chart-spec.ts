// The input of a line chart, and the series as they are drawn.

/** x, y and optionally the standard error of y. A value that is not finite leaves a gap. */
export type ChartPoint = readonly [x: number, y: number, standardError?: number]

/** One line of a chart; its points are joined in the order given. */
export interface ChartSeries {
  name: string
  points: readonly ChartPoint[]
  dashed?: boolean
  /** Series of one group have one colour. */
  group?: string
}

/** A horizontal line across the chart. */
export interface ReferenceLine {
  label: string
  y: number
}

export type Scale = 'linear' | 'log'

/** A line chart. Axis labels include the unit, such as 'ELBO (nats per image)'. */
export interface LineChartSpec {
  title: string
  subtitle?: string
  xLabel: string
  yLabel: string
  /** 'log': equal factors of x have equal lengths; every x must be above 0. */
  xScale?: Scale
  /** 'log': equal factors of y have equal heights; a y that is not above 0 leaves a gap. */
  yScale?: Scale
  series: readonly ChartSeries[]
  references?: readonly ReferenceLine[]
}

/** A point ready to draw: decimal logarithms on logarithmic axes; y is NaN where there is a gap, low and high are y -/+ its standard error. */
export interface DrawnPoint {
  x: number
  y: number
  low: number
  high: number
}

/** A series ready to draw, gaps included. */
export interface DrawnSeries {
  name: string
  color: string
  dashed: boolean
  points: DrawnPoint[]
}

// Okabe and Ito's palette, distinguishable with every kind of colour vision.
const COLORS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000'] as const

/** The colour of the series, or of the group of bars, at a place in its chart. */
export function seriesColor(index: number): string {
  return COLORS[index % COLORS.length] ?? COLORS[0]
}

/** Gives each series, or each group of series, a colour, and turns every value that cannot be drawn into a gap. */
export function drawnSeries({
  series,
  xScale,
  yScale,
}: Pick<LineChartSpec, 'series' | 'xScale' | 'yScale'>): DrawnSeries[] {
  const colored = [...new Set(series.map(colorOwner))]
  return series.map((line, index) => ({
    name: line.name,
    color: seriesColor(colored.indexOf(colorOwner(line, index))),
    dashed: line.dashed ?? false,
    points: line.points.map(([x, y, standardError]) => drawnPoint([place(x, xScale), y, standardError ?? 0], yScale)),
  }))
}

/** The owner of a colour: a group or, by its index, a series without one. */
const colorOwner = ({ group }: ChartSeries, index: number): string | number => group ?? index

/** The position of a value on an axis. */
export const place = (value: number, scale: Scale | undefined): number => (scale === 'log' ? Math.log10(value) : value)

/** On a logarithmic axis, an error bar that would reach 0 ends at a tenth of the value. */
const LOWEST = 0.1

function drawnPoint([x, value, standardError]: Required<ChartPoint>, scale: Scale | undefined): DrawnPoint {
  const y = place(value, scale)
  if (!Number.isFinite(x) || !Number.isFinite(y)) return { x, y: Number.NaN, low: Number.NaN, high: Number.NaN }
  const error = Number.isFinite(standardError) ? standardError : 0
  const low = scale === 'log' ? Math.max(value - error, LOWEST * value) : value - error
  return { x, y, low: place(low, scale), high: place(value + error, scale) }
}

/** The points of a series that are not gaps. */
export function finitePoints({ points }: DrawnSeries): DrawnPoint[] {
  return points.filter(({ y }) => !Number.isNaN(y))
}

/** Whether any point of a series has a standard error to show. */
export function hasErrors({ points }: DrawnSeries): boolean {
  return points.some(({ low, high }) => low < high)
}
