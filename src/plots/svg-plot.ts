// Renders an Observable Plot as a standalone SVG document; the same marks give the same text.
import { createHash } from 'node:crypto'
import * as Plot from '@observablehq/plot'
import { DOMParser } from 'linkedom/worker'
import { FONT_STACK } from './fonts.js'

/** Draws a plot on white, in the charts' typeface, on linkedom's document; returns an SVG document. */
export function svgPlot(options: Omit<Plot.PlotOptions, 'document' | 'style'>): string {
  // An XML document, because in an HTML document an attribute that contains < is not well-formed XML.
  const document = new DOMParser().parseFromString('<svg/>', 'image/svg+xml')
  const style = { fontFamily: FONT_STACK, background: 'white' }
  return svgText(Plot.plot({ ...options, document, style }))
}

/** Adds the namespace, and replaces Plot's running numbers in ids by a digest of the content. */
function svgText(svg: { outerHTML: string; setAttribute(name: string, value: string): void }): string {
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  const ids = /(?<=id="|url\(#)plot-clip-\d+/g
  const digest = createHash('sha256').update(svg.outerHTML.replaceAll(ids, '')).digest('hex')
  return svg.outerHTML.replaceAll(ids, `clip-${digest.slice(0, 8)}`)
}
