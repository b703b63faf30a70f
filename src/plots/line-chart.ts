// Draws a line chart as SVG text, by Observable Plot on linkedom's document; a pure function of its data.
// Loading this module loads both libraries, some 0.3 s: import it only when a chart is drawn.
import type * as Plot from '@observablehq/plot'
import { type ChartAxes, chartAxes } from './chart-axes.js'
import { type ChartLayout, chartLayout, INSET, type LineEnd, SUBTITLE, TITLE } from './chart-layout.js'
import {
  axisMarks,
  errorMarks,
  headingMarks,
  labelMarks,
  lineMarks,
  REFERENCE_COLOR,
  referenceMark,
} from './chart-marks.js'
import { type DrawnSeries, drawnSeries, finitePoints, type LineChartSpec, place } from './chart-spec.js'
import { svgPlot } from './svg-plot.js'

/**
 * Draws a line chart and returns it as an SVG document; the same spec always gives the same text.
 *
 * Each line has its name at its end. A point that is not finite is a gap; first points that would squash the rest lie
 * outside of the frame. The heading notes both. Standard errors are bars, or a band if there are many points.
 *
 * @throws RangeError if no series has a finite point, a reference line is not finite, or a logarithmic x is not above 0
 */
export function lineChart(spec: LineChartSpec): string {
  const { references = [] } = spec
  const series = drawnSeries(spec)
  check(spec, series)
  const levels = references.map(({ y }) => place(y, spec.yScale))
  const axes = chartAxes(series, levels, spec)
  const layout = chartLayout(heading(spec, axes), axes, lineEnds(spec, series, axes))
  const marks = [
    ...axisMarks(spec, axes, layout),
    ...levels.map(referenceMark),
    ...layout.labels.flatMap(labelMarks),
    ...series.flatMap(errorMarks),
    ...series.flatMap(lineMarks),
    ...headingMarks(layout),
  ]
  return plot(spec, axes, layout, marks)
}

function check({ title, references = [], ...spec }: LineChartSpec, series: DrawnSeries[]): void {
  const low = spec.xScale === 'log' && spec.series.find(({ points }) => points.some(([x]) => x <= 0))
  if (low)
    throw new RangeError(
      `line chart '${title}': on a logarithmic axis every x must be above 0, but '${low.name}' has one that is not`,
    )
  if (!series.some(line => finitePoints(line).length))
    throw new RangeError(`line chart '${title}': at least one series must have a finite point, but none has`)
  const invalid = references.find(({ y }) => !Number.isFinite(place(y, spec.yScale)))
  if (invalid)
    throw new RangeError(
      `line chart '${title}': reference line '${invalid.label}' must be ${spec.yScale === 'log' ? 'above 0' : 'finite'}, but is ${invalid.y}`,
    )
}

function heading({ title, subtitle }: LineChartSpec, { notes }: ChartAxes) {
  const details = [subtitle ?? '', notes.join(' · ')].filter(text => text)
  return [{ text: title, style: TITLE }, ...details.map(text => ({ text, style: SUBTITLE }))]
}

function lineEnds({ references = [], yScale }: LineChartSpec, series: DrawnSeries[], axes: ChartAxes): LineEnd[] {
  const ends = series.flatMap(line => {
    const last = finitePoints(line).at(-1)
    return last ? [{ name: line.name, color: line.color, x: last.x, y: last.y }] : []
  })
  const levels = references.map(({ label, y }) => ({
    name: label,
    color: REFERENCE_COLOR,
    x: axes.x.high,
    y: place(y, yScale),
  }))
  return [...ends, ...levels]
}

function plot({ title }: LineChartSpec, { x, y }: ChartAxes, layout: ChartLayout, marks: Plot.Markish[]): string {
  const { top, right, bottom, left } = layout.margin
  return svgPlot({
    ariaLabel: title,
    width: layout.width,
    height: layout.height,
    marginTop: top,
    marginRight: right,
    marginBottom: bottom,
    marginLeft: left,
    x: { domain: [x.low, x.high], inset: INSET, axis: null },
    y: { domain: [y.low, y.high], axis: null },
    marks,
  })
}
