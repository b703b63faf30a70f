/** Images with their scores, lowest first, and which of them are normal. */
import type { Split } from '../../data/dataset.js'
import type { Scores } from '../../evaluation/scores.js'
import { type AreaUnderCurve, areaUnderCurve } from '../../numeric/ranks.js'
import { UsageError } from '../../settings/setting.js'

export interface ScoredImage {
  /** Its number in the split, from 0. */
  index: number
  /** Its file, where images are files. */
  name?: string
  /** The name of its class, where it has one. */
  label?: string
  /** log p(x), or a bound on it, in nats. */
  score: number
  /** Monte Carlo standard error of the score; absent if it has none. */
  standardError?: number
  elbo: number
  /** The percentile of its score among the training images. */
  percentile: number
}

/** All images in the order of their scores, the lowest first; equal scores by their numbers. */
export function rank({ labels, names }: Split, scores: Scores, percentiles: Float64Array): ScoredImage[] {
  const { score, standardError, elbo } = scores
  const images = Array.from(score, (value, index): ScoredImage => {
    const name = names?.[index]
    const label = labels && (labels.names[labels.values[index] as number] ?? String(labels.values[index]))
    return {
      index,
      ...(name !== undefined && { name }),
      ...(label !== undefined && { label }),
      score: value,
      ...(standardError && { standardError: standardError[index] as number }),
      elbo: elbo[index] as number,
      percentile: percentiles[index] as number,
    }
  })
  return images.sort((a, b) => a.score - b.score || a.index - b.index)
}

/** How well scores tell normal images from others. */
export interface Separation extends AreaUnderCurve {
  /** Labels of normal images. */
  normal: readonly string[]
  normalImages: number
  otherImages: number
}

/** Throws a `UsageError` if the images have no labels, no such labels, or no others. */
export function requireNormal({ labels }: Split, normal: readonly string[]): void {
  if (labels === undefined) throw new UsageError(`--normal ${normal.join(',')}: these images have no labels`)
  const present = labels.names.filter((_, number) => labels.values.includes(number))
  const unknown = normal.find(label => !present.includes(label))
  if (unknown !== undefined)
    throw new UsageError(`--normal ${unknown}: no image has this label; the labels are ${present.join(', ')}`)
  if (present.every(label => normal.includes(label)))
    throw new UsageError(
      `--normal ${normal.join(',')}: all images have these labels; others are needed to tell them from`,
    )
}

/** The AUC of the scores: the probability that a normal image has a higher one than another image. */
export function separation(images: readonly ScoredImage[], normal: readonly string[]): Separation {
  const scores = (isNormal: boolean) =>
    images.filter(({ label = '' }) => normal.includes(label) === isNormal).map(image => image.score)
  const [inside, outside] = [scores(true), scores(false)]
  return { normal, normalImages: inside.length, otherImages: outside.length, ...areaUnderCurve(inside, outside) }
}
