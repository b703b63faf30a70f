/** Runs a function over a set of images in batches, through `scan`. */
import type * as tf from '#tfjs'
import { chunks, type Feed, type Scan, scan } from '../compile/scan.js'
import { type Choice, concatenate, type Outputs, type ScanOptions, type Step } from '../compile/step.js'
import { type ImageSet, requirePixels, rowSize } from '../data/images.js'
import { inSequence } from '../data/passes.js'
import { type HostKey, type Key, keyAt } from '../random.js'
import { gatherSteps, shareOf } from './shared-steps.js'

/** Batch size of every evaluation of a run. The noise of an image depends on it and on the image's index, not on how many images follow. */
export const EVALUATION_BATCH = 100

export interface OverImagesOptions {
  batchSize: number
  /** Part p of batch b uses `keyAt(keyAt(key, b), p)`. */
  key: HostKey
  /** Called after each chunk with the number of images done. */
  onProgress?: (done: number) => void
  /** Stops after the chunk in flight; the outputs of the images done so far are returned. */
  signal?: AbortSignal | undefined
}

/** A function over images that is recorded and compiled once and can run many times. */
export interface ImageScan<S> {
  /** Undefined before the first run. */
  readonly choice: Choice | undefined
  /** Runs every part on each batch; returns the outputs of each part, one row per image. */
  run(images: ImageSet, options: OverImagesOptions, parts: readonly S[]): Promise<Outputs[]>
  dispose(): void
}

/**
 * `perBatch` maps a batch of images, a row each, a key and the numbers of a part to named tensors whose first axis is the image. All batches
 * have the same size: the last one is padded with black images, whose outputs are dropped.
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

/** Runs p parts on each batch in turn: step s is part s mod p on batch floor(s / p). The workers of a cluster divide the batches. */
async function runParts<S>(
  steps: Scan<S>,
  images: ImageSet,
  { batchSize: size, key, onProgress, signal }: OverImagesOptions,
  parts: readonly S[],
): Promise<Outputs[]> {
  requirePixels(images)
  const total = Math.ceil(images.count / size) * parts.length
  const share = shareOf(total, parts.length)
  const hasShare = share.to > share.from
  // A worker without a share runs the first batch too, so that it knows how steps run, and does not count it.
  const range = hasShare ? share : { from: 0, to: parts.length }
  const rowsOf = (steps: number) => Math.min(Math.floor(steps / parts.length) * size, images.count)
  const finished: Outputs[] = []
  let done = 0
  for await (const { from, count, outputs } of chunks(steps, { ...range, signal }, feedOf(images, size, key, parts))) {
    if (!hasShare) continue
    finished.push(outputs)
    done = from + count - share.from
    // The others are about as far.
    onProgress?.(rowsOf(Math.round((done * total) / (share.to - share.from))))
  }
  const all = await gatherSteps(total, parts.length, { done, outputs: concatenate(finished) })
  const rows = rowsOf(all.done)
  return parts.map((_, part) => selectPart(all.outputs, { part, parts: parts.length, steps: all.done, size, rows }))
}

function feedOf<S>(images: ImageSet, size: number, key: HostKey, parts: readonly S[]) {
  const batchOf = (step: number) => Math.floor(step / parts.length)
  const partOf = (step: number) => step % parts.length
  const rows = inSequence(images)
  return async (from: number, count: number): Promise<Feed<S>> => {
    const numbers = Array.from({ length: count }, (_, i) => from + i)
    const [first, last] = [batchOf(from), batchOf(from + count - 1)]
    const read = await rows(first * size, (last + 1 - first) * size)
    const batches = numbers.map(step => batchOf(step) - first)
    return {
      batches: {
        data: parts.length === 1 ? read : repeated(read, batches, size * rowSize(images)),
        shape: [count, size, rowSize(images)],
        dtype: 'float32',
      },
      keys: numbers.map(step => keyAt(keyAt(key, batchOf(step)), partOf(step))),
      schedules: numbers.map(step => parts[partOf(step)] as S),
    }
  }
}

/** Batches of `length` values, some of them several times. */
function repeated(rows: Uint8Array, numbers: readonly number[], length: number): Uint8Array {
  const data = new Uint8Array(numbers.length * length)
  numbers.forEach((batch, i) => void data.set(rows.subarray(batch * length, (batch + 1) * length), i * length))
  return data
}

interface Selection {
  /** The selected part and the number of parts. */
  part: number
  parts: number
  steps: number
  /** Batch size. */
  size: number
  /** Number of images. */
  rows: number
}

/** The outputs of one part, from those of all steps in the order of `runParts`. */
function selectPart(outputs: Outputs, { part, parts, steps, size, rows }: Selection): Outputs {
  const pick = (values: Float32Array): Float32Array => {
    const perStep = values.length / steps
    const picked = new Float32Array((rows * perStep) / size)
    for (let batch = 0; batch * size < rows; batch++) {
      const from = (batch * parts + part) * perStep
      const used = Math.min(perStep, picked.length - batch * perStep)
      picked.set(values.subarray(from, from + used), batch * perStep)
    }
    return picked
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, pick(values)]))
}
