/** q(z|x) as an ellipse beside the contours of p(z|x), and draws from q, in a plane of two dimensions. */
import { contours } from 'd3-contour'
import type { Pair } from '../../evaluation/posterior-map.js'
import { type Axes, drawAxes } from '../axes.js'
import { svgElement } from '../dom.js'
import { type Figure, figure, type Surface } from '../figure.js'
import type { Theme } from '../theme.js'
import type { PlaneIntegrals } from './integrals.js'

export interface LatentPlane {
  /** The dimensions that are drawn. */
  dimensions: Pair
  mu: Pair
  sigma: Pair
  /** Draws from q(z|x), as pairs. */
  draws: readonly Pair[]
  /** p(z|x) by quadrature, for models of two dimensions. */
  truth?: PlaneIntegrals
}

export interface LatentFigure extends Pick<Figure, 'root' | 'caption' | 'command' | 'dispose'> {
  show(plane: LatentPlane | undefined): void
}

export function latentFigure(theme: Theme): LatentFigure {
  let plane: LatentPlane | undefined
  const made = figure({
    title: 'The posterior and its approximation',
    description:
      'The ellipse of q(z|x) at one and two standard deviations, draws from it, and contours of the true posterior p(z|x) where the model has two dimensions.',
    theme,
    aspect: 0.9,
    height: [280, 620],
    draw: surface => {
      if (plane) drawPlane(surface, plane, theme)
    },
  })
  return {
    root: made.root,
    caption: made.caption,
    command: made.command,
    dispose: made.dispose,
    show(next) {
      plane = next
      made.redraw()
    },
  }
}

function drawPlane(surface: Surface, plane: LatentPlane, theme: Theme): void {
  const { mu, sigma, truth, dimensions } = plane
  const reach = (d: 0 | 1): readonly [number, number] =>
    truth
      ? [truth.centre[d] - truth.radius, truth.centre[d] + truth.radius]
      : [mu[d] - 4 * Math.max(...sigma), mu[d] + 4 * Math.max(...sigma)]
  const axes = drawAxes(surface, {
    x: { label: `z ${dimensions[0]}`, domain: reach(0) },
    y: { label: `z ${dimensions[1]}`, domain: reach(1) },
    isSquare: true,
  })
  if (truth) drawTruth(surface, axes, truth, theme)
  for (const [a, b] of plane.draws)
    axes.layer.append(
      svgElement('circle', {
        cx: axes.x(a),
        cy: axes.y(b),
        r: 2.2,
        fill: 'var(--approximation)',
        'fill-opacity': 0.55,
      }),
    )
  for (const deviations of [1, 2])
    axes.layer.append(
      svgElement('ellipse', {
        cx: axes.x(mu[0]),
        cy: axes.y(mu[1]),
        rx: Math.abs(axes.x(deviations * sigma[0]) - axes.x(0)),
        ry: Math.abs(axes.y(deviations * sigma[1]) - axes.y(0)),
        fill: 'none',
        stroke: 'var(--approximation)',
        'stroke-width': 2,
        'stroke-dasharray': deviations === 2 ? '5 4' : undefined,
      }),
    )
  axes.layer.append(
    svgElement('circle', { cx: axes.x(mu[0]), cy: axes.y(mu[1]), r: 3.5, fill: 'var(--approximation)' }),
  )
  legend(axes, truth !== undefined)
}

/** Shares of the mass of p(z|x) that contours hold. */
const SHARES = [0.5, 0.9, 0.99]

function drawTruth(
  { canvas }: Surface,
  axes: Axes,
  { density, side, centre, radius }: PlaneIntegrals,
  theme: Theme,
): void {
  const shade = new OffscreenCanvas(side, side)
  const context = shade.getContext('2d')
  if (context === null) return
  const [r = 0, g = 0, b = 0] = rgb(theme.colour('posterior'))
  const pixels = new ImageData(side, side)
  density.forEach((value, i) => {
    const row = side - 1 - Math.floor(i / side) // z_2 rises upwards
    pixels.data.set([r, g, b, 200 * value], 4 * (row * side + (i % side)))
  })
  context.putImageData(pixels, 0, 0)
  const half = radius / (side - 1) // points are the middles of pixels
  const [left, right] = [axes.x(centre[0] - radius - half), axes.x(centre[0] + radius + half)]
  const [top, bottom] = [axes.y(centre[1] + radius + half), axes.y(centre[1] - radius - half)]
  canvas.save()
  canvas.beginPath()
  canvas.rect(axes.left, axes.top, axes.right - axes.left, axes.bottom - axes.top)
  canvas.clip()
  canvas.imageSmoothingEnabled = true
  canvas.drawImage(shade, left, top, right - left, bottom - top)
  canvas.restore()
  const toZ = (pixel: number, d: 0 | 1) => centre[d] + radius * ((2 * (pixel - 0.5)) / (side - 1) - 1)
  const rings = contours().size([side, side]).thresholds(levelsOf(density))([...density])
  for (const { coordinates } of rings) {
    const d = coordinates
      .flat()
      .map(
        ring =>
          `M${ring.map(([i = 0, j = 0]) => `${axes.x(toZ(i, 0)).toFixed(1)} ${axes.y(toZ(j, 1)).toFixed(1)}`).join('L')}Z`,
      )
      .join('')
    axes.layer.append(svgElement('path', { d, fill: 'none', stroke: 'var(--posterior)', 'stroke-width': 1.4 }))
  }
}

/** The densities whose contours hold each of `SHARES`. */
function levelsOf(density: Float32Array): number[] {
  const sorted = density.toSorted().reverse()
  const total = sorted.reduce((sum, value) => sum + value, 0)
  return SHARES.map(share => {
    let sum = 0
    return (
      sorted.find(value => {
        sum += value
        return sum >= share * total
      }) ?? 0
    )
  }).reverse()
}

/** Red, green and blue of a colour such as `#0072b2`. */
export function rgb(colour: string): number[] {
  return [1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16))
}

function legend({ left, top, over }: Axes, hasTruth: boolean): void {
  const entries = [
    ['approximation', 'q(z|x): 1 and 2 σ, draws'],
    ...(hasTruth ? [['posterior', 'p(z|x): 50, 90, 99 % of its mass']] : []),
  ] as const
  entries.forEach(([colour, text], i) => {
    const y = top + 14 + 18 * i
    over.append(
      svgElement('line', {
        x1: left + 8,
        x2: left + 28,
        y1: y - 4,
        y2: y - 4,
        stroke: `var(--${colour})`,
        'stroke-width': 2.5,
      }),
      svgElement('text', { x: left + 34, y, class: 'label' }, text),
    )
  })
}
