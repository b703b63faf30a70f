/** What an SVG document of a chart contains, for tests. */
import { DOMParser } from 'linkedom/worker'
import { PNG } from 'pngjs'
import { svgToPng } from '../../src/plots/svg-to-png.js'

export function parse(svg: string): ReturnType<DOMParser['parseFromString']> {
  return new DOMParser().parseFromString(svg, 'image/svg+xml')
}

/** Every text of the chart, its lines joined. */
export function texts(svg: string): string[] {
  return [...parse(svg).querySelectorAll('text')].map(text => {
    const lines = [...text.querySelectorAll('tspan')].map(line => line.textContent)
    return lines.length ? lines.join(' ') : (text.textContent ?? '')
  })
}

/** How often a text stands in the chart, wherever its lines are broken. */
export function countText(svg: string, text: string): number {
  const joined = (one: string) => one.replaceAll(' ', '')
  return texts(svg).filter(one => joined(one) === joined(text)).length
}

/** Least distance of anything drawn to the edges of the picture, in pixels. */
export function margin(svg: string): number {
  const { width, height, data } = PNG.sync.read(svgToPng(svg, { scale: 1 }))
  const inked = Array.from({ length: width * height }, (_, pixel) => pixel).filter(
    pixel => (data[pixel * 4] ?? 255) < 200,
  )
  const margins = inked.flatMap(pixel => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    return [x, y, width - 1 - x, height - 1 - y]
  })
  return margins.reduce((least, one) => Math.min(least, one))
}
