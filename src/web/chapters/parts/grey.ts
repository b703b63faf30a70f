/** Grey images on a canvas. */
import type { ImageShape } from '../../../data/images.js'

/** Values in [0, 1] as an image of its own pixels: 0 is black. */
export function greyImage(values: ArrayLike<number>, { rows, columns }: ImageShape): OffscreenCanvas {
  const canvas = new OffscreenCanvas(columns, rows)
  const data = new ImageData(columns, rows)
  for (let i = 0; i < rows * columns; i++) {
    const level = Math.round(255 * Math.min(1, Math.max(0, values[i] as number)))
    data.data.set([level, level, level, 255], 4 * i)
  }
  canvas.getContext('2d')?.putImageData(data, 0, 0)
  return canvas
}

/** Draws it into a rectangle, in sharp pixels. */
export function drawGrey(
  canvas: CanvasRenderingContext2D,
  image: OffscreenCanvas,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
): void {
  canvas.imageSmoothingEnabled = false
  canvas.drawImage(image, x, y, width, height)
}
