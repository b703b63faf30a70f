/** The bound of every image as a fitted model gives it; for exact posteriors it is log p(x) itself. */
import type { Choice, ScanOptions } from '../compile/scan.js'
import type { Algorithm } from '../inference/algorithm.js'
import { type ImageSet, type OverImagesOptions, overImages } from './over-images.js'
import { type Estimate, estimateMean } from './statistics.js'

/** Nats per image; each standard error is that of the mean over images. */
export interface BoundEstimate {
  images: number
  elbo: Estimate
  /** E_q[log p(x|z)] and KL(q(z) || p(z)), where the method separates them. */
  reconstruction?: Estimate
  kl?: Estimate
  /** How the work was run. */
  compile: Choice
  /** The values behind the ELBO, one per image. */
  perImage: Float32Array
}

/** Undefined if `options.signal` stopped it before the end. */
export async function evaluateBound(
  { bound }: Pick<Algorithm, 'bound'>,
  images: ImageSet,
  options: OverImagesOptions & ScanOptions,
): Promise<BoundEstimate | undefined> {
  const bounds = overImages<object>(bound, options)
  try {
    const [{ elbo, reconstruction, kl } = {}] = await bounds.run(images, options, [{}])
    if (elbo?.length !== images.count) return undefined
    return {
      images: images.count,
      elbo: estimateMean(elbo),
      ...(reconstruction && { reconstruction: estimateMean(reconstruction) }),
      ...(kl && { kl: estimateMean(kl) }),
      compile: bounds.choice as Choice,
      perImage: elbo,
    }
  } finally {
    bounds.dispose()
  }
}
