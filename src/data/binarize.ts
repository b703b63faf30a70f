/** Binarization of images: in every step, or once for a whole set. */
import * as tf from '#tfjs'
import * as bernoulli from '../distributions/bernoulli.js'
import { type HostKey, type Key, keyAt, uniformValues } from '../random.js'
import { type ImageSet, imageSize, levelsOf, type StoredImages } from './images.js'
import { WHITE } from './levels.js'

/** `dynamic`: a Bernoulli draw with the value in [0, 1] as probability. `static`: the threshold 0.5. `none`: the values, for densities. */
export const readings = ['dynamic', 'static', 'none'] as const

export type Reading = (typeof readings)[number]

/** Binarizes values in [0, 1], of any shape; only 'dynamic' uses the key. */
export function binarize(key: Key, values: tf.Tensor, reading: Reading): tf.Tensor {
  if (reading === 'none') return values
  return reading === 'dynamic' ? bernoulli.sample(key, values) : tf.cast(tf.greaterEqual(values, 0.5), 'float32')
}

/** Images that share one key in `binarizeOnce`. */
const BLOCK = 1000

/**
 * Binarizes a whole set once, to levels 0 and 255. Block b of 1,000 images draws with `keyAt(key, b)`, so that a set which is read by
 * position gets the same sample, block by block.
 */
export function binarizeOnce<I extends ImageSet>(images: I, reading: Exclude<Reading, 'none'>, key: HostKey): I {
  const size = imageSize(images)
  const block = (b: number) => binaryLevels(levelsOf(images, b * BLOCK, (b + 1) * BLOCK), reading, keyAt(key, b))
  if (!('pixels' in images)) {
    const binary = (levels: Uint8Array, b: number) => binaryLevels(levels, reading, keyAt(key, b))
    return { ...images, read: inBlocks(block, size), ...gatherInBlocks(images, binary) }
  }
  const binary = new Uint8Array(images.count * size)
  for (let b = 0; b * BLOCK < images.count; b++) binary.set(block(b), b * BLOCK * size)
  return { ...images, pixels: binary }
}

function binaryLevels(levels: Uint8Array, reading: Exclude<Reading, 'none'>, key: HostKey): Uint8Array {
  const thresholds = reading === 'dynamic' ? uniformValues(key, levels.length) : undefined
  // Round to float32 as the training step does.
  return levels.map((level, i) =>
    (thresholds ? (thresholds[i] as number) < Math.fround(level / WHITE) : level >= WHITE / 2) ? WHITE : 0,
  )
}

/** The same without blocking. */
function gatherInBlocks(images: StoredImages, binary: (levels: Uint8Array, b: number) => Uint8Array) {
  const { gather, count } = images
  if (gather === undefined) return {}
  const size = imageSize(images)
  const block = async (b: number) => {
    const positions = Int32Array.from({ length: Math.min(BLOCK, count - b * BLOCK) }, (_, i) => b * BLOCK + i)
    return binary(await gather(positions), b)
  }
  let last: { b: number; levels: Promise<Uint8Array> } | undefined
  return {
    async gather(positions: ArrayLike<number>) {
      const gathered = new Uint8Array(positions.length * size)
      let held: { b: number; levels: Uint8Array } | undefined
      for (let i = 0; i < positions.length; i++) {
        const position = positions[i] as number
        const b = Math.floor(position / BLOCK)
        if (last?.b !== b) last = { b, levels: block(b) }
        if (held?.b !== b) held = { b, levels: await last.levels }
        const at = (position - b * BLOCK) * size
        gathered.set(held.levels.subarray(at, at + size), i * size)
      }
      return gathered
    },
  }
}

/** Reads by position from blocks, of which the last one is kept. */
function inBlocks(block: (b: number) => Uint8Array, size: number): StoredImages['read'] {
  let last: { b: number; levels: Uint8Array } | undefined
  return (from, to) => {
    const read = new Uint8Array((to - from) * size)
    for (let at = from; at < to; ) {
      const b = Math.floor(at / BLOCK)
      const end = Math.min(to, (b + 1) * BLOCK)
      if (last?.b !== b) last = { b, levels: block(b) }
      read.set(last.levels.subarray((at - b * BLOCK) * size, (end - b * BLOCK) * size), (at - from) * size)
      at = end
    }
    return read
  }
}
