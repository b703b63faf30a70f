// Draws densities and grey images as PNG pictures, as data URIs for an SVG document.
import { PNG } from 'pngjs'

type Color = readonly [red: number, green: number, blue: number]

/** The colours of 0, 1/2 and 1: white, the charts' blue, nearly black. */
const RAMP: readonly Color[] = [
  [255, 255, 255],
  [0, 114, 178],
  [0, 24, 48],
]

/** Values [side, side] from 0 to 1 as a data URI. */
export function heatMap(values: ArrayLike<number>, side: number): string {
  return png(side, side, i => colorOf(values[i] as number))
}

/** A grey image [height, width] of 0 … 255 as a data URI; every pixel is a sharp square with sides of `scale`. */
export function greyImage(pixels: ArrayLike<number>, width: number, height: number, scale: number): string {
  const columns = width * scale
  return png(columns, height * scale, i => {
    const [row, column] = [Math.floor(i / columns / scale), Math.floor((i % columns) / scale)]
    const level = pixels[row * width + column] as number
    return [level, level, level]
  })
}

function colorOf(value: number): Color {
  const place = Math.min(Math.max(value, 0), 1) * (RAMP.length - 1)
  const below = Math.min(Math.floor(place), RAMP.length - 2)
  const [from, to] = [RAMP[below] as Color, RAMP[below + 1] as Color]
  const mix = (c: 0 | 1 | 2) => Math.round(from[c] + (place - below) * (to[c] - from[c]))
  return [mix(0), mix(1), mix(2)]
}

function png(width: number, height: number, colorAt: (i: number) => Color): string {
  const picture = new PNG({ width, height })
  for (let i = 0; i < width * height; i++) picture.data.set([...colorAt(i), 255], 4 * i)
  return `data:image/png;base64,${PNG.sync.write(picture).toString('base64')}`
}
