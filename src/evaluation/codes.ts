/** What a model knows of the latents of each image: the codes of a set, block by block, so that memory does not grow with the set. */
import type * as tf from '#tfjs'
import type { Choice, Outputs, ScanOptions } from '../compile/step.js'
import { type ImageSet, imageRange } from '../data/images.js'
import { readBatch } from '../models/conditional.js'
import { encode, type Vae } from '../models/vae.js'
import { elboOf } from '../objectives/elbo.js'
import { type HostKey, type Key, keyAt } from '../random.js'
import { EVALUATION_BATCH, overImages } from './over-images.js'

/** The codes of a model. */
export interface Encoding {
  /** What `mean` holds, in words. */
  readonly meaning: string
  /** Whether `mean` is a point of a space that can be drawn; shares of components are not. */
  readonly arePoints: boolean
  /** The length of a row of each array besides `elbo`: `mean`, and `logVar` and `kl` where the posterior has them. */
  readonly widths: Readonly<{ mean: number; logVar?: number; kl?: number }>
  /**
   * The arrays of a batch of images, a row each in 0 … 255: those of `widths`, [batch, width], and `elbo` [batch], which averages `samples` draws of z
   * where it has no closed form. KL terms and ELBO are in nats.
   */
  of(batch: tf.Tensor, key: Key, samples: number): Record<string, tf.Tensor>
}

/**
 * The codes of a VAE, of q(z|x). With Gaussian z they are mean, log variance and KL(q(z_j|x) || p(z_j)) of each dimension; binary z have no
 * log variance. With two latent layers `mean` is E_q[h1, h2]. With those, and with a learned prior, there is no KL of single dimensions.
 */
export function vaeCodes(vae: Vae): Encoding {
  const { latentDim, layers, latents, classes } = vae
  const given = classes === undefined ? 'x' : 'x, y'
  const isLayered = layers.length > 1
  const { exactKl } = latents
  const hasVariance = latents.reparameterized && !isLayered
  const width = latentDim
  return {
    meaning: isLayered
      ? `E[h1, h2] under q(h1|${given}) q(h2|h1)`
      : hasVariance
        ? `the mean of q(z|${given})`
        : `q(z_j = 1|${given})`,
    arePoints: true,
    widths: { mean: width, ...(hasVariance && { logVar: width }), ...(exactKl && { kl: width }) },
    of(batch, key, samples) {
      const { x, model } = readBatch(vae, batch)
      const q = encode(model, x)
      const { elbo } = elboOf(model, x, q, key, { samples, kl: exactKl ? 'analytic' : 'monte-carlo' })
      const [, logVar] = q.heads
      return {
        mean: q.expectations(key).mean,
        ...(hasVariance && logVar && { logVar }),
        ...(exactKl && { kl: q.kl() }),
        elbo,
      }
    },
  }
}

/** Images of a block: whole batches of an evaluation. */
const BLOCK = 100 * EVALUATION_BATCH

export interface CodesOptions extends ScanOptions {
  /** The noise of an image depends on this and on its place in the set. */
  key: HostKey
  /** Draws of z per image for the ELBO. */
  samples: number
  /** Called with the number of images done. */
  onProgress?: (done: number) => void
  signal?: AbortSignal | undefined
}

/** How the codes of a set were computed. */
export interface Encoded {
  /** Fewer than those of the set if it was stopped. */
  images: number
  compile: Choice | undefined
}

/** Computes the codes of a set and hands them to `onBlock` in order, with the number of the block's first image. Stops at the signal. */
export async function encodeImages(
  codes: Encoding,
  images: ImageSet,
  { key, samples, onProgress, signal, ...scanOptions }: CodesOptions,
  onBlock: (outputs: Outputs, from: number, count: number) => void,
): Promise<Encoded> {
  const scan = overImages<object>((batch, batchKey) => codes.of(batch, batchKey, samples), scanOptions)
  let done = 0
  try {
    while (done < images.count && !signal?.aborted) {
      const from = done
      const [outputs] = await scan.run(
        imageRange(images, from, from + BLOCK),
        {
          batchSize: EVALUATION_BATCH,
          key: keyAt(key, from / BLOCK),
          signal,
          onProgress: count => onProgress?.(from + count),
        },
        [{}],
      )
      const count = outputs?.elbo?.length ?? 0
      if (outputs && count > 0) onBlock(outputs, from, count)
      done += count
    }
    return { images: done, compile: scan.choice }
  } finally {
    scan.dispose()
  }
}
