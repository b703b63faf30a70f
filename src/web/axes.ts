/** Axes of a figure: scales, ticks at round values, labels with units. */
import { logTicks, roundTicks } from '../plots/ticks.js'
import { svgElement } from './dom.js'
import type { Surface } from './figure.js'

export interface AxesOptions {
  x: AxisOptions
  y: AxisOptions
  /** The same length for a unit of x and of y; the wider axis shows more than was asked for. */
  isSquare?: boolean
  /** Without lines behind the data. */
  noGrid?: boolean
  /** Space in pixels at the right, for labels at the ends of lines. */
  right?: number
}

export interface AxisOptions {
  /** With its unit, such as `ELBO (nats per image)`. */
  label: string
  domain: readonly [low: number, high: number]
  /** Only whole numbers have ticks. */
  isWhole?: boolean
  /** Ticks begin at this value; default: the low end of the domain. */
  ticksFrom?: number
  /** A logarithmic axis; both ends of its domain are above 0. */
  isLog?: boolean
}

/** The scales of drawn axes; pixels count from the left and from the top. */
export interface Axes {
  /** Data to pixels. */
  x(value: number): number
  y(value: number): number
  /** Pixels to data. */
  toX(pixel: number): number
  toY(pixel: number): number
  left: number
  right: number
  top: number
  bottom: number
  /** A group for the data, cut at the axes. */
  layer: SVGGElement
  /** A group above it, which is not cut. */
  over: SVGGElement
}

const MARGIN = { left: 62, right: 12, top: 10, bottom: 42 }
let clips = 0

/** Space in pixels left of the ticks of y, for the label of the axis. */
const LABEL = 27

/** Draws axes over the whole surface. */
export function drawAxes(surface: Surface, options: AxesOptions): Axes {
  const { svg, height } = surface
  const area = areaOf(surface, options)
  const [xDomain, yDomain] = options.isSquare ? squared(options, area) : [options.x.domain, options.y.domain]
  const x = scale(xDomain, [area.left, area.right], options.x.isLog)
  const y = scale(yDomain, [area.bottom, area.top], options.y.isLog)
  const grid = svgElement('g', { stroke: 'var(--grid)', 'aria-hidden': 'true' })
  const texts = svgElement('g', { 'aria-hidden': 'true' })
  svg.append(grid, texts)
  for (const { value, text } of ticks(options.x, xDomain, (area.right - area.left) / 90)) {
    const at = x.to(value)
    if (!options.noGrid) grid.append(svgElement('line', { x1: at, x2: at, y1: area.top, y2: area.bottom }))
    texts.append(svgElement('text', { x: at, y: area.bottom + 16, 'text-anchor': 'middle' }, text))
  }
  for (const { value, text } of ticks(options.y, yDomain, (area.bottom - area.top) / 45)) {
    const at = y.to(value)
    if (!options.noGrid) grid.append(svgElement('line', { x1: area.left, x2: area.right, y1: at, y2: at }))
    texts.append(svgElement('text', { x: area.left - 7, y: at + 4, 'text-anchor': 'end' }, text))
  }
  const middle = (area.top + area.bottom) / 2
  texts.append(
    svgElement('text', { x: (area.left + area.right) / 2, y: height - 6, 'text-anchor': 'middle' }, options.x.label),
    svgElement('text', { 'text-anchor': 'middle', transform: `translate(12 ${middle}) rotate(-90)` }, options.y.label),
  )
  return { x: x.to, y: y.to, toX: x.from, toY: y.from, ...area, ...layers(svg, area) }
}

interface Area {
  left: number
  right: number
  top: number
  bottom: number
}

/** The area of the data: ticks of y that are long move it to the right. */
function areaOf({ canvas, width, height }: Surface, options: AxesOptions): Area {
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom]
  const texts = ticks(options.y, options.y.domain, (bottom - top) / 45).map(({ text }) => text)
  const left = Math.max(MARGIN.left, LABEL + widest(canvas, texts))
  return { left, right: Math.max(left + 20, width - (options.right ?? MARGIN.right)), top, bottom }
}

/** The width in pixels of the widest text, in the font of a figure. */
function widest(canvas: CanvasRenderingContext2D, texts: readonly string[]): number {
  canvas.save()
  canvas.font = `12px ${getComputedStyle(canvas.canvas).fontFamily}`
  const widths = texts.map(text => canvas.measureText(text).width)
  canvas.restore()
  return Math.ceil(Math.max(0, ...widths))
}

function layers(svg: SVGSVGElement, { left, right, top, bottom }: Area) {
  clips += 1
  const id = `clip-${clips}`
  const rect = svgElement('rect', { x: left, y: top, width: right - left, height: Math.max(0, bottom - top) })
  const layer = svgElement('g', { 'clip-path': `url(#${id})` })
  const over = svgElement('g')
  svg.append(svgElement('clipPath', { id }, rect), layer, over)
  return { layer, over }
}

/** The domains, of which one is widened so that both axes have the same scale. */
function squared({ x, y }: AxesOptions, { left, right, top, bottom }: Area) {
  const unit = Math.max((x.domain[1] - x.domain[0]) / (right - left), (y.domain[1] - y.domain[0]) / (bottom - top))
  const around = ([low, high]: readonly [number, number], pixels: number) =>
    [(low + high - unit * pixels) / 2, (low + high + unit * pixels) / 2] as const
  return [around(x.domain, right - left), around(y.domain, bottom - top)] as const
}

function scale([low, high]: readonly [number, number], [from, to]: readonly [number, number], isLog = false) {
  const [a, b] = isLog ? [Math.log10(low), Math.log10(high)] : [low, high]
  const span = b - a || 1
  return {
    to: (value: number) => from + (((isLog ? Math.log10(value) : value) - a) / span) * (to - from),
    from(pixel: number) {
      const value = a + ((pixel - from) / (to - from)) * span
      return isLog ? 10 ** value : value
    },
  }
}

interface Tick {
  value: number
  text: string
}

/** Ticks asked for at most, where fewer give a single one, which is no scale. */
const MOST_TICKS = 10

function ticks(options: AxisOptions, domain: readonly [number, number], count: number): Tick[] {
  if (!(domain[1] > domain[0])) return []
  let wanted = Math.max(2, Math.min(MOST_TICKS, count))
  let found = someTicks(options, domain, wanted)
  while (found.length < 2 && wanted < MOST_TICKS) {
    wanted = Math.min(MOST_TICKS, 1.5 * wanted)
    found = someTicks(options, domain, wanted)
  }
  return found
}

function someTicks({ isWhole, isLog, ticksFrom }: AxisOptions, [low, high]: readonly [number, number], wanted: number) {
  if (isLog) {
    const { values, format } = logTicks(Math.log10(low), Math.log10(high), wanted)
    return values.map(value => ({ value: 10 ** value, text: format(value) }))
  }
  const { values, format } = roundTicks(low, high, wanted, isWhole)
  return values.filter(value => value >= (ticksFrom ?? low)).map(value => ({ value, text: format(value) }))
}

/** The text of a path through points in pixels; NaN breaks it. */
export function linePath(points: Iterable<readonly [x: number, y: number]>): string {
  let path = ''
  let isOpen = false
  for (const [x, y] of points) {
    if (Number.isFinite(x) && Number.isFinite(y)) {
      path += `${isOpen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`
      isOpen = true
    } else isOpen = false
  }
  return path
}

/** A domain around values, with a margin of a share of their range; `usual` if there are none. */
export function domainOf(
  values: Iterable<number>,
  margin = 0.05,
  usual: readonly [number, number] = [0, 1],
): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) return usual
  const room = (high - low || Math.abs(high) || 1) * margin
  return [low - room, high + room]
}
