/** The figures of the VAE that trains in the page. */
import { type Axes, domainOf, drawAxes } from '../axes.js'
import { svgElement } from '../dom.js'
import { figure, type Surface } from '../figure.js'
import type { Context } from '../view.js'
import { drawArea, drawDot, drawLabel, drawLine, type Point } from './parts/drawing.js'
import { drawGrey, greyImage } from './parts/grey.js'
import { dragHandles, drawHandles, type Handle } from './parts/handles.js'
import { GRID, SHOWN_IMAGES, type VaeShown } from './vae-shown.js'

const REACH = 2.6

export function vaeFigures(
  { theme }: Context,
  shown: () => VaeShown | undefined,
  move: (z1: number, z2: number) => void,
) {
  const drawn = (draw: (surface: Surface, state: VaeShown) => void) => (surface: Surface) => {
    const state = shown()
    if (state) draw(surface, state)
  }
  let handles: Handle[] = []
  const curve = figure({
    title: 'The bound while it trains',
    description: 'The ELBO of images that are not trained on, by steps, with a band of one standard error.',
    caption: 'The band is one standard error over the images. On images of yours: elbo train --latent-dim 2.',
    aspect: 0.34,
    height: [180, 260],
    theme,
    draw: drawn(drawBound),
  })
  const plane = figure({
    title: 'The latent plane',
    description: 'Images decoded from points of the plane, and the codes of images in the colours of what they show.',
    caption:
      'Dots: means of q(z|x), in the colours of where the disc is (or which moon). Behind them: what the plane decodes to. Drag the ring.',
    aspect: 0.85,
    height: [280, 560],
    theme,
    draw: drawn((surface, state) => {
      handles = drawPlane(surface, state, move)
    }),
  })
  const images = figure({
    title: 'Images and what is made of them',
    description: 'Images beside their reconstructions, draws from the prior, and the image at the chosen z.',
    aspect: 0.42,
    height: [200, 340],
    theme,
    draw: drawn((surface, state) =>
      state.model.data === 'discs' ? drawImages(surface, state) : drawPoints(surface, state),
    ),
  })
  dragHandles(plane.svg, () => handles)
  const all = [curve, plane, images]
  return {
    roots: all.map(({ root }) => root),
    redraw: () => all.forEach(({ redraw }) => void redraw()),
    redrawPoint() {
      plane.redraw()
      images.redraw()
    },
    dispose: () => all.forEach(({ dispose }) => void dispose()),
  }
}

function drawBound(surface: Surface, { history }: VaeShown): void {
  // The first steps would make the rest a flat line.
  const [low, high] = domainOf(
    history.slice(Math.floor(history.length / 4)).map(({ elbo }) => elbo.mean),
    0.12,
  )
  const axes = drawAxes(surface, {
    x: { label: 'steps', domain: [0, Math.max(20, history.at(-1)?.step ?? 0)], isWhole: true },
    y: { label: 'nats per image', domain: [low, high] },
  })
  const side = (sign: number): Point[] => history.map(({ step, elbo }) => [step, elbo.mean + sign * elbo.standardError])
  drawArea(axes, side(1), 'series-3', 0.25, side(-1))
  drawLine(
    axes,
    history.map(({ step, elbo }) => [step, elbo.mean] as const),
    { colour: 'series-3', width: 2 },
  )
  const last = history.at(-1)
  if (last) drawDot(axes, [last.step, last.elbo.mean], 'series-3', 4)
}

function drawPlane(surface: Surface, state: VaeShown, move: (z1: number, z2: number) => void): Handle[] {
  const axes = drawAxes(surface, {
    x: { label: 'z₁', domain: [-REACH, REACH] },
    y: { label: 'z₂', domain: [-REACH, REACH] },
    isSquare: true,
    noGrid: true,
  })
  if (state.model.data === 'discs') drawManifold(surface, axes, state)
  else drawLattice(axes)
  drawCodes(surface, axes, state)
  const inside = (value: number) => Math.min(2.4, Math.max(-2.4, Math.round(value * 20) / 20))
  const handle: Handle = {
    ...{ x: axes.x(state.point[0]), y: axes.y(state.point[1]), colour: 'ink' },
    move: (x, y) => move(inside(axes.toX(x)), inside(axes.toY(y))),
  }
  drawHandles(axes.over, [handle])
  return [handle]
}

/** Decoded images as tiles of the plane, each around its z. */
function drawManifold({ canvas }: Surface, axes: Axes, { grid, model }: VaeShown): void {
  const { rows, columns } = model.images
  const [pixels, side] = [rows * columns, Math.abs(axes.x(0.4) - axes.x(0))]
  canvas.globalAlpha = 0.4
  GRID.toReversed().forEach((z2, row) => {
    GRID.forEach((z1, column) => {
      const at = (row * GRID.length + column) * pixels
      const tile = greyImage(grid.subarray(at, at + pixels), model.images)
      drawGrey(canvas, tile, { x: axes.x(z1) - side / 2, y: axes.y(z2) - side / 2, width: side - 1, height: side - 1 })
    })
  })
  canvas.globalAlpha = 1
}

/** Lines of equal z₁ or z₂. */
function drawLattice(axes: Axes): void {
  for (const z of GRID) {
    drawLine(axes, [[z, -2.4] as const, [z, 2.4] as const], { colour: 'series-6', width: 1, opacity: 0.6 })
    drawLine(axes, [[-2.4, z] as const, [2.4, z] as const], { colour: 'series-6', width: 1, opacity: 0.6 })
  }
}

function drawCodes({ canvas }: Surface, axes: Axes, { codes, model }: VaeShown): void {
  for (let n = 0; n < model.images.count; n++) {
    const [x, y] = [axes.x(codes.means[2 * n] as number), axes.y(codes.means[2 * n + 1] as number)]
    if (x < axes.left || x > axes.right || y < axes.top || y > axes.bottom) continue
    canvas.beginPath()
    canvas.arc(x, y, 4.5, 0, 2 * Math.PI)
    canvas.fillStyle = colourOf(model.images.origin, n)
    canvas.fill()
    canvas.strokeStyle = 'rgb(20, 20, 20)'
    canvas.lineWidth = 1
    canvas.stroke()
  }
}

/** The colours, red to blue, at the corners of the unit square: first number low and high, second number low, then high. */
const CORNERS = [
  [0, 96, 170],
  [213, 94, 0],
  [86, 190, 240],
  [245, 215, 60],
] as const

/** Two numbers in [0, 1] as a colour, mixed from those of the corners. */
function colourOf(origin: Float32Array, n: number): string {
  const [first, second] = [origin[2 * n] as number, origin[2 * n + 1] as number]
  const shares = [(1 - first) * (1 - second), first * (1 - second), (1 - first) * second, first * second]
  const mixed = [0, 1, 2].map(channel =>
    Math.round(shares.reduce((sum, share, corner) => sum + share * (CORNERS[corner]?.[channel] as number), 0)),
  )
  return `rgb(${mixed})`
}

/** Pixels of a figure in which a row has half of its images. */
const NARROW = 480

function drawImages(surface: Surface, { model, reconstructions, samples, decoded }: VaeShown): void {
  const { rows, columns, pixels } = model.images
  const size = rows * columns
  const label = 96
  const shown = surface.width < NARROW ? SHOWN_IMAGES / 2 : SHOWN_IMAGES
  const [gap, side] = [6, Math.min((surface.width - label) / (shown + 0.2) - 6, (surface.height - 8) / 4 - 6)]
  const grey = Float32Array.from(pixels.subarray(0, shown * size), level => level / 255)
  const lines = [
    { name: 'images', values: grey },
    { name: 'reconstructed', values: reconstructions },
    { name: 'draws of p(z)', values: samples },
    { name: 'at the ring', values: decoded },
  ]
  lines.forEach(({ name, values }, line) => {
    const y = 4 + line * (side + gap)
    surface.svg.append(svgElement('text', { x: label - 10, y: y + side / 2 + 4, 'text-anchor': 'end' }, name))
    for (let i = 0; i < Math.min(shown, values.length / size); i++) {
      const tile = greyImage(values.subarray(i * size, (i + 1) * size), model.images)
      drawGrey(surface.canvas, tile, { x: label + i * (side + gap), y, width: side, height: side })
    }
  })
}

/** The plane of the points: where they are, where the model draws them, and the lattice of z decoded. */
function drawPoints(surface: Surface, { model, grid, samples, decoded }: VaeShown): void {
  const axes = drawAxes(surface, {
    x: { label: 'x₁', domain: [0, 1] },
    y: { label: 'x₂', domain: [0.1, 0.9] },
    noGrid: true,
  })
  const at = (row: number, column: number): Point => {
    const i = 2 * (row * GRID.length + column)
    return [grid[i] as number, grid[i + 1] as number]
  }
  GRID.forEach((_, i) => {
    drawLine(
      axes,
      GRID.map((_, j) => at(i, j)),
      { colour: 'series-6', width: 1, opacity: 0.6 },
    )
    drawLine(
      axes,
      GRID.map((_, j) => at(j, i)),
      { colour: 'series-6', width: 1, opacity: 0.6 },
    )
  })
  const { pixels, count, origin } = model.images
  for (let n = 0; n < count; n++) {
    const [x, y] = [(pixels[2 * n] as number) / 255, (pixels[2 * n + 1] as number) / 255]
    surface.canvas.fillStyle = colourOf(origin, n)
    surface.canvas.beginPath()
    surface.canvas.arc(axes.x(x), axes.y(y), 3, 0, 2 * Math.PI)
    surface.canvas.fill()
  }
  for (let n = 0; 2 * n < samples.length; n++)
    drawDot(axes, [samples[2 * n] as number, samples[2 * n + 1] as number], 'ink', 1.6)
  drawDot(axes, [decoded[0] as number, decoded[1] as number], 'ink', 6, true)
  drawLabel(axes, [axes.right - 6, axes.top + 16], 'ink', 'small dots: draws of p(z), decoded', 'end')
}
