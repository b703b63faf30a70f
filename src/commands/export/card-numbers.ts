/** The numbers of a model card: what `elbo evaluate` measures on test images. */

import { requireFirst, type Split, sourceName } from '../../data/dataset.js'
import { imageSize } from '../../data/images.js'
import { bitsPerDimension } from '../../evaluation/bits.js'
import { type Evaluation, evaluateVae } from '../../evaluation/evaluate-vae.js'
import { EVALUATION_BATCH } from '../../evaluation/over-images.js'
import type { Likelihood } from '../../models/likelihood.js'
import type { Estimate } from '../../numeric/means.js'
import { streamKey } from '../../random.js'
import type { TrainedVae } from '../../runs/trained-run.js'
import type { Context } from '../command.js'
import { describeError } from '../estimates.js'
import { evaluatedSplit } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'

export interface Numbers extends Omit<Evaluation, 'perImage'> {
  bits: Estimate
  /** What the values of an image are. */
  values: Likelihood['values']
  /** Name of the source of the images. */
  source: string
  /** Whether everything is given the label y of an image. */
  conditional: boolean
}

/** Measures the first `images` test images, or all. Undefined if it was interrupted. */
export async function measureNumbers(
  trained: TrainedVae,
  { test, source }: { test: Split; source: string },
  { samples, images }: { samples: number; images: number | null },
  context: Context,
): Promise<Numbers | undefined> {
  const { vae } = trained
  const measured = requireFirst(evaluatedSplit(trained, test), images, '--images')
  const bar = progressBar('images', context)
  const result = await evaluateVae(vae, measured, samples, {
    batchSize: EVALUATION_BATCH,
    key: streamKey(1, 'evaluate'),
    onProgress: done => bar.update(done, measured.count, `${samples} samples per image`),
    signal: context.signal,
  }).finally(() => bar.stop())
  if (result === undefined || result.images < measured.count) return undefined
  const bits = bitsPerDimension(result.logPx, { pixels: imageSize(vae.image), values: vae.likelihood.values })
  return {
    ...result,
    bits,
    values: vae.likelihood.values,
    source: sourceName(source),
    conditional: vae.classes !== undefined,
  }
}

/** Rows of a table: what, value, standard error, unit, and how it was measured. */
export function numberRows(numbers: Numbers): string[][] {
  const { elbo, reconstruction, kl, logPx, bits, samples, layers, values, conditional } = numbers
  const row = (name: string, { mean, standardError }: Estimate, digits: number, unit: string, how: string) => [
    name,
    mean.toFixed(digits),
    describeError(standardError, digits),
    unit,
    how,
  ]
  const draws = `${samples} draws of z per image`
  const y = conditional ? ', y' : ''
  const logP = conditional ? 'log p(x\\|y)' : 'log p(x)'
  const active = layers.map(layer => `${layer.activeUnits ?? 'unknown'} of ${layer.latentDim}`).join(', ')
  return [
    row('ELBO', elbo, 2, 'nats/image', `lower bound on ${logP}, ${draws}`),
    row('reconstruction', reconstruction, 2, 'nats/image', `E[log p(x\\|z${y})]; ELBO = reconstruction − KL`),
    row('KL', kl, 2, 'nats/image', `KL(q(z\\|x${y}) \\|\\| p(z))`),
    row(logP, logPx, 2, 'nats/image', `importance sampling, ${draws}; biased downwards`),
    row('bits/dim', bits, 4, 'bits', `from ${logP}; of ${BITS_OF[values]}`),
    [
      'active units',
      active,
      '',
      'dimensions',
      `variance of the mean of q(z\\|x${y}) over images above 0.01 (Burda et al. 2015)`,
    ],
  ]
}

const BITS_OF = {
  binary: 'binary pixels',
  levels: 'levels 0 to 255',
  density: 'the density times the width of a grey level, 1/255; not a code length',
} as const
