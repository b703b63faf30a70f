/** Chains that go on from pass to pass: for every training image where its chains stand, and of some images the draws of the last pass. */
import * as tf from '@tensorflow/tfjs'
import { type HostKey, normal } from '../random.js'
import { effectiveSampleSize, splitRHat } from './diagnostics.js'

export interface ChainsShape {
  /** Training images, and how many of them a batch has. */
  images: number
  batchSize: number
  /** Chains of each image. */
  chains: number
  latentDim: number
  /** Transitions of a pass. */
  transitions: number
  /** So many images, from the first on, have their draws judged; at most a batch. */
  judged: number
}

export interface PersistentChains {
  readonly variables: ReadonlyMap<string, tf.Variable>
  /** Where the chains of the batch that begins with image `first` stand: [chains, batch, latent]. */
  take(first: number): tf.Tensor
  /** Where they stand after these draws, each [chains, batch, latent]. */
  put(first: number, draws: readonly tf.Tensor[]): void
  /**
   * Of the judged images' draws in the last pass: `ess`, effective draws of `chains * transitions`, and `rHat`, over images and latent
   * dimensions; `stuck`, the share of these whose chains never moved and count for neither. Empty below four transitions.
   */
  judge(): Promise<Record<string, number>>
}

/** Chains that start at draws from the prior N(0, I). */
export function persistentChains(shape: ChainsShape, key: HostKey): PersistentChains {
  const { images, batchSize, chains, latentDim, transitions } = shape
  const judged = Math.min(shape.judged, batchSize, images)
  const batches = Math.ceil(images / batchSize)
  // One row a batch: it is read and written as a whole.
  const z = tf.tidy(() => tf.variable(normal(key, [batches, chains * batchSize * latentDim]), false))
  const draws = tf.tidy(() => tf.variable(tf.zeros([transitions, chains, judged, latentDim]), false))
  const rowAt = (first: number) =>
    tf.reshape(tf.cast(tf.minimum(tf.round(tf.scalar(first / batchSize)), batches - 1), 'int32'), [1])
  return {
    variables: new Map([
      ['z', z],
      ['draws', draws],
    ]),
    take: first => tf.reshape(tf.gather(z, rowAt(first)), [chains, batchSize, latentDim]),
    put(first, made) {
      const last = made.at(-1) as tf.Tensor
      z.assign(tf.tensorScatterUpdate(z, tf.reshape(rowAt(first), [1, 1]), tf.reshape(last, [1, -1])) as tf.Tensor2D)
      const now = tf.stack(made.map(one => tf.slice(one, [0, 0, 0], [chains, judged, latentDim])))
      draws.assign(tf.where(tf.less(tf.scalar(first), 0.5), now, draws))
    },
    async judge() {
      if (transitions < 4) return {}
      return judgeDraws((await draws.data()) as Float32Array, { transitions, chains, scalars: judged * latentDim })
    },
  }
}

/** Draws [transitions, chains, scalars]. */
function judgeDraws(
  draws: Float32Array,
  { transitions, chains, scalars }: { transitions: number; chains: number; scalars: number },
) {
  const chain = (number: number, scalar: number) =>
    Float64Array.from({ length: transitions }, (_, t) => draws[(t * chains + number) * scalars + scalar] as number)
  const verdicts = Array.from({ length: scalars }, (_, scalar) => {
    const own = Array.from({ length: chains }, (_, number) => chain(number, scalar))
    return { ess: effectiveSampleSize(own), rHat: splitRHat(own) }
  }).filter(({ rHat }) => Number.isFinite(rHat))
  const stuck = 1 - verdicts.length / scalars
  if (verdicts.length === 0) return { stuck }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [ess, rHat] = [verdicts.map(one => one.ess), verdicts.map(one => one.rHat)]
  return { ess: mean(ess), essLowest: Math.min(...ess), rHat: mean(rHat), rHatHighest: Math.max(...rHat), stuck }
}
