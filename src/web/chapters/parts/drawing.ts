/** Curves, areas and ellipses in the coordinates of axes. */
import { type Axes, linePath } from '../../axes.js'
import { svgElement } from '../../dom.js'

export type Point = readonly [x: number, y: number]

interface Stroke {
  /** A colour of style.css. */
  colour: string
  width?: number
  dashes?: string
  opacity?: number
}

const stroked = ({ colour, width = 2, dashes, opacity }: Stroke) => ({
  ...{ stroke: `var(--${colour})`, 'stroke-width': width, fill: 'none', 'stroke-linejoin': 'round' },
  ...{ 'stroke-dasharray': dashes, opacity },
})

/** A line through points of the data. */
export function drawLine(axes: Axes, points: readonly Point[], stroke: Stroke): void {
  const d = linePath(points.map(([x, y]) => [axes.x(x), axes.y(y)]))
  axes.layer.append(svgElement('path', { d, ...stroked(stroke) }))
}

/** The area between a curve and another one, or the x axis. */
export function drawArea(
  axes: Axes,
  points: readonly Point[],
  colour: string,
  opacity: number,
  lower: readonly Point[] = points.map(([x]) => [x, 0] as const),
): void {
  if (points.length < 2) return
  const around = [...points, ...lower.toReversed()].map(([x, y]) => [axes.x(x), axes.y(y)] as const)
  axes.layer.append(
    svgElement('path', {
      d: `${linePath(around)}Z`,
      fill: `var(--${colour})`,
      'fill-opacity': opacity,
      stroke: 'none',
    }),
  )
}

/** A closed curve, filled. */
export function drawLoop(axes: Axes, points: readonly Point[], stroke: Stroke & { fillOpacity: number }): void {
  const d = `${linePath(points.map(([x, y]) => [axes.x(x), axes.y(y)]))}Z`
  const fill = { fill: `var(--${stroke.colour})`, 'fill-opacity': stroke.fillOpacity }
  axes.layer.append(svgElement('path', { d, ...stroked(stroke), ...fill }))
}

/** A word in the colour of what it names, at pixels. */
export function drawLabel(axes: Axes, [x, y]: Point, colour: string, text: string, anchor = 'start'): void {
  const label = svgElement('text', { x, y, class: 'series-label', 'text-anchor': anchor }, text)
  // A style, because style.css gives every text of a figure its own colour.
  label.style.fill = `var(--${colour})`
  axes.over.append(label)
}

/** `count` + 1 values from `low` to `high`. */
export const between = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count + 1 }, (_, i) => low + ((high - low) * i) / count)

/** A dot of the data. */
export function drawDot(axes: Axes, [x, y]: Point, colour: string, radius = 3.5, isHollow = false): void {
  const [fill, width] = isHollow ? ['var(--card)', 2] : [`var(--${colour})`, 0]
  axes.layer.append(
    svgElement('circle', {
      cx: axes.x(x),
      cy: axes.y(y),
      r: radius,
      fill,
      stroke: `var(--${colour})`,
      'stroke-width': width,
    }),
  )
}
