/** `elbo encode --probe`: how well the labels of images can be told from their codes. */
import type { Split } from '../../data/dataset.js'
import { type Accuracy, NEIGHBOURS, type Probes, probe } from '../../evaluation/probes.js'
import { UsageError } from '../../settings/setting.js'
import type { KeptCodes } from './kept-codes.js'

/** Images whose codes are fitted, and images that are measured, at most. */
export const MOST_PROBED = 10_000

/** The images that are measured, and those that are fitted. */
interface Probed {
  images: Split
  train: Split
  /** Whether these are different images. */
  isApart: boolean
  source: string
}

/** Throws a `UsageError` if the images have no labels, or if no others than the measured ones could be fitted. */
export function requireProbe({ images, train, isApart, source }: Probed): void {
  if (images.name === 'train')
    throw new UsageError(
      '--probe: it is fitted on training images and measured on others; use --split test or validation',
    )
  if (images.labels === undefined || train.labels === undefined)
    throw new UsageError('--probe: these images have no labels')
  if (!isApart) throw new UsageError(`--probe: ${source} has no training images apart from its test images`)
}

/** Fits the probes on the codes of training images and measures them on others, both with classes. */
export function probeCodes(train: KeptCodes, images: KeptCodes): Promise<Probes> {
  const labelled = ({ mean, width, classes }: KeptCodes) => ({
    codes: mean,
    width,
    classes: Int32Array.from(classes?.values ?? []),
  })
  return probe(labelled(train), labelled(images))
}

/** The accuracies, one line each. */
export function describeProbes(
  { nearestNeighbours, linear, guessing }: Probes,
  train: KeptCodes,
  split: string,
): string[] {
  const line = (name: string, { mean, standardError }: Accuracy) =>
    `${name.padEnd(30)}${(100 * mean).toFixed(2).padStart(6)} ± ${(100 * standardError).toFixed(2)} %`
  return [
    `labels from codes, fitted on those of ${train.mean.length / train.width} training images, correct on ${linear.count} ${split} images:`,
    line(`  ${NEIGHBOURS} nearest neighbours`, nearestNeighbours),
    line('  logistic regression', linear),
    line('  the most frequent label', guessing),
  ]
}
