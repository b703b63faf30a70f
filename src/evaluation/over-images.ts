/** Runs a function over all images of a split, a batch at a time, through `scan`. */
import type * as tf from '@tensorflow/tfjs'
import { chunks, type Feed, type Scan, scan } from '../compile/scan.js'
import { type Batches, type Choice, concatenate, type Outputs, type ScanOptions, type Step } from '../compile/step.js'
import { type Images, imageSize, imagesFrom, requirePixels } from '../data/images.js'
import { type HostKey, type Key, keyAt } from '../random.js'

/** Images of a batch wherever a run is evaluated: another size would draw other noise. */
export const EVALUATION_BATCH = 100

export interface OverImagesOptions {
  batchSize: number
  /** Part p of batch b gets `keyAt(keyAt(key, b), p)`. */
  key: HostKey
  /** Told the number of images done, after each chunk. */
  onProgress?: (done: number) => void
  /** Stops after the chunk in flight; the outputs of the images done so far are returned. */
  signal?: AbortSignal | undefined
}

/** What can be run over images again and again; recorded and compiled once. */
export interface ImageScan<S> {
  /** How it runs; undefined before the first run. */
  readonly choice: Choice | undefined
  /** Runs every part on each batch: for each part its outputs, one row per image. */
  run(images: Images, options: OverImagesOptions, parts: readonly S[]): Promise<Outputs[]>
  dispose(): void
}

/**
 * `perBatch` maps images [batch, pixels], a key and the numbers of a part to named tensors whose first axis is the image. All batches
 * have the same size: the last one is filled up with black images, whose outputs are cut off.
 */
export function overImages<S extends { readonly [Name in keyof S]: number }>(
  perBatch: (batch: tf.Tensor, key: Key, part: S) => Record<string, tf.Tensor>,
  options: ScanOptions,
): ImageScan<S> {
  const steps = scan<S>(perBatch as Step<S>, options)
  return {
    get choice() {
      return steps.choice
    },
    run: (images, options, parts) => runParts(steps, images, options, parts),
    dispose: () => steps.dispose(),
  }
}

/** Runs the parts on one batch after another: step s is part s mod p, of p parts, on batch floor(s / p). */
async function runParts<S>(
  steps: Scan<S>,
  images: Images,
  { batchSize, key, onProgress, signal }: OverImagesOptions,
  parts: readonly S[],
): Promise<Outputs[]> {
  requirePixels(images)
  const size = Math.min(batchSize, images.count)
  const to = Math.ceil(images.count / size) * parts.length
  const finished: Outputs[] = []
  let [done, rows] = [0, 0]
  for await (const { from, count, outputs } of chunks(steps, { to, signal }, feedOf(images, size, key, parts))) {
    finished.push(outputs)
    done = from + count
    rows = Math.min(Math.floor(done / parts.length) * size, images.count)
    onProgress?.(rows)
  }
  const all = concatenate(finished)
  return parts.map((_, part) => ofPart(all, { part, parts: parts.length, steps: done, size, rows }))
}

function feedOf<S>(images: Images, size: number, key: HostKey, parts: readonly S[]) {
  const batchOf = (step: number) => Math.floor(step / parts.length)
  const partOf = (step: number) => step % parts.length
  return (from: number, count: number): Feed<S> => {
    const numbers = Array.from({ length: count }, (_, i) => from + i)
    return {
      batches: gatherBatches(images, size, numbers.map(batchOf)),
      keys: numbers.map(step => keyAt(keyAt(key, batchOf(step)), partOf(step))),
      schedules: numbers.map(step => parts[partOf(step)] as S),
    }
  }
}

/** Copies whole batches of `size` images. */
function gatherBatches(images: Images, size: number, numbers: readonly number[]): Batches {
  const width = imageSize(images)
  const data = new Uint8Array(numbers.length * size * width)
  numbers.forEach((batch, i) => void data.set(imagesFrom(images, batch * size, size), i * size * width))
  return { data, count: numbers.length, shape: [size, width] }
}

interface Place {
  part: number
  parts: number
  steps: number
  /** Images of a batch. */
  size: number
  /** Images in all. */
  rows: number
}

/** The outputs of one part, out of those of all steps: part after part within a batch, batch after batch. */
function ofPart(outputs: Outputs, { part, parts, steps, size, rows }: Place): Outputs {
  const pick = (values: Float32Array): Float32Array => {
    const perStep = values.length / steps
    const picked = new Float32Array((rows / size) * perStep)
    for (let batch = 0; batch * size < rows; batch++) {
      const from = (batch * parts + part) * perStep
      const used = Math.min(perStep, picked.length - batch * perStep)
      picked.set(values.subarray(from, from + used), batch * perStep)
    }
    return picked
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, pick(values)]))
}
