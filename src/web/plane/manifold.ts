/** The decoded images of a grid over the visible plane, as one picture that fills in row by row. */
import type { ImageShape } from '../../data/images.js'
import type { ShownClass } from '../model/classes.js'
import { nextFrame } from '../model/model.js'
import type { Basis } from './basis.js'
import { decodeMany } from './decoding.js'

export interface Extent {
  left: number
  right: number
  top: number
  bottom: number
}

export interface ManifoldOptions {
  shown: ShownClass
  image: ImageShape
  basis: Basis
  extent: Extent
  columns: number
  rows: number
  /** Red, green and blue of the ink that grey images are drawn with. */
  ink: readonly number[]
  signal: AbortSignal
}

/** Decodes the grid from its middle row outwards; calls `onRows` whenever more of the returned picture is there. */
export function manifold(options: ManifoldOptions, onRows: () => void): HTMLCanvasElement {
  const { image, columns, rows } = options
  const canvas = document.createElement('canvas')
  canvas.width = columns * image.columns
  canvas.height = rows * image.rows
  void fill(canvas, options, onRows).catch(() => undefined) // the view says what is wrong with its model
  return canvas
}

async function fill(canvas: HTMLCanvasElement, options: ManifoldOptions, onRows: () => void): Promise<void> {
  const { shown: model, image, basis, extent, columns, rows, ink, signal } = options
  const context = canvas.getContext('2d')
  const order = Array.from({ length: rows }, (_, i) => i).sort(
    (a, b) => Math.abs(a - rows / 2) - Math.abs(b - rows / 2),
  )
  const size = image.rows * image.columns * image.channels
  let shown = 0
  for (const row of order) {
    const b = extent.top + ((row + 0.5) / rows) * (extent.bottom - extent.top)
    const codes = Array.from({ length: columns }, (_, i) =>
      basis.at(extent.left + ((i + 0.5) / columns) * (extent.right - extent.left), b),
    )
    const values = await decodeMany(model, codes)
    if (signal.aborted) return
    for (let i = 0; i < columns; i++)
      context?.putImageData(
        inked(image, values.subarray(i * size, (i + 1) * size), ink),
        i * image.columns,
        row * image.rows,
      )
    const now = performance.now()
    if (now - shown < PAUSE && row !== order.at(-1)) continue
    shown = now
    onRows()
    await nextFrame()
  }
}

/** Milliseconds between two drawings of what is there. */
const PAUSE = 80

/** Grey as ink, the more the whiter, on nothing; colour as it is. */
function inked(
  { rows, columns, channels }: ImageShape,
  values: Float32Array,
  [r = 0, g = 0, b = 0]: readonly number[],
): ImageData {
  const picture = new ImageData(columns, rows)
  for (let i = 0; i < rows * columns; i++) {
    if (channels === 1) picture.data.set([r, g, b, 255 * (values[i] as number)], 4 * i)
    else picture.data.set([0, 1, 2].map(c => 255 * (values[i * channels + c] as number)).concat(255), 4 * i)
  }
  return picture
}
