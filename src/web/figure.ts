/** A figure: a canvas under an SVG that follow the width of the page, a title, a caption, downloads, and the command that makes the same. */
import { button, element, svgElement, words } from './dom.js'
import type { Theme } from './theme.js'

export interface FigureOptions {
  title: string
  /** What is seen, for those who do not see it. */
  description: string
  /** What the figure says beneath it. */
  caption?: string
  /** The command line that makes the same. */
  command?: string
  /** Height as a share of the width; default 0.6. */
  aspect?: number
  /** Height in pixels at least and at most; defaults 220 and 720. */
  height?: readonly [least: number, most: number]
  theme: Theme
  /** Draws all anew: at first, after a change of size or theme, and after `redraw`. */
  draw(surface: Surface): void
}

/** Where a figure draws, in CSS pixels; both are empty at each `draw`. */
export interface Surface {
  width: number
  height: number
  svg: SVGSVGElement
  /** Beneath the SVG; scaled for sharp pixels. */
  canvas: CanvasRenderingContext2D
}

export interface Figure {
  readonly root: HTMLElement
  /** The SVG, for events of pointer and keyboard. */
  readonly svg: SVGSVGElement
  /** Draws in the next frame. */
  redraw(): void
  caption(text: string): void
  command(text: string): void
  dispose(): void
}

/** What a figure draws on, one upon the other. */
interface Sheets {
  surface: HTMLElement
  canvas: HTMLCanvasElement
  svg: SVGSVGElement
}

/** A figure that is drawn by `options.draw`. */
export function figure(options: FigureOptions): Figure {
  const { title, description } = options
  const svg = svgElement('svg', { role: 'img', 'aria-label': `${title}. ${description}` })
  const canvas = element('canvas', { 'aria-hidden': 'true' })
  const sheets: Sheets = { surface: element('div', { class: 'surface' }, canvas, svg), canvas, svg }
  const caption = element('figcaption', {}, options.caption ?? '')
  const command = commandOf(options.command ?? '')
  const { redraw, dispose } = drawing(sheets, options)
  return {
    root: element(
      'figure',
      { class: 'figure' },
      element('div', { class: 'figure-head' }, element('h3', {}, title), toolsOf(sheets, options)),
      sheets.surface,
      caption,
      command.root,
    ),
    svg,
    redraw,
    caption: text => {
      if (caption.textContent !== text) caption.textContent = text
    },
    command: command.show,
    dispose,
  }
}

/** The command that makes the same; hidden while there is none. */
function commandOf(first: string) {
  const code = element('code')
  const root = element('div', { class: 'command' }, element('span', {}, 'same by'), code)
  const show = (text: string) => {
    code.replaceChildren(...words(text))
    root.hidden = text === ''
  }
  show(first)
  return { root, show }
}

/** Downloads of a figure. */
function toolsOf({ svg, canvas }: Sheets, { title, theme }: FigureOptions): HTMLElement {
  const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return element(
    'div',
    { class: 'figure-tools' },
    button('SVG', () => downloadSvg(svg, canvas, name, theme), { 'aria-label': `Download ${title} as SVG` }),
    button('PNG', () => void downloadPng(svg, canvas, name, theme), { 'aria-label': `Download ${title} as PNG` }),
  )
}

/** Draws a figure whenever its width or the theme changes, at most once a frame. */
function drawing({ surface, canvas, svg }: Sheets, { theme, draw, ...options }: FigureOptions) {
  const { aspect = 0.6, height: [least, most] = [220, 720] } = options
  let frame = 0
  let drawnWidth = 0
  const drawNow = () => {
    frame = 0
    const width = surface.clientWidth
    if (width === 0) return
    drawnWidth = width
    const height = Math.round(Math.min(most, Math.max(least, width * aspect)))
    surface.style.height = `${height}px`
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    svg.replaceChildren()
    draw({ width, height, svg, canvas: cleared(canvas, width, height) })
  }
  const redraw = () => {
    if (frame === 0) frame = requestAnimationFrame(drawNow)
  }
  const observer = new ResizeObserver(() => {
    if (surface.clientWidth !== drawnWidth) redraw()
  })
  observer.observe(surface)
  const stop = theme.onChange(redraw)
  redraw()
  return {
    redraw,
    dispose() {
      cancelAnimationFrame(frame)
      observer.disconnect()
      stop()
    },
  }
}

/** The context of an empty canvas with the pixels of the screen. */
function cleared(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const scale = Math.min(3, devicePixelRatio || 1)
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('this browser has no canvas')
  context.scale(scale, scale)
  return context
}

const DRAWN = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'opacity',
  'fill-opacity',
  'stroke-opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'paint-order',
]

/** The SVG as a document of its own: what style sheets gave stands in its attributes, the canvas is a picture in it. */
function standalone(svg: SVGSVGElement, canvas: HTMLCanvasElement, theme: Theme): string {
  const copy = svg.cloneNode(true) as SVGSVGElement
  const [originals, copies] = [svg.querySelectorAll('*'), copy.querySelectorAll('*')]
  originals.forEach((original, i) => {
    const style = getComputedStyle(original)
    for (const name of DRAWN) copies[i]?.setAttribute(name, style.getPropertyValue(name))
    for (const name of ['class', 'style']) copies[i]?.removeAttribute(name)
  })
  const { width, height } = svg.viewBox.baseVal
  copy.setAttribute('width', String(width))
  copy.setAttribute('height', String(height))
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  const picture = svgElement('image', { href: canvas.toDataURL(), width, height })
  const paper = svgElement('rect', { width, height, fill: theme.colour('card') })
  copy.prepend(paper, picture)
  return new XMLSerializer().serializeToString(copy)
}

function downloadSvg(svg: SVGSVGElement, canvas: HTMLCanvasElement, name: string, theme: Theme): void {
  save(new Blob([standalone(svg, canvas, theme)], { type: 'image/svg+xml' }), `${name}.svg`)
}

/** At twice the size on the page. */
async function downloadPng(svg: SVGSVGElement, canvas: HTMLCanvasElement, name: string, theme: Theme): Promise<void> {
  const { width, height } = svg.viewBox.baseVal
  const picture = new Image(width, height)
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(svg, canvas, theme))}`
  await picture.decode()
  const large = element('canvas', { width: 2 * width, height: 2 * height })
  large.getContext('2d')?.drawImage(picture, 0, 0, 2 * width, 2 * height)
  large.toBlob(blob => blob && save(blob, `${name}.png`))
}

/** Hands a file to the browser's downloads. */
export function save(blob: Blob, name: string): void {
  const href = URL.createObjectURL(blob)
  element('a', { href, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(href), 10_000)
}
