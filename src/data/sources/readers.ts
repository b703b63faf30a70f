/** Every format of images, in the order in which a path is tried. A new one is a file here and an entry. */
import { idx } from './idx.js'
import type { Reader } from './reader.js'

export const readers: readonly Reader[] = [idx]
