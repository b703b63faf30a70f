// The marks of a line chart in Observable Plot: axes, lines, standard errors, labels, heading.
import * as Plot from '@observablehq/plot'
import type { ChartAxes } from './chart-axes.js'
import { type ChartLayout, EDGE, type EndLabel, LABEL, LABEL_START, LINE_HEIGHT, TICK, TITLE } from './chart-layout.js'
import { type DrawnSeries, hasErrors, type LineChartSpec } from './chart-spec.js'

/** Colours of text and of secondary text. */
export const INK = '#222222'
export const QUIET = '#595959'
/** Colour of reference lines. */
export const REFERENCE_COLOR = QUIET
/** Colour of the line at which an axis starts. */
export const BASELINE = '#9a9a9a'
const GRID = '#e6e6e6'
/** A measured heading, and the margins of its chart. */
interface Heading {
  heading: ChartLayout['heading']
  margin: Pick<ChartLayout['margin'], 'top' | 'left'>
}

// Up to this many points, a series is drawn with dots and error bars; with more, as a line with a band.
const FEW_POINTS = 30

/** Ticks, grid and names of both axes; the name of y stands above its axis, so that it is horizontal. */
export function axisMarks({ xLabel, yLabel }: LineChartSpec, { x, y }: ChartAxes, { margin }: ChartLayout) {
  const tick = { color: QUIET, fontSize: TICK.fontSize, tickSize: 0, label: null }
  const label = { fill: INK, fontSize: LABEL.fontSize }
  return [
    Plot.gridY(y.ticks.values, { stroke: GRID, strokeOpacity: 1 }),
    Plot.axisY(y.ticks.values, { ...tick, tickFormat: y.ticks.format, tickPadding: 8 }),
    Plot.axisX(x.ticks.values, { ...tick, tickFormat: x.ticks.format, tickSize: 4, tickPadding: 5 }),
    Plot.ruleY([y.low], { stroke: BASELINE }),
    Plot.text([xLabel], { ...label, frameAnchor: 'bottom', lineAnchor: 'top', dy: 30 }),
    Plot.text([yLabel], { ...label, frameAnchor: 'top-left', lineAnchor: 'bottom', dx: EDGE - margin.left, dy: -14 }),
  ]
}

/** A thin line across the chart. */
export function referenceMark(y: number) {
  return Plot.ruleY([y], { stroke: REFERENCE_COLOR, strokeWidth: 1.2 })
}

/** Standard errors of a series, where it has any. */
export function errorMarks(series: DrawnSeries) {
  if (!hasErrors(series)) return []
  const { points, color } = series
  const bounds = { x: 'x', y1: 'low', y2: 'high', clip: true }
  if (points.length > FEW_POINTS) return [Plot.areaY(points, { ...bounds, fill: color, fillOpacity: 0.18 })]
  return [Plot.ruleX(points, { ...bounds, stroke: color, strokeWidth: 1.2, strokeOpacity: 0.7 })]
}

/** The line of a series, and dots where points are few or stand alone between gaps. */
export function lineMarks({ name, points, color, dashed }: DrawnSeries) {
  const dots = points.length > FEW_POINTS ? points.filter((_, index) => standsAlone(points, index)) : points
  const dash = dashed ? { strokeDasharray: '6 4' } : {}
  const strokeWidth = points.length > 300 ? 1.5 : 2
  return [
    Plot.line(points, { x: 'x', y: 'y', stroke: color, strokeWidth, ...dash, ariaLabel: () => name, clip: true }),
    Plot.dot(dots, { x: 'x', y: 'y', r: 3, fill: color, stroke: 'white', strokeWidth: 1, clip: true }),
  ]
}

function standsAlone(points: DrawnSeries['points'], index: number): boolean {
  const gap = (other: number) => Number.isNaN(points[other]?.y ?? Number.NaN)
  return gap(index - 1) && gap(index + 1)
}

/** The name of a line at its end, and a thin connector from one to the other, dotted where it crosses the plot. */
export function labelMarks({ lines, color, middle, across, outside }: EndLabel) {
  const thin = { x: 'x', y: 'y', stroke: color, strokeWidth: 1.2, strokeOpacity: 0.8 }
  const place = { frameAnchor: 'right', textAnchor: 'start', dx: LABEL_START, y: () => middle } as const
  return [
    Plot.line(across, { ...thin, strokeDasharray: '1.2 4' }),
    Plot.line(outside, thin),
    Plot.text([lines.join('\n')], { ...place, fill: INK, fontSize: LABEL.fontSize, lineHeight: LINE_HEIGHT }),
  ]
}

/** Title, subtitle and notes, of a chart with these margins. */
export function headingMarks({ heading, margin }: Heading) {
  return heading.map(({ lines, style, top }) =>
    Plot.text([lines.join('\n')], {
      ...style,
      fill: style === TITLE ? INK : QUIET,
      frameAnchor: 'top-left',
      textAnchor: 'start',
      lineAnchor: 'top',
      lineHeight: LINE_HEIGHT,
      dx: EDGE - margin.left,
      dy: top - margin.top,
    }),
  )
}
