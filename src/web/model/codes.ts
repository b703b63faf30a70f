/** The codes of the first test images: means of q(z|x) and KL terms, computed once for each model. */
import * as tf from '#tfjs'
import { type Dimension, dimensionSums } from '../../evaluation/dimensions.js'
import { encode, type Vae } from '../../models/vae.js'
import { keyAt, streamKey } from '../../random.js'
import { atImages } from './classes.js'
import { nextFrame, valuesOf } from './model.js'
import type { Opened } from './with-model.js'

export interface Codes {
  count: number
  /** Dimensions of a row of `mean`. */
  width: number
  /** E_q[z]: [count, width]. */
  mean: Float32Array
  /** All dimensions, the largest mean KL first; undefined if their KL has no closed form. */
  dimensions?: Dimension[]
}

/** Images that are encoded unless another number is asked for. */
export const CODED = 1000

const known = new WeakMap<Vae, Map<number, Promise<Codes>>>()

/** The codes of the first `count` test images; `onProgress` is called with the images done. Throws an Error if the signal stops it. */
export function codesOf(opened: Opened, count: number, onProgress: (done: number) => void): Promise<Codes> {
  const ofModel = known.get(opened.vae) ?? new Map<number, Promise<Codes>>()
  known.set(opened.vae, ofModel)
  const images = Math.min(count, opened.images.count)
  const found = ofModel.get(images)
  if (found) return found
  const made = encodeAll(opened, images, onProgress)
  ofModel.set(images, made)
  made.catch(() => ofModel.delete(images))
  return made
}

async function encodeAll(opened: Opened, count: number, onProgress: (done: number) => void): Promise<Codes> {
  const { vae, images, hasKl, signal } = opened
  const width = vae.latentDim
  const mean = new Float32Array(count * width)
  const sums = hasKl ? dimensionSums(width) : undefined
  for (let b = 0; b * images.block < count; b++) {
    const used = Math.min(images.block, count - b * images.block) * width
    const batch = await images.batch(b)
    if ((b + 1) * images.block < count) void images.one('read', (b + 1) * images.block).catch(() => undefined) // fetched meanwhile
    const indices = Array.from({ length: images.block }, (_, i) => b * images.block + i)
    const model = atImages(opened, indices)
    const outputs = tf.tidy(() => {
      const q = encode(model(), batch)
      const { mean: means } = q.expectations(keyAt(streamKey(1, 'traverse'), b))
      return { means, kl: hasKl ? q.kl() : tf.zeros([0]) }
    })
    batch.dispose()
    const [means, kl] = (await valuesOf(outputs.means, outputs.kl)) as [Float32Array, Float32Array]
    signal.throwIfAborted()
    mean.set(means.subarray(0, used), b * images.block * width)
    sums?.add(means.subarray(0, used), kl.subarray(0, used))
    onProgress(Math.min(count, (b + 1) * images.block))
    await nextFrame()
  }
  return { count, width, mean, ...(sums && { dimensions: sums.result() }) }
}
