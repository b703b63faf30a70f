// The ranges of a chart's axes. They include every point, except a steep start that would squash the rest.
import { type DrawnPoint, type DrawnSeries, finitePoints, hasErrors, type Scale } from './chart-spec.js'
import { logTicks, roundTicks, type Ticks } from './ticks.js'

/** Range and ticks of one axis; decimal logarithms on a logarithmic axis. */
export interface Axis {
  low: number
  high: number
  ticks: Omit<Ticks, 'step'>
}

/** Both axes, and notes for the heading on points left out and errors shown. */
export interface ChartAxes {
  x: Axis
  y: Axis
  notes: string[]
}

const X_TICKS = 9
const Y_TICKS = 6
// The start is cut only if it takes more than STEEP times the room of the rest; CONTEXT times that room of it stays visible.
const STEEP = 1.5
const CONTEXT = 0.25

/** Axes for series of which at least one has a finite point; `references` are y values, as drawn, that must be visible. */
export function chartAxes(
  series: readonly DrawnSeries[],
  references: readonly number[],
  { xScale, yScale }: { xScale?: Scale; yScale?: Scale } = {},
): ChartAxes {
  const { axis: y, notes } = yScale === 'log' ? logYAxis(series, references) : yAxis(series, references)
  return { x: xAxis(series, xScale), y, notes: [...notes, ...gapNotes(series), ...errorNotes(series)] }
}

function xAxis(series: readonly DrawnSeries[], scale: Scale | undefined): Axis {
  const xs = series.flatMap(finitePoints).map(({ x }) => x)
  const { low, high } = widen(extent(xs))
  if (scale === 'log') return { low, high, ticks: logTicks(low, high, X_TICKS) }
  return { low, high, ticks: roundTicks(low, high, X_TICKS, xs.every(Number.isInteger)) }
}

function yAxis(series: readonly DrawnSeries[], references: readonly number[]): { axis: Axis; notes: string[] } {
  const all = yExtent(series.map(finitePoints), references)
  const rest = yExtent(series.map(settled), references)
  const ys = series.flatMap(finitePoints).map(({ y }) => y)
  const ends = extent(ys)
  const room = rest.high - rest.low
  const cutLow = room > 0 && rest.low - ends.low > STEEP * room
  const cutHigh = room > 0 && ends.high - rest.high > STEEP * room
  const range = pad({
    low: cutLow ? rest.low - CONTEXT * room : all.low,
    high: cutHigh ? rest.high + CONTEXT * room : all.high,
  })
  const { step } = roundTicks(range.low, range.high, Y_TICKS)
  // An axis that cuts the data begins or ends at a tick.
  const low = cutLow ? Math.floor(range.low / step) * step : range.low
  const high = cutHigh ? Math.ceil(range.high / step) * step : range.high
  const ticks = roundTicks(low, high, Y_TICKS)
  const notes = [
    ...(cutLow ? [`Below the axis: ${first(ys.filter(y => y < low))}, down to ${ticks.format(ends.low)}`] : []),
    ...(cutHigh ? [`Above the axis: ${first(ys.filter(y => y > high))}, up to ${ticks.format(ends.high)}`] : []),
  ]
  return { axis: { low, high, ticks }, notes }
}

/** A logarithmic axis shows every point. */
function logYAxis(series: readonly DrawnSeries[], references: readonly number[]): { axis: Axis; notes: string[] } {
  const { low, high } = pad(yExtent(series.map(finitePoints), references))
  return { axis: { low, high, ticks: logTicks(low, high, Y_TICKS) }, notes: [] }
}

/** The points of a series without its first tenth (at least one point), where a training curve is steep. */
function settled(series: DrawnSeries): DrawnPoint[] {
  const points = finitePoints(series)
  return points.length < 5 ? points : points.slice(Math.ceil(points.length / 10))
}

function first({ length }: number[]): string {
  return length === 1 ? 'the first point' : `${length} of the first points`
}

function gapNotes(series: readonly DrawnSeries[]): string[] {
  return series.flatMap(({ name, points }) => {
    const gaps = points.filter(({ y }) => Number.isNaN(y)).length
    if (points.length === gaps) return [`No finite point: ${name}`]
    return gaps ? [`Not finite, left out: ${gaps} of ${points.length} points of ${name}`] : []
  })
}

function errorNotes(series: readonly DrawnSeries[]): string[] {
  return series.some(hasErrors) ? ['Shown with ± 1 standard error'] : []
}

interface Extent {
  low: number
  high: number
}

function yExtent(points: DrawnPoint[][], references: readonly number[]): Extent {
  return extent([...points.flat().flatMap(({ low, high }) => [low, high]), ...references])
}

function extent(values: readonly number[]): Extent {
  return values.reduce(({ low, high }, value) => ({ low: Math.min(low, value), high: Math.max(high, value) }), {
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
  })
}

/** Widens the range of a single value on both sides. */
function widen({ low, high }: Extent): Extent {
  const room = low === high ? Math.max(Math.abs(low) * 0.01, 0.5) : 0
  return { low: low - room, high: high + room }
}

function pad(range: Extent): Extent {
  const { low, high } = widen(range)
  const room = 0.04 * (high - low)
  return { low: low - room, high: high + room }
}
