/** Pixels on canvases: grey as ink on paper or as it is, colour as it is. */
import type { ImageShape } from '../../data/images.js'
import { element } from '../dom.js'

/** Values of one image [rows, columns, channels] as RGBA; `scale` maps white to 255: 1 for levels, 255 for values in [0, 1]. */
export function rgba({ rows, columns, channels }: ImageShape, values: ArrayLike<number>, scale: number): ImageData {
  const picture = new ImageData(columns, rows)
  for (let i = 0; i < rows * columns; i++) {
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = scale * (values[i * channels + (channels === 1 ? 0 : c)] ?? 0)
    picture.data[4 * i + 3] = 255
  }
  return picture
}

/** A small picture of one image. */
export interface Thumbnail {
  readonly root: HTMLCanvasElement
  /** Shows values in [0, 1], or levels with scale 1. */
  show(values: ArrayLike<number>, scale?: number): void
}

/** A picture of `shape` that is `size` pixels wide on the page; `label` says what it shows. */
export function thumbnail(shape: ImageShape, size: number, label: string): Thumbnail {
  const root = element('canvas', {
    width: shape.columns,
    height: shape.rows,
    class: 'thumbnail',
    role: 'img',
    'aria-label': label,
  })
  root.style.width = `${size}px`
  root.style.height = `${(size * shape.rows) / shape.columns}px`
  const context = root.getContext('2d')
  return { root, show: (values, scale = 255) => context?.putImageData(rgba(shape, values, scale), 0, 0) }
}
