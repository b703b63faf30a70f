/** The figure of the plane: background, codes, pointer, walk and pins. */
import type { Pair } from '../../evaluation/posterior-map.js'
import { type Axes, type AxesOptions, drawAxes } from '../axes.js'
import { svgElement } from '../dom.js'
import { type Figure, figure, type Surface } from '../figure.js'
import type { Opened } from '../model/with-model.js'
import { rgb } from '../posterior/latent-figure.js'
import type { PageState } from '../state.js'
import type { Theme } from '../theme.js'
import type { Basis } from './basis.js'
import { manifold } from './manifold.js'

export interface PlaneOptions {
  opened: Opened
  theme: Theme
  state: PageState
  basis: Basis
  domains: readonly [Readonly<Pair>, Readonly<Pair>]
  /** Asks for the image at a point. */
  decode(a: number, b: number): void
  pinned(points: readonly Pair[]): void
  walked(points: readonly Pair[]): void
}

export interface PlaneFigure extends Pick<Figure, 'root' | 'redraw' | 'command'> {
  dispose(): void
}

/** Images along a walk. */
const STEPS = 10

export function planeFigure(options: PlaneOptions): PlaneFigure {
  const { state } = options
  const stop = new AbortController()
  let axes: Axes | undefined
  let cursor: Pair = [0, 0]
  let pins = readPins(state.get('pins'))
  let walk: [Pair, Pair] | undefined
  const background = backgroundOf(options, () => made.redraw(), stop.signal)
  const made = emptyPlane(options, surface => {
    axes = drawAxes(surface, axesOf(options))
    if (state.get('manifold') !== 'off') background(surface, axes)
    if (state.get('codes') !== 'off') drawCodes(surface, axes, options)
    drawMarks()
  })
  const marks = svgElement('g')
  const drawMarks = () => {
    if (axes === undefined) return
    marks.replaceChildren(...marksOf(axes, cursor, pins, walk))
    axes.over.append(marks)
  }
  const move = (to: Pair) => {
    cursor = to
    options.decode(...to)
    drawMarks()
  }
  const pin = (at: Pair) => {
    pins = toggled(pins, at, axes)
    state.set({ pins: pinsText(pins) })
    options.pinned(pins)
    drawMarks()
  }
  const setWalk = (next: [Pair, Pair] | undefined) => {
    walk = next
    if (next) options.walked(between(...next))
    drawMarks()
  }
  listen(made.svg, () => axes, { move, pin, walk: setWalk, cursor: () => cursor })
  options.pinned(pins)
  options.walked([])
  move(pins[0] ?? [0, 0])
  return {
    root: made.root,
    redraw: made.redraw,
    command: made.command,
    dispose() {
      stop.abort()
      made.dispose()
    },
  }
}

const emptyPlane = (options: PlaneOptions, draw: (surface: Surface) => void): Figure =>
  figure({
    title: 'The latent plane',
    description:
      'Test images at the means of q(z|x), coloured by label, above images decoded over the plane. Arrow keys move a point that is decoded.',
    theme: options.theme,
    aspect: 0.82,
    height: [300, Math.max(420, Math.min(900, innerHeight - 250))],
    caption: captionOf(options),
    draw,
  })

const axesOf = ({ basis, domains }: PlaneOptions): AxesOptions => ({
  x: { label: basis.names[0], domain: domains[0] },
  y: { label: basis.names[1], domain: domains[1] },
  isSquare: true,
  noGrid: true,
})

const between = ([a, b]: Pair, [c, d]: Pair): Pair[] =>
  Array.from({ length: STEPS }, (_, i) => [a + ((c - a) * i) / (STEPS - 1), b + ((d - b) * i) / (STEPS - 1)])

/** The pins without the one that is close to a point; if there is none, with the point. */
function toggled(pins: readonly Pair[], at: Pair, axes: Axes | undefined): Pair[] {
  const close = pins.findIndex(
    ([a, b]) => axes !== undefined && Math.hypot(axes.x(a) - axes.x(at[0]), axes.y(b) - axes.y(at[1])) < 8,
  )
  return close < 0 ? [...pins, at] : pins.filter((_, i) => i !== close)
}

const pinsText = (pins: readonly Pair[]): string | undefined =>
  pins.length > 0 ? pins.map(one => one.map(value => value.toFixed(3)).join(',')).join(';') : undefined

function readPins(text: string | undefined): Pair[] {
  const pairs = (text ?? '').split(';').map(one => one.split(',').map(Number))
  return pairs.flatMap(([a = Number.NaN, b = Number.NaN]) =>
    Number.isFinite(a) && Number.isFinite(b) ? [[a, b] as const] : [],
  )
}

function captionOf({ opened: { images }, basis }: PlaneOptions): string {
  const others = basis.names[0].startsWith('z') ? '' : ' Other components are at the mean of the codes.'
  return `The first ${(basis.points.length / 2).toLocaleString('en')} test images of ${images.source} at the means of q(z|x)${images.labels ? ', by label' : ''}.${others}`
}

/** The decoded background: computed once for a grid of a size, drawn as far as it is there. */
function backgroundOf({ opened, basis, theme }: PlaneOptions, redraw: () => void, signal: AbortSignal) {
  let made: { key: string; canvas: HTMLCanvasElement; stop: AbortController } | undefined
  return ({ canvas, svg }: Surface, axes: Axes) => {
    const { images } = opened
    const [width, height] = [axes.right - axes.left, axes.bottom - axes.top]
    const tile = Math.max(22, Math.min(48, images.columns))
    const columns = Math.max(2, Math.round(width / tile))
    const rows = Math.max(2, Math.round((height / tile) * (images.columns / images.rows)))
    const ink = rgb(theme.colour('ink'))
    const key = `${columns} ${rows} ${ink}`
    if (made?.key !== key) {
      made?.stop.abort()
      const stop = new AbortController()
      const extent = {
        left: axes.toX(axes.left),
        right: axes.toX(axes.right),
        top: axes.toY(axes.top),
        bottom: axes.toY(axes.bottom),
      }
      const picture = manifold(
        {
          shown: opened,
          image: images,
          basis,
          extent,
          columns,
          rows,
          ink,
          signal: AbortSignal.any([stop.signal, signal]),
        },
        redraw,
      )
      made = { key, canvas: picture, stop }
    }
    canvas.globalAlpha = images.channels === 1 ? 0.5 : 0.8
    canvas.drawImage(made.canvas, axes.left, axes.top, width, height)
    canvas.globalAlpha = 1
    svg.dataset.tiles = `${columns}x${rows}`
  }
}

/** Pixels of a plane on which full dots would hide each other. */
const NARROW = 420

function drawCodes(
  { canvas }: Surface,
  axes: Axes,
  { opened: { images }, basis: { points }, theme }: PlaneOptions,
): void {
  const classes = images.labels?.names.length ?? 0
  const colours = Array.from({ length: 10 }, (_, i) => theme.colour(`series-${i + 1}`))
  const card = theme.colour('card')
  const radius = axes.right - axes.left < NARROW ? 2.2 : 3.4
  for (let i = 0; i < points.length / 2; i++) {
    const [x, y] = [axes.x(points[2 * i] as number), axes.y(points[2 * i + 1] as number)]
    if (x < axes.left || x > axes.right || y < axes.top || y > axes.bottom) continue
    canvas.beginPath()
    canvas.arc(x, y, radius, 0, 2 * Math.PI)
    canvas.fillStyle = colours[(images.labels?.values[i] ?? 0) % 10] ?? 'grey'
    canvas.fill()
    canvas.strokeStyle = card
    canvas.lineWidth = 0.8
    canvas.stroke()
  }
  if (classes > 1 && classes <= 10) legend(axes, images.labels?.names ?? [])
}

function legend({ left, right, top, over }: Axes, names: readonly string[]): void {
  const shown = names.map(name => (name.length > 12 ? `${name.slice(0, 11)}…` : name))
  const paper = svgElement('rect', { x: left, y: top, rx: 6, fill: 'var(--card)', 'fill-opacity': 0.88 })
  over.append(paper)
  let [x, y, widest] = [left + 12, top + 16, 0]
  shown.forEach((name, i) => {
    const width = 22 + 7 * name.length
    if (x + width > right) [x, y] = [left + 12, y + 18]
    const circle = svgElement('circle', { cx: x, cy: y - 4, r: 5, fill: `var(--series-${(i % 10) + 1})` })
    over.append(circle, svgElement('text', { x: x + 10, y, class: 'label' }, name))
    x += width
    widest = Math.max(widest, x)
  })
  paper.setAttribute('width', String(widest - left))
  paper.setAttribute('height', String(y + 8 - top))
}

function marksOf(
  axes: Axes,
  [a, b]: Pair,
  pins: readonly Pair[],
  walk: readonly [Pair, Pair] | undefined,
): SVGElement[] {
  const { x, y } = axes
  const line =
    walk &&
    svgElement('line', {
      x1: x(walk[0][0]),
      y1: y(walk[0][1]),
      x2: x(walk[1][0]),
      y2: y(walk[1][1]),
      stroke: 'var(--accent)',
      'stroke-width': 2.5,
    })
  const steps = walk
    ? between(...walk).map(([p, q]) => svgElement('circle', { cx: x(p), cy: y(q), r: 3, fill: 'var(--accent)' }))
    : []
  const pinned = pins.map(([p, q], i) =>
    svgElement(
      'g',
      {},
      svgElement('circle', {
        cx: x(p),
        cy: y(q),
        r: 8,
        fill: 'var(--card)',
        stroke: 'var(--accent)',
        'stroke-width': 2,
      }),
      svgElement('text', { x: x(p), y: y(q) + 4, 'text-anchor': 'middle', class: 'label' }, String(i + 1)),
    ),
  )
  const cross = svgElement(
    'g',
    { stroke: 'var(--ink)', 'stroke-width': 1.5, fill: 'none', class: 'cursor' },
    svgElement('circle', { cx: x(a), cy: y(b), r: 7 }),
    svgElement('path', { d: `M${x(a) - 12} ${y(b)}h7m10 0h7M${x(a)} ${y(b) - 12}v7m0 10v7` }),
  )
  return [...(line ? [line] : []), ...steps, ...pinned, cross]
}

interface Actions {
  move(to: Pair): void
  pin(at: Pair): void
  walk(next: [Pair, Pair] | undefined): void
  cursor(): Pair
}

/** A click moves less than this, in pixels. */
const CLICK = 5

function listen(svg: SVGSVGElement, axesNow: () => Axes | undefined, actions: Actions): void {
  svg.setAttribute('tabindex', '0')
  svg.setAttribute('role', 'application')
  svg.classList.add('plane')
  let start: { pixel: Pair; at: Pair } | undefined
  const at = (event: PointerEvent): { pixel: Pair; at: Pair } | undefined => {
    const axes = axesNow()
    const box = svg.getBoundingClientRect()
    const pixel = [event.clientX - box.left, event.clientY - box.top] as const
    return axes && { pixel, at: [axes.toX(pixel[0]), axes.toY(pixel[1])] }
  }
  svg.addEventListener('pointerdown', event => {
    start = at(event)
    svg.setPointerCapture(event.pointerId)
  })
  svg.addEventListener('pointermove', event => {
    const now = at(event)
    if (now === undefined) return
    actions.move(now.at)
    if (start && isFar(start.pixel, now.pixel)) actions.walk([start.at, now.at])
  })
  svg.addEventListener('pointerup', event => {
    const now = at(event)
    if (now && start && !isFar(start.pixel, now.pixel)) actions.pin(now.at)
    start = undefined
  })
  svg.addEventListener('keydown', event => {
    const axes = axesNow()
    if (axes === undefined) return
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      return actions.pin(actions.cursor())
    }
    const [dx = 0, dy = 0] = arrows[event.key] ?? []
    if (dx === 0 && dy === 0) return
    event.preventDefault()
    const pixels = event.shiftKey ? 2 : 12
    const [a, b] = actions.cursor()
    actions.move([axes.toX(axes.x(a) + dx * pixels), axes.toY(axes.y(b) + dy * pixels)])
  })
}

const arrows: Readonly<Record<string, Pair>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

const isFar = ([a, b]: Pair, [c, d]: Pair): boolean => Math.hypot(a - c, b - d) > CLICK
