/** Runs a function over all images of a split, a batch at a time, through `scan`. */
import type * as tf from '@tensorflow/tfjs'
import { type Outputs, type Scan, scan } from '../compile/scan.js'
import { type HostKey, type Key, keyAt } from '../random.js'

/** Images to evaluate: `pixels` holds [count, pixels per image] in 0 … 255. */
export interface ImageSet {
  count: number
  pixels: Uint8Array
}

export interface OverImagesOptions {
  batchSize: number
  /** Batch b gets `keyAt(key, b)`. */
  key: HostKey
  /** Told the number of images done, after each chunk. */
  onProgress?: (done: number) => void
  /** Stops after the chunk in flight; the outputs of the images done so far are returned. */
  signal?: AbortSignal | undefined
}

/** `perBatch` maps images [batch, pixels] to named tensors whose first axis is the image; returns them for all images. */
export async function overImages(
  perBatch: (batch: tf.Tensor, key: Key) => Record<string, tf.Tensor>,
  images: ImageSet,
  options: OverImagesOptions,
): Promise<Outputs> {
  const runner = scan<object>(perBatch, { mode: 'off' })
  const whole = Math.floor(images.count / options.batchSize)
  const chunks: Outputs[] = []
  let batch = 0
  while (batch < whole && !options.signal?.aborted) {
    const count = Math.min(runner.chunkSteps, whole - batch)
    chunks.push(await runChunk(runner, images, options, batch, count, options.batchSize))
    batch += count
    options.onProgress?.(batch * options.batchSize)
  }
  const rest = images.count - whole * options.batchSize
  if (rest > 0 && !options.signal?.aborted) {
    chunks.push(await runChunk(runner, images, options, whole, 1, rest))
    options.onProgress?.(images.count)
  }
  return joinChunks(chunks)
}

function runChunk(
  runner: Scan<object>,
  { pixels, count: images }: ImageSet,
  { batchSize, key }: OverImagesOptions,
  first: number,
  count: number,
  size: number,
): Promise<Outputs> {
  const width = pixels.length / images
  const start = first * batchSize * width
  const data = pixels.subarray(start, start + count * size * width)
  const keys = Array.from({ length: count }, (_, i) => keyAt(key, first + i))
  return runner.run({ data, count, shape: [size, width] }, keys, new Array<object>(count).fill({}))
}

function joinChunks(chunks: Outputs[]): Outputs {
  const names = Object.keys(chunks[0] ?? {})
  return Object.fromEntries(
    names.map(name => [name, Float32Array.from(chunks.flatMap(chunk => [...(chunk[name] ?? [])]))]),
  )
}
