/** Where p(z) lies, for grids and traversals. */
import * as tf from '#tfjs'
import type { Decoder } from '../models/vae.js'

/** Mean and standard deviation of each dimension under p(z), [latent] each. */
export interface PriorAxes {
  mean: readonly number[]
  deviation: readonly number[]
}

/** Those of a learned prior; 0 and 1 for any other, as of N(0, I). */
export async function priorAxes({ latents: { prior }, latentDim }: Decoder): Promise<PriorAxes> {
  const all = (value: number) => Array.from({ length: latentDim }, () => value)
  if (!prior.moments) return { mean: all(0), deviation: all(1) }
  const { mean, variance } = prior.moments()
  const [means, variances] = await Promise.all([mean.data<'float32'>(), variance.data<'float32'>()])
  tf.dispose([mean, variance])
  return { mean: [...means], deviation: Array.from(variances, Math.sqrt) }
}
