// Observable Plot to SVG text: a document of its own, the same text for the same marks.
import { createHash } from 'node:crypto'
import * as Plot from '@observablehq/plot'
import { DOMParser } from 'linkedom/worker'
import { FONT_STACK } from './fonts.js'

/** Draws a plot on white, in the charts' typeface, on linkedom's document; returns an SVG document. */
export function svgPlot(options: Omit<Plot.PlotOptions, 'document' | 'style'>): string {
  // An XML document, because in HTML the attributes of a name with < would not be well-formed XML.
  const document = new DOMParser().parseFromString('<svg/>', 'image/svg+xml')
  const style = { fontFamily: FONT_STACK, background: 'white' }
  return svgText(Plot.plot({ ...options, document, style }))
}

/** With its namespace, and with ids of its content instead of Plot's running numbers. */
function svgText(svg: { outerHTML: string; setAttribute(name: string, value: string): void }): string {
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  const ids = /(?<=id="|url\(#)plot-clip-\d+/g
  const digest = createHash('sha256').update(svg.outerHTML.replaceAll(ids, '')).digest('hex')
  return svg.outerHTML.replaceAll(ids, `clip-${digest.slice(0, 8)}`)
}
