/**
 * Mean and variance of every entry of a gradient estimate over many draws of noise on one batch, by Welford's recurrence (1962), which
 * keeps a small mean accurate in float32 beside a large variance.
 */
import * as tf from '#tfjs'
import { repeatBatch } from '../compile/repeat-batch.js'
import { scan } from '../compile/scan.js'
import type { Choice, ScanOptions, Step } from '../compile/step.js'
import { type ImageSet, rowsOf } from '../data/images.js'
import type { Ascent } from '../inference/estimators/ascent.js'
import type { Baseline } from '../inference/estimators/baselines.js'
import { readBatch } from '../models/conditional.js'
import { namedWeights, networksOf, sides, type Vae } from '../models/vae.js'
import { type HostKey, keyAt } from '../random.js'

/** The parts of a model whose gradients are measured: `encoder` and `decoder`. */
export const parts = sides
export type Part = (typeof parts)[number]

/** Moments of several draws of a gradient: for each entry the mean and the sum of squared deviations from it. */
export interface GradientMoments {
  draws: number
  mean: Float32Array | Float64Array
  squares: Float32Array | Float64Array
}

/** The draws of each part's gradient in blocks of about equal size. */
export type GradientBlocks = Record<Part, GradientMoments[]>

export interface GradientDrawOptions extends ScanOptions {
  /** Number of draws over all blocks, at least two per block. */
  draws: number
  key: HostKey
  /** Called after each chunk with its number of draws. */
  onDraws?: (count: number) => void
  /** Stops after the chunk in flight. */
  signal?: AbortSignal | undefined
}

/** Number of blocks; the spread between them gives standard errors. */
const BLOCKS = 10

/** Warm-up draws, after which the running mean of a baseline no longer depends on its start: 0.9^50 < 0.01. */
const WARM_UP = 50

/**
 * Draws the gradient of `ascent` many times, with all `images` as one batch and KL weight 1. Gradients point uphill, in nats per image
 * and unit of weight. Disposes of the baseline's state. Undefined if `options.signal` stopped it early.
 */
export async function gradientMoments(
  vae: Vae,
  { ascent, baseline }: { ascent: (model: Vae) => Ascent; baseline: Baseline },
  images: ImageSet,
  { draws, key, onDraws = () => {}, signal, ...scanOptions }: GradientDrawOptions,
): Promise<{ blocks: GradientBlocks; compile: Choice } | undefined> {
  const sums = {
    encoder: runningMoments(weightsOf(vae, 'encoder')),
    decoder: runningMoments(weightsOf(vae, 'decoder')),
  }
  const steps = scan(drawingStep(vae, ascent, sums), scanOptions)
  const blocks: GradientBlocks = { encoder: [], decoder: [] }
  const run = async (block: number, size: number, onSteps: (count: number) => void): Promise<boolean> => {
    const batch = { batch: rowsOf(images), size: images.count, key: keyAt(key, block) }
    const shares = Array.from({ length: size }, (_, i) => ({ share: 1 / (i + 1) }))
    return (await repeatBatch(steps, batch, shares, { onSteps, signal })) !== undefined
  }
  try {
    if (baseline.state.size > 0) {
      if (!(await run(BLOCKS, WARM_UP, () => {}))) return undefined
      for (const part of parts) await sums[part].take(WARM_UP)
    }
    for (const [block, size] of cutEvenly(draws).entries()) {
      if (!(await run(block, size, onDraws))) return undefined
      for (const part of parts) blocks[part].push(await sums[part].take(size))
    }
    return { blocks, compile: steps.choice as Choice }
  } finally {
    steps.dispose(...Object.values(sums), ...baseline.state.values())
  }
}

/** Draws one gradient and adds it to the moments; the nth draw has `share` 1 / n. */
function drawingStep(
  vae: Vae,
  ascent: (model: Vae) => Ascent,
  sums: Record<Part, RunningMoments>,
): Step<{ share: number }> {
  const weights = parts.flatMap(part => weightsOf(vae, part))
  return (batch, noise, { share }) => {
    const { x, model } = readBatch(vae, batch)
    const onTape = ascent(model)(x, noise, { beta: 1 })
    const { grads } = tf.variableGrads(() => onTape().ascended as tf.Scalar, weights)
    for (const part of parts) sums[part].add(grads, share)
    return {}
  }
}

const weightsOf = (vae: Vae, part: Part): tf.Variable[] =>
  networksOf(vae, part)
    .flatMap(namedWeights)
    .map(([, weight]) => weight)

function cutEvenly(draws: number): number[] {
  return Array.from(
    { length: BLOCKS },
    (_, i) => Math.floor(((i + 1) * draws) / BLOCKS) - Math.floor((i * draws) / BLOCKS),
  )
}

interface RunningMoments {
  /** Adds a draw, in a step; the nth has `share` 1 / n. */
  add(gradients: tf.NamedTensorMap, share: number): void
  /** Returns the moments and resets them. */
  take(draws: number): Promise<GradientMoments>
  dispose(): void
}

function runningMoments(weights: readonly tf.Variable[]): RunningMoments {
  const size = weights.reduce((sum, weight) => sum + weight.size, 0)
  const [mean, squares] = tf.tidy(() => [
    tf.variable(tf.zeros([size]), false),
    tf.variable(tf.zeros([size]), false),
  ]) as [tf.Variable, tf.Variable]
  return {
    add(gradients, share) {
      const drawn = tf.concat(weights.map(({ name }) => tf.reshape(gradients[name] as tf.Tensor, [-1])))
      const difference = tf.sub(drawn, mean)
      const moved = tf.add(mean, tf.mul(difference, share))
      squares.assign(tf.add(squares, tf.mul(difference, tf.sub(drawn, moved))))
      mean.assign(moved)
    },
    async take(draws) {
      const [m, s] = (await Promise.all([mean.data(), squares.data()])) as [Float32Array, Float32Array]
      const taken = { draws, mean: Float32Array.from(m), squares: Float32Array.from(s) }
      tf.tidy(() => {
        for (const sum of [mean, squares]) sum.assign(tf.zerosLike(sum))
      })
      return taken
    },
    dispose: () => tf.dispose([mean, squares]),
  }
}
