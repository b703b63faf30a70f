/** Sets of images for tests, from their bytes. */
import { type GivenShape, type Images, imageShape, imageSize } from '../../src/data/images.js'

/** As many images of a shape as `pixels` holds. */
export function imagesOf(shape: GivenShape, pixels: Uint8Array): Images {
  const image = imageShape(shape)
  return { ...image, count: pixels.length / imageSize(image), pixels }
}
