/** What the methods of `elbo evaluate` share: what they are told, the lines that they all print, the file of `--save`. */

import type { modes } from '../../compile/scan.js'
import type { Dataset, Split } from '../../data/dataset.js'
import { firstImages } from '../../data/images.js'
import { unitValues, WHITE } from '../../data/levels.js'
import { bitsPerDimension } from '../../evaluation/bits.js'
import { writeFileAtomic } from '../../files/files.js'
import { encodeSafetensors, type StoredTensor } from '../../files/safetensors.js'
import type { TrainedVae } from '../../methods/session.js'
import type { Estimate } from '../../numeric/means.js'
import type { Context, Result } from '../command.js'
import { describeError, describeEstimate } from '../estimates.js'

/** What every method is told. */
export interface Measuring {
  run: string
  /** Which of the run's snapshots, and the step that it is of. */
  snapshot: { name: string; step: number }
  /** Pixels of an image, and whether they are binary. */
  pixels: number
  binary: boolean
  data: Dataset
  /** As the run's model reads them. */
  images: Split
  /** The images in words. */
  about: string
  /** Decides the noise. */
  seed: number
  mode: (typeof modes)[number]
  /** Where `--save` wants the values of every image. */
  save: string | null
  context: Context
}

export interface MeasuringVae extends Measuring {
  trained: TrainedVae
}

/** What a method gives: its part of the JSON document. */
export type Measurement = Result & { json: object }

/** Of what an interruption left nothing. */
export function nothingMeasured({ note }: Context): Measurement {
  note('interrupted before the first images were done: no estimate')
  return { json: { interrupted: true }, interrupted: true }
}

/** What was measured, in words: `about`, or so many of its `count` images as an interruption left. */
export const describeDone = (about: string, { done, count }: { done: number; count: number }): string =>
  done < count ? `interrupted: the first ${done} of ${about}` : about

/** The ELBO's parts as the two ends of a code: KL is its rate, what reconstruction lacks its distortion. */
export function describeParts(context: Context, parts: { reconstruction: Estimate; kl: Estimate }): void {
  const { distortion } = rateAndDistortion(parts)
  const note = `, a distortion of ${distortion.mean.toFixed(3)}`
  context.print(describeEstimate('reconstruction', parts.reconstruction, note))
  context.print(describeEstimate('KL', parts.kl, ', the rate'))
}

/** In nats per image (Alemi et al. 2018): ELBO = -rate - distortion. */
export const rateAndDistortion = ({ reconstruction, kl }: { reconstruction: Estimate; kl: Estimate }) => ({
  rate: kl,
  distortion: { ...reconstruction, mean: -reconstruction.mean },
})

/** The bits per dimension of a log p(x), printed and for the JSON document. */
export function bitsOf({ pixels, binary, context }: Measuring, logPx: Estimate) {
  const bits = bitsPerDimension(logPx, { pixels, binary })
  const of = binary
    ? ''
    : `, of the density times the width of a grey level, 1/${WHITE}: no code length, can be negative`
  const value = `${bits.mean.toFixed(5).padStart(9)} ± ${describeError(bits.standardError, 5)}`
  context.print(`${'bits/dim'.padEnd(16)}${value}${of}`)
  return { bitsPerDimension: { ...bits, of: binary ? 'binary pixels' : 'density times the width of a grey level' } }
}

/** Writes what `--save` asks for: the images x as the model reads them, and numbers of every image; of the first ones if there are no more. */
export function saveValues(
  { run, snapshot, seed, binary, data, images, save, context }: Measuring,
  values: Readonly<Record<string, ArrayLike<number>>>,
  metadata: Record<string, string>,
): void {
  if (save === null) return
  const count = Math.min(...Object.values(values).map(({ length }) => length))
  const levels = firstImages(images, count).pixels
  const x = binary ? levels.map(level => level / WHITE) : unitValues(levels)
  const tensors = new Map<string, StoredTensor>([['x', { shape: [count, data.rows, data.columns], data: x }]])
  for (const [name, list] of Object.entries(values))
    tensors.set(name, { shape: [list.length], data: Float32Array.from(list) })
  const of = { run, snapshot: snapshot.name, step: String(snapshot.step), seed: String(seed) }
  writeFileAtomic(save, encodeSafetensors({ tensors, metadata: { ...of, ...metadata } }))
  context.note(`images and values per image: ${save}`)
}
