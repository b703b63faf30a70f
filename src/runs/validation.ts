/** The bound of the validation images after each pass. */
import type { Split } from '../data/dataset.js'
import type { Bounds } from '../evaluation/bound.js'
import type { Validated } from '../methods/metrics.js'
import { estimateMean } from '../numeric/means.js'
import { streamKey } from '../random.js'

const BATCH = 500

/** The mean bound over images, with the same binary sample and the same noise after each pass; undefined if there are no images. */
export async function validate(bounds: Bounds, images: Split, seed: number): Promise<Validated | undefined> {
  if (images.count === 0) return undefined
  const options = { batchSize: Math.min(BATCH, images.count), key: streamKey(seed, 'validation noise') }
  const { elbo = new Float32Array(), iwae, reconstruction, kl } = await bounds.run(images, options)
  const { mean, standardError, count } = estimateMean(elbo)
  const tighter = iwae && estimateMean(iwae)
  return {
    validationElbo: mean,
    ...(count > 1 && { validationElboError: standardError }),
    ...(tighter && { validationIwae: tighter.mean }),
    ...(tighter && count > 1 && { validationIwaeError: tighter.standardError }),
    ...(reconstruction && { reconstruction: estimateMean(reconstruction).mean }),
    ...(kl && { kl: estimateMean(kl).mean }),
    validationImages: count,
  }
}
