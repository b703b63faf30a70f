/** What the chapter of EM draws: the mixture above its points, and the bound by half steps. */
import { type Axes, domainOf, drawAxes } from '../axes.js'
import { svgElement } from '../dom.js'
import type { Surface } from '../figure.js'
import type { HalfStep, Theta } from './numbers/mixture.js'
import { logDensity } from './numbers/one-dimension.js'
import { between, drawArea, drawDot, drawLabel, drawLine } from './parts/drawing.js'

/** All that the figures show. */
export interface EmShown {
  points: Float64Array
  theta: Theta
  /** q(z = k) of each point, [components, points]. */
  q: Float32Array | undefined
  history: readonly HalfStep[]
}

/** The colour of each component. */
export const componentColours = ['series-1', 'series-2', 'series-3', 'series-4'] as const

const xs = between(-5.5, 5.5, 330)

/** w_k N(x; m_k, s_k²) of component `k`. */
const weighted = ({ weights, means, sds }: Theta, k: number, x: number): number =>
  (weights[k] as number) * Math.exp(logDensity({ mean: means[k] as number, sd: sds[k] as number }, x))

export function drawMixture(surface: Surface, state: EmShown): void {
  const { theta, points } = state
  const curves = theta.weights.map((_, k) => xs.map(x => [x, weighted(theta, k, x)] as const))
  const total = xs.map((x, i) => [x, curves.reduce((sum, curve) => sum + (curve[i]?.[1] as number), 0)] as const)
  const top = 1.12 * Math.min(0.9, Math.max(0.25, ...total.map(([, y]) => y)))
  const axes = drawAxes(surface, {
    x: { label: 'x', domain: [-5.5, 5.5] },
    y: { label: 'density', domain: [-0.2 * top, top], ticksFrom: 0 },
    noGrid: true,
  })
  curves.forEach((curve, k) => {
    const colour = componentColours[k] as string
    drawArea(axes, curve, colour, 0.2)
    drawLine(axes, curve, { colour, width: 2 })
  })
  drawLine(axes, total, { colour: 'ink', width: 2 })
  drawLine(axes, [[-5.5, 0] as const, [5.5, 0] as const], { colour: 'line', width: 1 })
  points.forEach((x, n) => {
    drawShares(axes, { x, top: -0.025 * top, bottom: -0.17 * top }, sharesOf(state, n))
  })
  drawLabel(axes, [axes.right - 6, axes.top + 16], 'ink', 'p(x | θ)', 'end')
}

/** q(z = k) of point `n`; none before the first E step. */
const sharesOf = ({ q, points, theta }: EmShown, n: number): number[] =>
  q === undefined ? [] : theta.weights.map((_, k) => q[k * points.length + n] as number)

/** A point as a bar that is divided among the components. */
function drawShares(
  axes: Axes,
  { x, top, bottom }: { x: number; top: number; bottom: number },
  shares: number[],
): void {
  const [left, from, to] = [axes.x(x) - 1.5, axes.y(top), axes.y(bottom)]
  const piece = (y: number, height: number, fill: string) =>
    axes.layer.append(svgElement('rect', { x: left, y, width: 3, height, fill: `var(--${fill})` }))
  if (shares.length === 0) return void piece(from, to - from, 'quiet')
  let y = from
  shares.forEach((share, k) => {
    piece(y, share * (to - from), componentColours[k] as string)
    y += share * (to - from)
  })
}

/** `unit` is that of the bound. */
export function drawBoundCurve(surface: Surface, history: readonly HalfStep[], unit = 'nats per point'): void {
  const bounds = history.flatMap(({ elbo, logPx }) => (elbo === undefined ? [logPx] : [elbo, logPx]))
  const axes = drawAxes(surface, {
    x: { label: 'half steps', domain: [-0.3, Math.max(10, history.length - 1) + 0.3], isWhole: true, ticksFrom: 0 },
    y: { label: unit, domain: domainOf(bounds, 0.08, [-3, -2]) },
  })
  const line = (of: (step: HalfStep) => number | undefined) =>
    history.flatMap((step, i) => (of(step) === undefined ? [] : [[i, of(step) as number] as const]))
  const [upper, lower] = [line(({ logPx }) => logPx), line(({ elbo }) => elbo)]
  drawArea(axes, lower, 'approximation', 0.3, upper.slice(upper.length - lower.length))
  drawLine(axes, upper, { colour: 'ink', width: 1.5 })
  drawLine(axes, lower, { colour: 'series-3', width: 2 })
  if (history.length < 80) history.forEach((step, i) => void drawStep(axes, step, i))
  drawLabel(axes, [axes.right - 6, axes.bottom - 26], 'ink', 'log p(x | θ)', 'end')
  drawLabel(axes, [axes.right - 6, axes.bottom - 10], 'series-3', 'ELBO', 'end')
}

function drawStep(axes: Axes, { kind, elbo, logPx }: HalfStep, i: number): void {
  if (elbo === undefined || kind === 'start') drawDot(axes, [i, logPx], 'ink', 3)
  else drawDot(axes, [i, elbo], 'series-3', 3.5, kind === 'M')
}
