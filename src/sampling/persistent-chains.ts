/** Persistent Markov chains: the current position for every training image, and the draws of the last pass for some of them. */
import * as tf from '#tfjs'
import { type HostKey, normal } from '../random.js'
import { effectiveSampleSize, splitRHat } from './diagnostics.js'

export interface ChainsShape {
  /** Number of training images. */
  images: number
  batchSize: number
  /** Chains per image. */
  chains: number
  latentDim: number
  /** Transitions per pass. */
  transitions: number
  /** Number of images, starting with the first, whose draws are diagnosed; at most one batch. */
  judged: number
}

export interface PersistentChains {
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** The current positions, a row for each batch. */
  readonly positions: tf.Variable
  /** Current positions of the batch that starts with image `first`: [chains, batch, latent]. */
  take(first: number): tf.Tensor
  /** Stores a pass's draws of that batch, each [chains, batch, latent]; the last one is the new position. */
  put(first: number, draws: readonly tf.Tensor[]): void
  /**
   * Diagnostics of the last pass over images and latent dimensions: `ess`, out of `chains * transitions` draws, and `rHat`. `stuck` is the
   * fraction of dimensions whose chains never moved; they are excluded from the others. Empty below four transitions.
   */
  judge(): Promise<Record<string, number>>
}

/** Chains that start at draws of the prior N(0, I). */
export function persistentChains(shape: ChainsShape, key: HostKey): PersistentChains {
  const { images, batchSize, chains, latentDim, transitions } = shape
  const judged = Math.min(shape.judged, batchSize, images)
  const batches = Math.ceil(images / batchSize)
  // One row per batch, because a batch is read and written as a whole.
  const z = tf.tidy(() => tf.variable(normal(key, [batches, chains * batchSize * latentDim]), false))
  const draws = tf.tidy(() => tf.variable(tf.zeros([transitions, chains, judged, latentDim]), false))
  const rowAt = (first: number) =>
    tf.reshape(tf.cast(tf.minimum(tf.round(tf.scalar(first / batchSize)), batches - 1), 'int32'), [1])
  return {
    variables: new Map([
      ['z', z],
      ['draws', draws],
    ]),
    positions: z,
    take: first => tf.reshape(tf.gather(z, rowAt(first)), [chains, batchSize, latentDim]),
    put(first, newDraws) {
      const last = newDraws.at(-1) as tf.Tensor
      z.assign(tf.tensorScatterUpdate(z, tf.reshape(rowAt(first), [1, 1]), tf.reshape(last, [1, -1])) as tf.Tensor2D)
      const diagnosed = tf.stack(newDraws.map(draw => tf.slice(draw, [0, 0, 0], [chains, judged, latentDim])))
      draws.assign(tf.where(tf.less(tf.scalar(first), 0.5), diagnosed, draws))
    },
    async judge() {
      if (transitions < 4) return {}
      return diagnose((await draws.data()) as Float32Array, { transitions, chains, scalars: judged * latentDim })
    },
  }
}

/** Diagnostics of draws [transitions, chains, scalars]. */
function diagnose(
  draws: Float32Array,
  { transitions, chains, scalars }: { transitions: number; chains: number; scalars: number },
) {
  const chain = (number: number, scalar: number) =>
    Float64Array.from({ length: transitions }, (_, t) => draws[(t * chains + number) * scalars + scalar] as number)
  const diagnostics = Array.from({ length: scalars }, (_, scalar) => {
    const chainsOfScalar = Array.from({ length: chains }, (_, number) => chain(number, scalar))
    return { ess: effectiveSampleSize(chainsOfScalar), rHat: splitRHat(chainsOfScalar) }
  }).filter(({ rHat }) => Number.isFinite(rHat))
  const stuck = 1 - diagnostics.length / scalars
  if (diagnostics.length === 0) return { stuck }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [ess, rHat] = [diagnostics.map(scalar => scalar.ess), diagnostics.map(scalar => scalar.rHat)]
  return { ess: mean(ess), essLowest: Math.min(...ess), rHat: mean(rHat), rHatHighest: Math.max(...rHat), stuck }
}
