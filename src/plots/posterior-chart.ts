// Draws images beside the true posterior density of their latents and the ellipses of an approximation, as SVG text.
// Loading this module loads Observable Plot and linkedom, some 0.3 s: import it only when a chart is drawn.
import * as Plot from '@observablehq/plot'
import { EDGE, headingBlocks, LABEL, SUBTITLE, TICK, TITLE } from './chart-layout.js'
import { BASELINE, headingMarks, INK, QUIET } from './chart-marks.js'
import { seriesColor } from './chart-spec.js'
import { greyImage, heatMap } from './heat-map.js'
import { stackCharts } from './stack-charts.js'
import { svgPlot } from './svg-plot.js'
import { roundTicks } from './ticks.js'

/** One image with its density over a square of the plane: p [side, side] from 0 to 1, its first row at the top. */
export interface PosteriorRow {
  title: string
  /** Grey levels 0 … 255, [height, width]. */
  image: { pixels: ArrayLike<number>; width: number; height: number }
  density: ArrayLike<number>
  side: number
  centre: readonly [number, number]
  radius: number
  /** The approximation, a diagonal Gaussian. */
  mu: readonly [number, number]
  sigma: readonly [number, number]
  /** Names and numbers beside the map, one below the other. */
  numbers: readonly (readonly [name: string, value: string])[]
}

export interface PosteriorChartSpec {
  title: string
  subtitle: string
  xLabel: string
  yLabel: string
  rows: readonly PosteriorRow[]
}

const MAP = 250
const IMAGE = 140
const LEFT = EDGE + IMAGE + 76
const RIGHT = 250
const TOP = 26
const BOTTOM = 52
const WIDTH = LEFT + MAP + RIGHT
const ELLIPSE = seriesColor(1)
const TEXT_START = 26
const NUMBER_END = RIGHT - EDGE

/** Draws one row per image and returns an SVG document; the same spec always gives the same text. */
export function posteriorChart({ title, subtitle, rows, ...labels }: PosteriorChartSpec): string {
  return stackCharts([headingChart(title, subtitle), ...rows.map(row => rowChart(row, labels))])
}

function headingChart(title: string, subtitle: string): string {
  const texts = [
    { text: title, style: TITLE },
    { text: subtitle, style: SUBTITLE },
  ]
  const { blocks, bottom } = headingBlocks(texts, WIDTH - 2 * EDGE)
  const marks = headingMarks({ heading: blocks, margin: { top: 0, left: 0 } })
  return svgPlot({ ariaLabel: title, width: WIDTH, height: Math.ceil(bottom + 4), margin: 0, marks })
}

function rowChart(row: PosteriorRow, { xLabel, yLabel }: Pick<PosteriorChartSpec, 'xLabel' | 'yLabel'>): string {
  const { centre, radius, title } = row
  const domain = (d: 0 | 1) => [centre[d] - radius, centre[d] + radius] as const
  return svgPlot({
    ariaLabel: title,
    width: WIDTH,
    height: TOP + MAP + BOTTOM,
    marginTop: TOP,
    marginBottom: BOTTOM,
    marginLeft: LEFT,
    marginRight: RIGHT,
    x: { domain: [...domain(0)], axis: null },
    y: { domain: [...domain(1)], axis: null },
    marks: [
      ...pictures(row),
      Plot.frame({ stroke: BASELINE }),
      ...axes(domain(0), domain(1), xLabel, yLabel),
      ...[1, 2].map(deviations => ellipse(row, deviations)),
      Plot.dot([row.mu], { x: '0', y: '1', r: 2.5, fill: ELLIPSE, clip: true }),
      ...texts(row),
    ],
  })
}

function pictures({ density, side, centre, image }: PosteriorRow) {
  const scale = Math.max(1, Math.round((2 * IMAGE) / Math.max(image.width, image.height)))
  const digit = greyImage(image.pixels, image.width, image.height, scale)
  const height = (IMAGE * image.height) / image.width
  return [
    Plot.image([centre], { x: '0', y: '1', src: () => heatMap(density, side), width: MAP, height: MAP }),
    Plot.image([centre], {
      x: '0',
      y: '1',
      src: () => digit,
      width: IMAGE,
      height,
      dx: EDGE + IMAGE / 2 - LEFT - MAP / 2,
    }),
  ]
}

function axes(x: readonly [number, number], y: readonly [number, number], xLabel: string, yLabel: string) {
  const tick = { color: QUIET, fontSize: TICK.fontSize, tickSize: 4, label: null }
  const label = { fill: INK, fontSize: LABEL.fontSize }
  const [first, second] = [roundTicks(...x, 5), roundTicks(...y, 5)]
  return [
    Plot.axisX(first.values, { ...tick, tickFormat: first.format, tickPadding: 4 }),
    Plot.axisY(second.values, { ...tick, tickFormat: second.format, tickPadding: 4 }),
    Plot.text([xLabel], { ...label, frameAnchor: 'bottom', lineAnchor: 'top', dy: 26 }),
    Plot.text([yLabel], { ...label, frameAnchor: 'top-left', textAnchor: 'end', lineAnchor: 'bottom', dx: -8, dy: -8 }),
  ]
}

const CORNERS = 96

/** The contour of q at `deviations` standard deviations. */
function ellipse({ mu, sigma }: PosteriorRow, deviations: number) {
  const points = Array.from({ length: CORNERS + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / CORNERS
    return [mu[0] + deviations * sigma[0] * Math.cos(angle), mu[1] + deviations * sigma[1] * Math.sin(angle)]
  })
  return Plot.line(points, { x: '0', y: '1', stroke: ELLIPSE, strokeWidth: 1.8, clip: true })
}

function texts({ title, numbers }: PosteriorRow) {
  const place = { frameAnchor: 'top-right', lineAnchor: 'top', fill: INK, fontSize: LABEL.fontSize } as const
  const line = (i: number) => 26 + 22 * i
  return [
    Plot.text([title], { ...place, textAnchor: 'start', dx: TEXT_START, fontWeight: 'bold' }),
    ...numbers.flatMap(([name, value], i) => [
      Plot.text([name], { ...place, textAnchor: 'start', dx: TEXT_START, dy: line(i) }),
      Plot.text([value], { ...place, textAnchor: 'end', dx: NUMBER_END, dy: line(i) }),
    ]),
  ]
}
