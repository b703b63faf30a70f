// Draws a chart of horizontal bars as SVG text, in the style of the line chart; a pure function of its data.
// Loading this module loads Observable Plot and linkedom, some 0.3 s: import it only when a chart is drawn.
import * as Plot from '@observablehq/plot'
import { type BarLayout, barLayout, type DrawnBar, type TextBlock, VALUE_GAP } from './bar-layout.js'
import { type BarChartSpec, checkBars } from './bar-spec.js'
import { LINE_HEIGHT, TICK } from './chart-layout.js'
import { BASELINE, headingMarks, INK, QUIET } from './chart-marks.js'
import { svgPlot } from './svg-plot.js'

/**
 * Draws rows of bars and returns an SVG document; the same spec always gives the same text.
 *
 * Every column has its own linear scale, which starts at 0. The value stands at each bar's end; its range is a thin line.
 * A bar more than three times as long as its column's median is cut, and drawn with a gap.
 *
 * @throws RangeError if there is no bar, a row lacks one bar per column, or a bar violates finite 0 <= low <= value <= high
 */
export function barChart(spec: BarChartSpec): string {
  checkBars(spec)
  const layout = barLayout(spec)
  const { width, height, names, strong, absent, xLabel, bars } = layout
  const marks = [
    ...bars.flatMap(barMarks),
    ...baselineMarks(layout),
    ...[...names, ...strong].map(text => textMark(text, INK)),
    ...[...absent, xLabel].map(text => textMark(text, QUIET)),
    ...headingMarks({ heading: layout.heading, margin: { top: 0, left: 0 } }),
  ]
  return svgPlot({
    ariaLabel: spec.title,
    width,
    height,
    margin: 0,
    x: { type: 'identity', axis: null },
    y: { type: 'identity', axis: null },
    marks,
  })
}

function barMarks({ left, right, top, bottom, low, high, label, color, cut }: DrawnBar) {
  const middle = (top + bottom) / 2
  const value = { x: () => Math.max(right, high), y: () => middle, dx: VALUE_GAP, textAnchor: 'start' } as const
  // A white stroke across a cut bar, near its end, leaning to the right.
  const gap = { x1: right - 18, y1: bottom + 1, x2: right - 10, y2: top - 1 }
  return [
    Plot.rect([0], { x1: left, x2: right, y1: top, y2: bottom, fill: color }),
    ...(cut ? [Plot.link([gap], { x1: 'x1', y1: 'y1', x2: 'x2', y2: 'y2', stroke: 'white', strokeWidth: 4 })] : []),
    ...(low < high ? [rangeMark(low, high, middle)] : []),
    Plot.text([label], { ...value, fill: INK, fontSize: TICK.fontSize }),
  ]
}

/** A thin line over the measured range. */
function rangeMark(low: number, high: number, y: number) {
  return Plot.link([{ low, high, y }], { x1: 'low', x2: 'high', y1: 'y', y2: 'y', stroke: INK, strokeWidth: 1.2 })
}

function baselineMarks({ baselines }: BarLayout) {
  const ends = { x1: 'x', x2: 'x', y1: 'top', y2: 'bottom' }
  return [Plot.link(baselines, { ...ends, stroke: BASELINE, strokeWidth: 1 })]
}

function textMark({ lines, x, y, style }: TextBlock, fill: string) {
  const place = { x: () => x, y: () => y, textAnchor: 'start', lineAnchor: 'top', lineHeight: LINE_HEIGHT } as const
  return Plot.text([lines.join('\n')], { ...place, ...style, fill, dy: 1 })
}
