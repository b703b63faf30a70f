// Renders SVG text as PNG with resvg, with the fonts of this program only, so that pictures are the same on every machine.
import { Resvg } from '@resvg/resvg-js'
import { RESVG_FONTS } from './fonts.js'

/**
 * Renders an SVG document on white.
 *
 * @param options.scale pixels of the picture per SVG pixel; 2 by default, which is sharp on screens and slides
 * @throws Error if `svg` is not well-formed
 */
export function svgToPng(svg: string, { scale = 2 }: { scale?: number } = {}): Buffer {
  const fitTo = { mode: 'zoom', value: scale } as const
  return new Resvg(svg, { font: RESVG_FONTS, background: 'white', fitTo }).render().asPng()
}
