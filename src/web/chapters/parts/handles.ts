/** Points of a figure that one drags. Each is also a slider beside the figure, which the keyboard reaches. */
import { svgElement } from '../../dom.js'

/** A point in pixels, and what moving it to other pixels does. */
export interface Handle {
  x: number
  y: number
  /** A colour of style.css. */
  colour: string
  move(x: number, y: number): void
}

/** Draws the handles into `layer`. */
export function drawHandles(layer: SVGGElement, handles: readonly Handle[]): void {
  handles.forEach(({ x, y, colour }, i) => {
    const place = { cx: x, cy: y, class: 'handle', 'data-handle': i }
    layer.append(
      svgElement('circle', { ...place, r: 20, fill: 'transparent' }),
      svgElement('circle', { ...place, r: 7, fill: 'var(--card)', stroke: `var(--${colour})`, 'stroke-width': 3 }),
    )
  })
}

/** Lets the pointer drag the handles of a figure; `current` are those that were drawn last. */
export function dragHandles(svg: SVGSVGElement, current: () => readonly Handle[]): void {
  let held: number | undefined
  svg.addEventListener('pointerdown', event => {
    const index = (event.target as Element).getAttribute('data-handle')
    if (index === null) return
    held = Number(index)
    svg.setPointerCapture(event.pointerId)
    event.preventDefault()
  })
  svg.addEventListener('pointermove', event => {
    if (held === undefined) return
    const { left, top } = svg.getBoundingClientRect()
    current()[held]?.move(event.clientX - left, event.clientY - top)
  })
  const release = () => {
    held = undefined
  }
  svg.addEventListener('pointerup', release)
  svg.addEventListener('pointercancel', release)
}
