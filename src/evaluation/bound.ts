/** The bound of every image as a fitted model gives it; for exact posteriors it is log p(x) itself. */
import type { Choice, Outputs, ScanOptions } from '../compile/scan.js'
import type { Algorithm, AnnealedAlgorithm } from '../inference/algorithm.js'
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

/** Finds the bound of sets of images, as an algorithm gives it; a step is compiled once. */
export interface Bounds {
  run(images: ImageSet, options: OverImagesOptions): Promise<Outputs>
  /** How the work was run; undefined before the first run. */
  readonly choice: Choice | undefined
  dispose(): void
}

export function boundsBy(algorithm: Algorithm | AnnealedAlgorithm, how: ScanOptions): Bounds {
  if ('boundOf' in algorithm) {
    const mode = how.mode === 'auto' ? 'graph' : how.mode
    const choice = { mode, reason: 'annealed a temperature at a time' }
    return { run: (images, options) => algorithm.boundOf(images, options, choice), choice, dispose() {} }
  }
  const scan = overImages<object>(algorithm.bound, how)
  return {
    run: async (images, options) => (await scan.run(images, options, [{}]))[0] ?? {},
    get choice() {
      return scan.choice
    },
    dispose: scan.dispose,
  }
}

/** Undefined if `options.signal` stopped it before the end. */
export async function evaluateBound(
  algorithm: Algorithm | AnnealedAlgorithm,
  images: ImageSet,
  options: OverImagesOptions & ScanOptions,
): Promise<BoundEstimate | undefined> {
  const bounds = boundsBy(algorithm, options)
  try {
    const { elbo, reconstruction, kl } = await bounds.run(images, options)
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
