/** Curves of several runs over their epochs, with bands of one standard error and a reading at the pointer. */
import type { EpochMetrics } from '../../methods/metrics.js'
import { type Axes, domainOf, drawAxes, linePath } from '../axes.js'
import { nats, svgElement } from '../dom.js'
import { type Figure, figure, type Surface } from '../figure.js'
import type { Theme } from '../theme.js'
import type { Quantity } from './quantities.js'

export interface Curve {
  name: string
  /** A colour of style.css, such as `series-1`. */
  colour: string
  lines: readonly EpochMetrics[]
}

export type XAxis = 'epoch' | 'seconds'

export interface CurvesOptions {
  quantity: Quantity
  theme: Theme
  aspect?: number
  /** Whether the names of runs stand at the ends of their curves. */
  hasNames?: boolean
}

export interface Curves {
  readonly root: HTMLElement
  show(curves: readonly Curve[], x: XAxis): void
  dispose(): void
}

/** Points of one curve: where a line lacks the quantity there is none. */
interface Points {
  curve: Curve
  x: number[]
  y: number[]
  error: (number | undefined)[]
}

/** A figure of curves, empty until `show`. */
export function curvesFigure({ quantity, theme, aspect = 0.5, hasNames = false }: CurvesOptions): Curves {
  let points: Points[] = []
  let x: XAxis = 'epoch'
  let drawn: Drawn | undefined
  const made: Figure = figure({
    title: quantity.title,
    description: quantity.description,
    theme,
    aspect,
    height: [180, 560],
    draw: surface => {
      drawn = drawCurves(surface, points, { quantity, x, hasNames })
    },
  })
  const read = (event: PointerEvent) => {
    if (drawn === undefined) return
    const box = made.svg.getBoundingClientRect()
    showReading(drawn, event.clientX - box.left, x)
  }
  made.svg.addEventListener('pointermove', read)
  made.svg.addEventListener('pointerleave', () => drawn?.reading.replaceChildren())
  return {
    root: made.root,
    show(curves, axis) {
      x = axis
      points = curves.map(curve => pointsOf(curve, quantity, axis))
      made.redraw()
    },
    dispose: made.dispose,
  }
}

function pointsOf(curve: Curve, { of }: Quantity, axis: XAxis): Points {
  const points: Points = { curve, x: [], y: [], error: [] }
  for (const line of curve.lines) {
    const [value, error] = of(line)
    if (value === undefined || !Number.isFinite(value)) continue
    points.x.push(axis === 'epoch' ? line.epoch : line.seconds)
    points.y.push(value)
    points.error.push(error ?? undefined)
  }
  return points
}

interface Drawn {
  axes: Axes
  points: readonly Points[]
  reading: SVGGElement
  digits: number
}

interface Shown {
  quantity: Quantity
  x: XAxis
  hasNames: boolean
}

function drawCurves(surface: Surface, points: readonly Points[], { quantity, x, hasNames }: Shown): Drawn | undefined {
  const values = points.flatMap(({ y }) => y)
  if (values.length === 0) {
    const text = svgElement(
      'text',
      { x: surface.width / 2, y: surface.height / 2, 'text-anchor': 'middle' },
      'no run chosen has this yet',
    )
    surface.svg.append(text)
    return undefined
  }
  const isLog = quantity.isLog === true && Math.min(...extremes(values)) > 0
  const axes = drawAxes(surface, {
    x: {
      label: x === 'epoch' ? 'epoch' : 'seconds of training',
      domain: domainOf(
        points.flatMap(one => extremes(one.x)),
        0.02,
      ),
      isWhole: x === 'epoch',
    },
    y: { label: quantity.label, domain: isLog ? logDomain(values) : robustDomain(points), isLog },
    ...(hasNames && surface.width > 560 && { right: 110 }),
  })
  for (const one of points) drawCurve(axes, one)
  if (hasNames && surface.width > 560) drawNames(axes, points)
  const reading = svgElement('g')
  axes.over.append(reading)
  return { axes, points, reading, digits: quantity.id === 'rate' ? 6 : 2 }
}

/** The smallest and the largest value. */
function extremes(values: readonly number[]): number[] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return [low, high]
}

function logDomain(values: readonly number[]): readonly [number, number] {
  const [low = 1, high = 1] = extremes(values)
  return [low / 1.15, high * 1.15]
}

/** The first epochs of a long training would flatten all that follows: the lowest twentieth of the values is left out of the scale. */
function robustDomain(points: readonly Points[]): readonly [number, number] {
  const all = points.flatMap(({ y, x }) => (x.length > 20 ? y.slice(Math.ceil(y.length / 20)) : y))
  return domainOf(all, 0.06)
}

function drawCurve({ x, y, layer }: Axes, { curve, ...points }: Points): void {
  const colour = `var(--${curve.colour})`
  const kept = decimated(points.x.length)
  const edge = (sign: number) =>
    kept.map(i => [x(points.x[i] as number), y((points.y[i] as number) + sign * (points.error[i] ?? 0))] as const)
  if (points.error.some(error => error !== undefined))
    layer.append(
      svgElement('path', {
        d: `${linePath([...edge(1), ...edge(-1).reverse()])}Z`,
        fill: colour,
        'fill-opacity': 0.18,
        stroke: 'none',
      }),
    )
  const line = kept.map(i => [x(points.x[i] as number), y(points.y[i] as number)] as const)
  layer.append(
    svgElement('path', {
      d: linePath(line),
      fill: 'none',
      stroke: colour,
      'stroke-width': 1.8,
      'stroke-linejoin': 'round',
      'data-run': curve.name,
    }),
  )
  const last = line.at(-1)
  if (last) layer.append(svgElement('circle', { cx: last[0], cy: last[1], r: 3, fill: colour }))
}

/** Points that a path draws at most. */
const MOST_POINTS = 700

/** The numbers of the points that are drawn: evenly, and the last. */
function decimated(count: number): number[] {
  const every = Math.max(1, Math.ceil(count / MOST_POINTS))
  const kept = Array.from({ length: Math.ceil(count / every) }, (_, i) => i * every)
  if (count > 0 && kept.at(-1) !== count - 1) kept.push(count - 1)
  return kept
}

/** Names beside the last points, spread so that they do not overlap; those without room are left out. */
function drawNames({ y, right, bottom, over }: Axes, points: readonly Points[]): void {
  const ends = points
    .filter(one => one.y.length > 0)
    .map(({ curve, y: values }) => ({ curve, at: y(values.at(-1) as number) }))
    .sort((a, b) => a.at - b.at)
  const places = spread(
    ends.map(({ at }) => at + 4),
    [12, bottom],
  )
  for (const [i, shown] of places.entries()) {
    const { curve } = ends[i] as (typeof ends)[number]
    const name = curve.name.length > 14 ? `${curve.name.slice(0, 13)}…` : curve.name
    over.append(coloured(svgElement('text', { x: right + 8, y: shown, class: 'label' }, name), curve.colour))
  }
}

/** Pixels between the base lines of names. */
const LINE = 14

/** Rising places near the wanted ones, a line apart from each other and within the bounds; the last that have no room are left out. */
function spread(wanted: readonly number[], [top, bottom]: readonly [number, number]): number[] {
  const places = wanted.slice(0, Math.floor((bottom - top) / LINE) + 1)
  places.forEach((place, i) => {
    places[i] = Math.max(place, i === 0 ? top : (places[i - 1] as number) + LINE)
  })
  for (let i = places.length - 1; i >= 0; i--)
    places[i] = Math.min(places[i] as number, i + 1 < places.length ? (places[i + 1] as number) - LINE : bottom)
  return places
}

function coloured(text: SVGTextElement, colour: string): SVGTextElement {
  text.style.fill = `var(--${colour})`
  return text
}

/** Values at the pointer: of each curve that at the nearest epoch; at most ten, the highest first. */
function showReading({ axes, points, reading, digits }: Drawn, pixel: number, axis: XAxis): void {
  reading.replaceChildren()
  if (pixel < axes.left || pixel > axes.right) return
  const wanted = axes.toX(pixel)
  const rows = points
    .flatMap(one => {
      const i = nearest(one.x, wanted)
      return i < 0
        ? []
        : [
            {
              name: one.curve.name,
              colour: one.curve.colour,
              x: one.x[i] as number,
              y: one.y[i] as number,
              error: one.error[i],
            },
          ]
    })
    .sort((a, b) => b.y - a.y)
    .slice(0, 10)
  if (rows.length === 0) return
  const texts = rows.map(
    ({ name, y, error }) =>
      `${name.slice(0, 24)}  ${nats(y, digits)}${error === undefined ? '' : ` ± ${error.toFixed(2)}`}`,
  )
  const width = 16 + 7 * Math.max(...texts.map(({ length }) => length))
  const left = pixel + 12 + width > axes.right ? pixel - 12 - width : pixel + 12
  const at = axis === 'epoch' ? `epoch ${rows[0]?.x}` : `${rows[0]?.x.toFixed(0)} s`
  reading.append(
    svgElement('line', {
      x1: pixel,
      x2: pixel,
      y1: axes.top,
      y2: axes.bottom,
      stroke: 'var(--quiet)',
      'stroke-dasharray': '3 3',
    }),
    svgElement('rect', {
      x: left,
      y: axes.top + 4,
      width,
      height: 24 + 16 * rows.length,
      rx: 6,
      fill: 'var(--card)',
      stroke: 'var(--line)',
      'fill-opacity': 0.95,
    }),
    svgElement('text', { x: left + 8, y: axes.top + 20 }, at),
    ...rows.map(({ colour, x, y }, i) =>
      svgElement(
        'g',
        {},
        svgElement('circle', { cx: axes.x(x), cy: axes.y(y), r: 3.5, fill: `var(--${colour})`, stroke: 'var(--card)' }),
        coloured(svgElement('text', { x: left + 8, y: axes.top + 37 + 16 * i }, texts[i]), colour),
      ),
    ),
  )
}

/** The index of the value nearest to `wanted` in rising values; -1 if there are none. */
function nearest(values: readonly number[], wanted: number): number {
  let [low, high] = [0, values.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((values[middle] as number) < wanted) low = middle
    else high = middle
  }
  if (values.length === 0) return -1
  return Math.abs((values[low] as number) - wanted) <= Math.abs((values[high] as number) - wanted) ? low : high
}
