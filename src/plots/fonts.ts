// The typeface of charts: DejaVu Sans from its npm package, so that text looks the same on machines without fonts.
import { createRequire } from 'node:module'
import { Resvg } from '@resvg/resvg-js'

const { resolve } = createRequire(import.meta.url)

/** Font families for SVG, best first; Verdana has DejaVu's widths, so a browser without DejaVu keeps the layout. */
export const FONT_STACK = "'DejaVu Sans', Verdana, 'Segoe UI', system-ui, sans-serif"

/** Font options for resvg: the two files of DejaVu Sans and no system fonts. */
export const RESVG_FONTS = {
  loadSystemFonts: false,
  fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map(file => resolve(`dejavu-fonts-ttf/ttf/${file}`)),
  defaultFontFamily: 'DejaVu Sans',
}

/** Size in pixels and weight of a piece of text. */
export interface TextStyle {
  fontSize: number
  fontWeight?: 'bold'
}

/** Width in pixels of the ink of one line of text in DejaVu Sans. */
export function textWidth(text: string, { fontSize, fontWeight }: TextStyle): number {
  const weight = fontWeight ?? 'normal'
  const svg = `<svg xmlns="http://www.w3.org/2000/svg"><text font-size="${fontSize}" font-weight="${weight}">${escapeXml(text)}</text></svg>`
  return new Resvg(svg, { font: RESVG_FONTS }).getBBox()?.width ?? 0
}

/**
 * Breaks text into lines of at most `width` pixels: after spaces, hyphens, underscores and slashes, and within a word
 * only if the word alone is too wide.
 */
export function wrapText(text: string, width: number, style: TextStyle): string[] {
  const fits = (line: string) => textWidth(line.trimEnd(), style) <= width
  const line = text.replaceAll(/\s+/g, ' ').trim()
  if (fits(line)) return [line]
  const lines: string[] = []
  for (const word of line.split(/(?<=[ _/-])/).flatMap(word => chop(word, fits))) {
    const longer = `${lines.at(-1) ?? ''}${word}`
    if (lines.length && fits(longer)) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines.map(line => line.trimEnd())
}

/** A word that does not fit, halved until its pieces do. */
function chop(word: string, fits: (line: string) => boolean): string[] {
  const characters = Array.from(word)
  if (characters.length < 2 || fits(word)) return [word]
  const half = Math.ceil(characters.length / 2)
  return [characters.slice(0, half), characters.slice(half)].flatMap(piece => chop(piece.join(''), fits))
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
