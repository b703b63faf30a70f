/** What the model of a run reads of an image: its pixels, or their principal components. */
import * as tf from '#tfjs'
import { toUnit } from '../../data/levels.js'
import type { RunTensors } from './run-tensors.js'

export interface LoadedFeatures {
  /** Images [batch, pixels] in 0 … 255 -> [batch, features]. */
  read(levels: tf.Tensor): tf.Tensor
  /** Features [batch, features] -> images [batch, pixels], clipped to 0 … 1. */
  show(features: tf.Tensor): tf.Tensor
  dispose(): void
}

export async function loadFeatures(tensors: RunTensors): Promise<LoadedFeatures> {
  const clip = (images: tf.Tensor) => tf.clipByValue(images, 0, 1)
  if (!tensors.has('features/basis')) return { read: toUnit, show: clip, dispose() {} }
  const [pixels, size] = tensors.shape('features/basis') as [number, number]
  const [means, entries] = await Promise.all([tensors.values('features/mean'), tensors.values('features/basis')])
  const mean = tf.tensor1d(Float32Array.from(means))
  const basis = tf.tensor2d(Float32Array.from(entries), [pixels, size])
  return {
    read: levels => tf.matMul(tf.sub(toUnit(levels), mean) as tf.Tensor2D, basis),
    show: features => clip(tf.add(tf.matMul(features as tf.Tensor2D, basis, false, true), mean)),
    dispose: () => tf.dispose([mean, basis]),
  }
}
