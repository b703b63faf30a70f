// Stacks several charts into one picture, as SVG text.

/** Stacks SVG documents that begin with their size in pixels, as the charts here do; returns one document. */
export function stackCharts(charts: readonly string[]): string {
  let top = 0
  let widest = 0
  const placed = charts.map(chart => {
    const { width, height } = sizeOf(chart)
    const moved = chart.replace('<svg', `<svg y="${top}"`)
    top += height
    widest = Math.max(widest, width)
    return moved
  })
  const size = `width="${widest}" height="${top}" viewBox="0 0 ${widest} ${top}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${placed.join('')}</svg>`
}

function sizeOf(svg: string): { width: number; height: number } {
  const [opening = ''] = /<svg[^>]*>/.exec(svg) ?? []
  const attribute = (name: string) => Number(new RegExp(`\\s${name}="([\\d.]+)"`).exec(opening)?.[1])
  const [width, height] = [attribute('width'), attribute('height')]
  if (!(width > 0 && height > 0))
    throw new RangeError('stacked charts: an SVG document with width and height was expected')
  return { width, height }
}
