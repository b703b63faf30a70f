/** log p(x) by importance sampling as its draws grow: the estimate with its error, above the ELBO and towards log p(x). */
import { type Axes, domainOf, drawAxes, linePath } from '../axes.js'
import { svgElement } from '../dom.js'
import { type Figure, figure, type Surface } from '../figure.js'
import type { Growing } from '../model/importance.js'
import type { Theme } from '../theme.js'

export const MOST_DRAWS = 5000

/** One running estimate: after each of the first draws, then after each piece. */
export interface Trace {
  points: Pick<Growing, 'draws' | 'logPx' | 'standardError'>[]
  elbo?: number
  /** By quadrature. */
  exact?: number
}

export interface GrowingFigure extends Pick<Figure, 'root' | 'caption' | 'command' | 'dispose'> {
  show(trace: Trace): void
}

export function growingFigure(theme: Theme): GrowingFigure {
  let trace: Trace = { points: [] }
  const made = figure({
    title: 'log p(x) from 1 to 5,000 draws',
    description:
      'The importance-sampled log p(x) with one standard error against the number of draws, the ELBO below it, and log p(x) by quadrature where there is one.',
    theme,
    aspect: 0.62,
    height: [220, 420],
    draw: surface => drawTrace(surface, trace),
  })
  return {
    root: made.root,
    caption: made.caption,
    command: made.command,
    dispose: made.dispose,
    show(next) {
      trace = next
      made.redraw()
    },
  }
}

function drawTrace(surface: Surface, { points, elbo, exact }: Trace): void {
  const values = points.flatMap(({ logPx, standardError }) =>
    Number.isFinite(standardError) ? [logPx - standardError, logPx + standardError] : [logPx],
  )
  const axes = drawAxes(surface, {
    x: { label: 'draws of z (logarithmic)', domain: [1, MOST_DRAWS], isLog: true },
    y: { label: 'nats', domain: domainOf([...values, elbo ?? Number.NaN, exact ?? Number.NaN], 0.08) },
  })
  // The estimate begins near the ELBO and ends near log p(x): each name stands where the estimate is far.
  if (elbo !== undefined) level(axes, elbo, { text: 'ELBO', colour: 'quiet', side: 'right' })
  if (exact !== undefined) level(axes, exact, { text: 'log p(x), quadrature', colour: 'posterior', side: 'left' })
  const { x, y, layer } = axes
  const band = points.filter(({ standardError }) => Number.isFinite(standardError))
  const edge = (sign: number) =>
    band.map(point => [x(point.draws), y(point.logPx + sign * point.standardError)] as const)
  if (band.length > 1)
    layer.append(
      svgElement('path', {
        d: `${linePath([...edge(1), ...edge(-1).reverse()])}Z`,
        fill: 'var(--approximation)',
        'fill-opacity': 0.2,
      }),
    )
  layer.append(
    svgElement('path', {
      d: linePath(points.map(point => [x(point.draws), y(point.logPx)])),
      fill: 'none',
      stroke: 'var(--approximation)',
      'stroke-width': 1.8,
    }),
  )
}

interface Level {
  text: string
  /** A colour of style.css. */
  colour: string
  /** Where its name stands. */
  side: 'left' | 'right'
}

function level({ left, right, y, layer, over }: Axes, value: number, { text, colour, side }: Level): void {
  const at = y(value)
  layer.append(
    svgElement('line', {
      x1: left,
      x2: right,
      y1: at,
      y2: at,
      stroke: `var(--${colour})`,
      'stroke-dasharray': '5 4',
      'stroke-width': 1.5,
    }),
  )
  const place = side === 'left' ? { x: left + 4 } : { x: right - 4, 'text-anchor': 'end' }
  over.append(svgElement('text', { ...place, y: at - 5, class: 'label' }, text))
}

/** log of the mean of the first n weights, for each n: the beginning of a trace, from log weights in nats. */
export function firstPoints(logs: Float32Array): Trace['points'] {
  let [max, sum, squares] = [Number.NEGATIVE_INFINITY, 0, 0]
  return Array.from(logs, (log, i) => {
    const next = Math.max(max, log)
    const scale = Math.exp(max - next)
    sum = sum * scale + Math.exp(log - next)
    squares = squares * scale ** 2 + Math.exp(log - next) ** 2
    max = next
    const n = i + 1
    const variance = n > 1 ? (Math.max(squares - sum ** 2 / n, 0) * n) / (n - 1) : Number.NaN
    return { draws: n, logPx: max + Math.log(sum / n), standardError: Math.sqrt(variance) / sum }
  })
}
