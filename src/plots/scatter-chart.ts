// Draws points of a plane by class as SVG text: a colour for each class, its name at its median and in the legend.
// Loading this module loads Observable Plot and linkedom, some 0.3 s: import it only when a chart is drawn.
import * as Plot from '@observablehq/plot'
import { EDGE, headingBlocks, LABEL, LINE_HEIGHT, SUBTITLE, TICK, TITLE } from './chart-layout.js'
import { BASELINE, headingMarks, INK, QUIET } from './chart-marks.js'
import { textWidth } from './fonts.js'
import { svgPlot } from './svg-plot.js'
import { roundTicks } from './ticks.js'

/** Points of a plane. */
export interface ScatterSpec {
  title: string
  subtitle?: string
  xLabel: string
  yLabel: string
  /** x and y of each point, [points, 2]. */
  points: Float64Array
  /** The class of each point, a number of `names`; absent: all points have one colour. */
  classes?: { values: Int32Array; names: readonly string[] }
}

// Observable's ten colours: about as many as people tell apart in dots.
const COLORS = [
  '#4269d0',
  '#efb118',
  '#ff725c',
  '#6cc5b0',
  '#3ca951',
  '#ff8ab7',
  '#a463f2',
  '#97bbf5',
  '#9c6b4e',
  '#333333',
] as const
const [PLAIN, OTHERS] = ['#0072B2', '#c8c8c8']
const SIDE = 520
const TICKS_AND_LABEL = 48
const LEGEND_ROW = 20
const MOST_DOTS = 20_000

/** Points of one class. */
interface Cloud {
  name: string
  color: string
  points: { x: number; y: number }[]
}

/**
 * Draws a scatter plot and returns an SVG document; the same spec always gives the same text. Beyond ten classes, the smallest are grey.
 *
 * @throws RangeError if there is no point, more than 20,000, or one that is not finite
 */
export function scatterChart(spec: ScatterSpec): string {
  check(spec)
  const clouds = cloudsOf(spec)
  const isColoured = spec.classes !== undefined
  const legend = isColoured ? 30 + Math.max(...clouds.map(({ name }) => textWidth(name, LABEL))) : 0
  const [x, y] = [axisOf(spec, 0), axisOf(spec, 1)]
  const left = EDGE + Math.max(...y.ticks.values.map(value => textWidth(y.ticks.format(value), TICK))) + 10
  const width = Math.ceil(left + SIDE + legend + EDGE)
  const titles = [
    { text: spec.title, style: TITLE },
    ...(spec.subtitle ? [{ text: spec.subtitle, style: SUBTITLE }] : []),
  ]
  const { blocks, bottom } = headingBlocks(titles, width - 2 * EDGE)
  const margin = { top: bottom + 40, right: legend + EDGE, bottom: TICKS_AND_LABEL + EDGE, left }
  return svgPlot({
    ariaLabel: spec.title,
    width,
    height: Math.ceil(margin.top + SIDE + margin.bottom),
    marginTop: margin.top,
    marginRight: width - left - SIDE,
    marginBottom: margin.bottom,
    marginLeft: margin.left,
    x: { domain: x.domain, axis: null },
    y: { domain: y.domain, axis: null },
    color: { type: 'identity' },
    marks: [
      ...axes(spec, x, y, left),
      dots(clouds),
      ...(isColoured ? [...clouds.flatMap(medianMark), ...clouds.flatMap(legendMarks)] : []),
      ...headingMarks({ heading: blocks, margin }),
    ],
  })
}

function check({ title, points }: ScatterSpec): void {
  const count = points.length / 2
  if (count < 1 || count > MOST_DOTS)
    throw new RangeError(`scatter chart '${title}': ${count} points; 1 to ${MOST_DOTS} can be drawn`)
  const wrong = points.findIndex(value => !Number.isFinite(value))
  if (wrong >= 0) throw new RangeError(`scatter chart '${title}': point ${wrong >> 1} is not finite: ${points[wrong]}`)
}

/** The points of each class that has any, in the order of their names; small classes beyond the colours are one, which comes first. */
function cloudsOf({ points, classes }: ScatterSpec): Cloud[] {
  const all = Array.from({ length: points.length / 2 }, (_, i) => ({
    x: points[2 * i] as number,
    y: points[2 * i + 1] as number,
  }))
  if (classes === undefined) return [{ name: '', color: PLAIN, points: all }]
  const groups = classes.names
    .map((name, number) => ({ name, points: all.filter((_, i) => classes.values[i] === number) }))
    .filter(group => group.points.length > 0)
  const largest = groups.toSorted((a, b) => b.points.length - a.points.length).slice(0, COLORS.length)
  const rest = groups.filter(group => !largest.includes(group))
  const coloured = groups.filter(group => largest.includes(group))
  const others = { name: `${rest.length} others`, color: OTHERS, points: rest.flatMap(group => group.points) }
  return [
    ...(rest.length > 0 ? [others] : []),
    ...coloured.map((group, i) => ({ ...group, color: COLORS[i] as string })),
  ]
}

interface Axis {
  domain: [number, number]
  ticks: ReturnType<typeof roundTicks>
}

function axisOf({ points }: ScatterSpec, axis: 0 | 1): Axis {
  const values = points.filter((_, i) => i % 2 === axis)
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))]
  const room = 0.04 * (high - low) || 1
  const domain: [number, number] = [low - room, high + room]
  return { domain, ticks: roundTicks(...domain, 6) }
}

function axes({ xLabel, yLabel }: ScatterSpec, x: Axis, y: Axis, left: number) {
  const tick = { color: QUIET, fontSize: TICK.fontSize, tickSize: 4, label: null }
  const label = { fill: INK, fontSize: LABEL.fontSize }
  return [
    Plot.axisX(x.ticks.values, { ...tick, tickFormat: x.ticks.format }),
    Plot.axisY(y.ticks.values, { ...tick, tickFormat: y.ticks.format }),
    Plot.frame({ stroke: BASELINE }),
    Plot.text([xLabel], { ...label, frameAnchor: 'bottom', lineAnchor: 'top', dy: 30 }),
    Plot.text([yLabel], { ...label, frameAnchor: 'top-left', lineAnchor: 'bottom', dx: EDGE - left, dy: -14 }),
  ]
}

/** The clouds in layers of equal size, so that none hides the others. */
function dots(clouds: readonly Cloud[]) {
  const colored = clouds.flatMap(({ points, color }) =>
    points.map((point, i) => ({ ...point, color, place: i / points.length })),
  )
  const r = colored.length > 500 ? 1.8 : 2.6
  const all = colored.sort((a, b) => a.place - b.place)
  return Plot.dot(all, { x: 'x', y: 'y', r, fill: 'color', fillOpacity: 0.65, sort: null })
}

/** The name of a class in the middle of its points. */
function medianMark({ name, points, color }: Cloud) {
  if (color === OTHERS) return []
  const middle = (axis: 'x' | 'y') =>
    points.map(point => point[axis]).sort((a, b) => a - b)[points.length >> 1] as number
  const style = { fontSize: 14, fontWeight: 'bold', fill: INK, stroke: 'white', strokeWidth: 4 } as const
  return [Plot.text([{ x: middle('x'), y: middle('y') }], { x: 'x', y: 'y', text: () => name, ...style })]
}

function legendMarks({ name, color }: Cloud, row: number) {
  const place = { frameAnchor: 'top-right', lineAnchor: 'top', textAnchor: 'start', lineHeight: LINE_HEIGHT } as const
  const dy = LEGEND_ROW * row
  return [
    Plot.text(['●'], { ...place, dx: 12, dy, fill: color, fontSize: 13 }),
    Plot.text([name], { ...place, dx: 28, dy, fill: INK, fontSize: LABEL.fontSize }),
  ]
}
