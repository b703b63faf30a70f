/** Shared by the estimators of `elbo evaluate`: the images to measure, common printed lines, and the file of `--save`. */

import { type Dataset, requireFirst, type Split, sourceName } from '../../data/dataset.js'
import { imageSize, levelsOf } from '../../data/images.js'
import { unitValues, WHITE } from '../../data/levels.js'
import { bitsPerDimension } from '../../evaluation/bits.js'
import { writeFileAtomic } from '../../files/files.js'
import { encodeSafetensors, type StoredTensor } from '../../files/safetensors.js'
import type { Likelihood } from '../../models/likelihood.js'
import type { Estimate } from '../../numeric/means.js'
import type { Context, Result } from '../command.js'
import { describeError, describeEstimate, type LogPxName, logPxName } from '../estimates.js'
import { evaluatedSplit, runImages, splitOf } from '../opened-run.js'
import type { ImageValues, OpenedForEvaluation } from './estimator.js'

/** The images to measure, and their description. */
export interface Measuring extends OpenedForEvaluation {
  data: Dataset
  /** As the run's model reads them. */
  images: Split
  /** Whether these are all images of the split. */
  whole: boolean
  /** What their values are. */
  values: Likelihood['values']
  /** What is estimated: log p(x), or log p(x|y) of a conditional model. */
  logPx: LogPxName
  /** The images in words. */
  about: string
  /** The same at the beginning of the JSON document. */
  document: object
}

/** The images of a run that the options choose. Throws a `UsageError` if the split has fewer. */
export async function imagesToMeasure(
  opened: OpenedForEvaluation,
  { images: count, split, data: source }: ImageValues,
): Promise<Measuring> {
  const { trained, run, snapshot, seed } = opened
  const { config, method } = trained
  const traits = method.traits(config)
  const { reads, conditional } = traits
  const data = await runImages(trained, source, undefined, opened.context.signal)
  const all = splitOf(data, split)
  const images = requireFirst(evaluatedSplit(trained, all), count, '--images')
  const whole = images.count === all.count
  const prior = trained.learner.vae?.latents.prior.moments ? method.traits(config).prior : undefined // a learned one
  if (prior) opened.context.note(`z ~ ${prior}, learned with the model; KL terms are means over draws of z`)
  const values = `${data.channels === 1 ? 'grey ' : ''}values in [0, 1]`
  const read = reads === 'none' ? values : `${reads} binarization (one fixed sample, seed ${config.seed})`
  return {
    ...opened,
    data,
    images,
    whole,
    values: trained.learner.vae?.likelihood.values ?? (reads === 'none' ? 'density' : 'binary'),
    about: `${whole ? images.count : `the first ${images.count}`} ${split} images of ${sourceName(data.source)}${conditional ? ' given their labels' : ''}, ${read}`,
    logPx: logPxName(traits),
    document: {
      ...{ run, snapshot, split, data: data.source, binarize: reads, binarizationSeed: config.seed, seed },
      ...(conditional && { condition: 'label' }),
      ...(prior && { prior }),
    },
  }
}

/** The result of a measurement that was interrupted before its first images were done; `document` describes the images. */
export function nothingMeasured({ note }: Context, document: object): Result {
  note('interrupted before the first images were done: no estimate')
  return { json: { ...document, interrupted: true }, interrupted: true }
}

/** The measured images in words: `about`, or the first `done` of its `count` images if it was interrupted. */
export const describeDone = (about: string, { done, count }: { done: number; count: number }): string =>
  done < count ? `interrupted: the first ${done} of ${about}` : about

/** Prints the terms of the ELBO, which are the rate (KL) and the distortion (-reconstruction) of a code. */
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

const BITS_OF = {
  binary: 'binary pixels',
  levels: 'levels 0 to 255',
  density: 'density times the width of a grey level',
} as const

/** Prints the bits per dimension of a log p(x), and returns them for the JSON document. */
export function bitsOf({ data, values, context }: Measuring, logPx: Estimate) {
  const pixels = imageSize(data)
  const bits = bitsPerDimension(logPx, { pixels, values })
  const note = {
    binary: '',
    levels: ', a code length',
    density: `, of the density times the width of a grey level, 1/${WHITE}; not a code length, can be negative`,
  }[values]
  const value = `${bits.mean.toFixed(5).padStart(9)} ± ${describeError(bits.standardError, 5)}`
  context.print(`${'bits/dim'.padEnd(16)}${value}${note}`)
  return { bitsPerDimension: { ...bits, of: BITS_OF[values] } }
}

/** Writes the file of `--save`: the images x as the model reads them, their classes if it reads these, and the values of each image, for all images that were measured. */
export function saveValues(
  { run, snapshot, trained, seed, values: kind, data, images, context }: Measuring,
  save: string | null,
  values: Readonly<Record<string, ArrayLike<number>>>,
  metadata: Record<string, string>,
): void {
  if (save === null) return
  const count = Math.min(...Object.values(values).map(({ length }) => length))
  const levels = levelsOf(images, 0, count)
  const x = kind === 'binary' ? levels.map(level => level / WHITE) : unitValues(levels)
  const shape = [count, data.rows, data.columns, ...(data.channels > 1 ? [data.channels] : [])]
  const tensors = new Map<string, StoredTensor>([['x', { shape, data: x }]])
  for (const [name, list] of Object.entries(values))
    tensors.set(name, { shape: [list.length], data: Float32Array.from(list) })
  if (images.classes)
    tensors.set('class', { shape: [count], data: Float32Array.from(images.classes.subarray(0, count)) })
  const step = String(trained.snapshot.position.step)
  const source = { run, snapshot, step, seed: String(seed) }
  writeFileAtomic(save, encodeSafetensors({ tensors, metadata: { ...source, ...metadata } }))
  context.note(`images and values per image: ${save}`)
}
