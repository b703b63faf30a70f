/** Runs a function over all images of a split, a batch at a time, through `scan`. */
import type * as tf from '@tensorflow/tfjs'
import {
  type Batches,
  type Choice,
  concatenate,
  type Outputs,
  type ScanOptions,
  type Step,
  scan,
} from '../compile/scan.js'
import { type Images, imageSize, imagesFrom } from '../data/images.js'
import { unlessAborted } from '../interruption.js'
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
 * have the same size: the last one is filled up with black images, whose outputs are cut off. `state` is what `perBatch` keeps from step
 * to step: it is freed with the scan, once no step in flight reads it.
 */
export function overImages<S extends { readonly [Name in keyof S]: number }>(
  perBatch: (batch: tf.Tensor, key: Key, part: S) => Record<string, tf.Tensor>,
  options: ScanOptions,
  state?: { dispose(): void },
): ImageScan<S> {
  const runner = scan<S>(perBatch as Step<S>, options)
  let left: Promise<unknown> | undefined
  const free = () => {
    runner.dispose()
    state?.dispose()
  }
  return {
    get choice() {
      return runner.choice
    },
    async run(images, { batchSize, key, onProgress, signal }, parts) {
      const size = Math.min(batchSize, images.count)
      const steps = Math.ceil(images.count / size) * parts.length
      const batchOf = (step: number) => Math.floor(step / parts.length)
      const partOf = (step: number) => step % parts.length
      const chunks: Outputs[] = []
      let done = 0
      while (done < steps && !signal?.aborted) {
        const from = done
        const numbers = Array.from({ length: Math.min(runner.chunkSteps, steps - from) }, (_, i) => from + i)
        const batches = gatherBatches(images, size, numbers.map(batchOf))
        const keys = numbers.map(step => keyAt(keyAt(key, batchOf(step)), partOf(step)))
        const schedules = numbers.map(step => parts[partOf(step)] as S)
        const work = runner.run(batches, keys, schedules)
        const outputs = await unlessAborted(work, signal)
        if (!outputs) {
          left = work.catch(() => {})
          break
        }
        chunks.push(outputs)
        done += numbers.length
        onProgress?.(Math.min(batchOf(done) * size, images.count))
      }
      const outputs = concatenate(chunks)
      const rows = Math.min(batchOf(done) * size, images.count)
      return parts.map((_, part) => ofPart(outputs, { part, parts: parts.length, steps: done, size, rows }))
    },
    dispose: () => (left !== undefined ? void left.then(free) : free()),
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
