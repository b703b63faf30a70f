/** A bar that ends at log p(x), divided into the ELBO and the gap above it. */
import { roundTicks } from '../../../plots/ticks.js'
import { svgElement } from '../../dom.js'
import type { Surface } from '../../figure.js'
import { signed } from './lab.js'

/** Nats that the bar shows below log p(x); the first that the gap fits into. */
const RANGES = [2, 5, 10, 20, 50, 100, 200, 500, 1000]

export function drawGapBar({ svg, width }: Surface, { logPx, elbo }: { logPx: number; elbo: number }): void {
  const [left, right, top, height] = [14, width - 14, 22, 34]
  const range = RANGES.find(nats => nats > 1.25 * (logPx - elbo)) ?? 2000
  const low = logPx - range
  const x = (nats: number) => left + ((nats - low) / (range * 1.06)) * (right - left)
  const block = (from: number, to: number, colour: string) => {
    const width = Math.max(0, x(to) - x(from))
    svg.append(
      svgElement('rect', { x: x(from), y: top, width, height, fill: `var(--${colour})`, 'fill-opacity': 0.85 }),
    )
  }
  block(low, elbo, 'series-3')
  block(elbo, logPx, 'approximation')
  const end = x(logPx)
  svg.append(
    svgElement('line', {
      x1: end,
      x2: end,
      y1: top - 8,
      y2: top + height + 6,
      stroke: 'var(--ink)',
      'stroke-width': 2,
    }),
  )
  const text = (at: number, y: number, words: string, anchor: string, className = 'label') =>
    svg.append(svgElement('text', { x: at, y, 'text-anchor': anchor, class: className }, words))
  text(end, 10, `log p(x) ${signed(logPx, 2)}`, 'end')
  text(left, 10, `ELBO ${signed(elbo, 2)}`, 'start')
  const { values, format } = roundTicks(low, logPx + range * 0.06, Math.max(3, Math.min(10, width / 90)))
  for (const value of values) {
    svg.append(
      svgElement('line', {
        x1: x(value),
        x2: x(value),
        y1: top + height,
        y2: top + height + 5,
        stroke: 'var(--quiet)',
      }),
    )
    text(x(value), top + height + 18, format(value), 'middle', '')
  }
}
