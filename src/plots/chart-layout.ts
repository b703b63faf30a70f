// The layout around a plot: heading, margins wide enough for every text, labels at the lines' ends.
import type { Axis, ChartAxes } from './chart-axes.js'
import { type TextStyle, textWidth, wrapText } from './fonts.js'
import { spreadLabels } from './spread-labels.js'

/** Text sizes of a chart, in pixels, and the line height as a multiple of them. */
export const TITLE: TextStyle = { fontSize: 17, fontWeight: 'bold' }
export const SUBTITLE: TextStyle = { fontSize: 12.5 }
export const LABEL: TextStyle = { fontSize: 12 }
export const TICK: TextStyle = { fontSize: 11.5 }
export const LINE_HEIGHT = 1.3

/** White space around everything, and space inside the frame left and right of the lines. */
export const EDGE = 20
export const INSET = 8
/** Where labels start, right of the frame. */
export const LABEL_START = 30

const PLOT_WIDTH = 560
const PLOT_HEIGHT = 330
const LABEL_WIDTH = 190
const LEADER = 26
const LABEL_GAP = 3
const TICKS_AND_LABEL = 48

/** A label for the line that ends at (x, y), in data coordinates. */
export interface LineEnd {
  name: string
  color: string
  x: number
  y: number
}

interface Place {
  x: number
  y: number
}

/**
 * A placed label: lines of text and the y of their middle. Its connector runs across the plot from the line's end to the
 * last x, and from there outside of the plot to the label. All in data coordinates.
 */
export interface EndLabel {
  lines: string[]
  color: string
  middle: number
  across: Place[]
  outside: Place[]
}

/** Lines of text at the top, `top` pixels below the upper edge. */
export interface HeadingBlock {
  lines: string[]
  style: TextStyle
  top: number
}

/** A measured chart, in pixels. */
export interface ChartLayout {
  width: number
  height: number
  margin: { top: number; right: number; bottom: number; left: number }
  heading: HeadingBlock[]
  labels: EndLabel[]
}

/** Measures all text of a chart and makes room for it; nothing is cut off or overlaps. */
export function chartLayout(
  heading: { text: string; style: TextStyle }[],
  axes: ChartAxes,
  ends: LineEnd[],
): ChartLayout {
  const wrapped = ends.map(end => ({ ...end, lines: wrapText(end.name, LABEL_WIDTH, LABEL) }))
  const left = EDGE + widest(axes.y.ticks.values.map(axes.y.ticks.format), TICK) + 10
  const names = wrapped.flatMap(({ lines }) => lines)
  const right = LABEL_START + widest(names, LABEL) + EDGE
  const width = Math.ceil(left + PLOT_WIDTH + right)
  const { blocks, bottom } = headingBlocks(heading, width - 2 * EDGE)
  const top = bottom + 40
  const heights = wrapped.map(({ lines }) => lines.length * LABEL.fontSize * LINE_HEIGHT + LABEL_GAP)
  const plotHeight = Math.max(PLOT_HEIGHT, total(heights))
  const height = Math.ceil(top + plotHeight + TICKS_AND_LABEL + EDGE)
  const margin = { top, right: width - left - PLOT_WIDTH, bottom: height - top - plotHeight, left }
  return { width, height, margin, heading: blocks, labels: endLabels(wrapped, heights, axes, plotHeight) }
}

/** Breaks title and details into lines of at most `width` pixels, one below the other, which end at `bottom`. */
export function headingBlocks(heading: { text: string; style: TextStyle }[], width: number) {
  const blocks: HeadingBlock[] = []
  let bottom = EDGE
  for (const { text, style } of heading) {
    const lines = wrapText(text, width, style)
    blocks.push({ lines, style, top: bottom })
    bottom += lines.length * style.fontSize * LINE_HEIGHT + 4
  }
  return { blocks, bottom }
}

type WrappedEnd = LineEnd & { lines: string[] }

function endLabels(ends: WrappedEnd[], heights: number[], { x, y }: ChartAxes, plotHeight: number): EndLabel[] {
  const pixels = (value: number) => ((y.high - value) / span(y)) * plotHeight
  const wanted = ends.map((end, index) => ({ centre: pixels(end.y), height: heights[index] ?? 0 }))
  const centres = spreadLabels(wanted, -LABEL.fontSize, plotHeight + LABEL.fontSize)
  const pixelInX = span(x) / (PLOT_WIDTH - 2 * INSET)
  const edge = x.high + INSET * pixelInX
  const point = (x: number, y: number) => ({ x, y })
  return ends.map(({ lines, color, ...end }, index) => {
    const middle = y.high - ((centres[index] ?? 0) / plotHeight) * span(y)
    const across = [point(end.x, end.y), point(x.high, end.y)]
    const outside = [point(x.high, end.y), point(edge, end.y), point(edge + LEADER * pixelInX, middle)]
    return { lines, color, middle, across, outside }
  })
}

function span({ low, high }: Axis): number {
  return high - low
}

function widest(texts: string[], style: TextStyle): number {
  return Math.max(0, ...texts.map(text => textWidth(text, style)))
}

function total(heights: number[]): number {
  return heights.reduce((sum, height) => sum + height, 0)
}
