/** The step of all mixture methods. It gathers the posterior's moments over a batch; the update at the end of the pass uses their sums. */
import * as tf from '#tfjs'
import { usedImages } from '../../data/used-images.js'
import { column, type Mixture, type Moments, posterior, variable } from '../../models/mixtures/mixture.js'
import { isUnused } from '../../models/mixtures/weights.js'
import { type CompensatedSums, compensatedSums } from '../../numeric/compensated-sums.js'
import { sum } from '../../numeric/linear-algebra.js'
import type { Key } from '../../random.js'
import type { BoundedAlgorithm } from '../algorithm.js'
import { drawShares } from './draws.js'

export interface MixtureData {
  /** Images [batch, pixels] in 0 … 255 -> what the mixture models, [batch, features]. */
  read(batch: tf.Tensor): tf.Tensor
  /** Number of images per pass. */
  images: number
}

/** Sums over the images of one pass, in double precision and nats. */
export interface MixtureStatistics<Name extends string> {
  images: number
  moments: Moments<Name>
  /** Σ_n log p(x_n). */
  logProb: number
  /** Σ_n H[q(z_n)]. */
  entropy: number
  emptyComponents: number
}

/** The update after a pass: assigns the parameters and returns named numbers in nats per image. `objective` never decreases. */
export type Update<Name extends string> = (
  statistics: MixtureStatistics<Name>,
) => Promise<Record<string, number> & { objective: number }>

/** An algorithm that learns a mixture, with what `startMixture` needs. */
export interface MixtureAlgorithm extends BoundedAlgorithm {
  readonly mixture: Mixture
  readonly read: MixtureData['read']
  readonly update: Update<string>
  finishPass(): Promise<Record<string, number>>
  /** Derives anew what follows from the variables, after they were restored. */
  restored(): void
}

/** What an update needs beside the mixture. */
interface UpdateState {
  /** Its own variables, by name in a checkpoint. */
  variables?: ReadonlyMap<string, tf.Variable>
  /** KL(q(parameters) || p(parameters)) in nats, if the parameters have a posterior: []. */
  parametersKl?: tf.Variable
  restored(): void
}

/** Steps gather moments; `finishPass` calls `update`. */
export function mixtureAlgorithm<Name extends string>(
  mixture: Mixture<Name>,
  { read, images, samples }: MixtureData & { samples?: number | undefined },
  { variables = new Map(), parametersKl, restored }: UpdateState,
  update: Update<Name>,
): MixtureAlgorithm {
  const sums = createSums(mixture)
  return {
    mixture,
    read,
    update,
    restored,
    form: () => mixture.form?.() ?? '',
    variables: new Map([
      ...mixture.variables,
      ...variables,
      ...[...sums.variables].map(([name, sum]) => [`pass/${name}`, sum] as const),
    ]),
    models: new Map(),
    parts: { sums: [sums] },
    step: (batch, key, { used }) =>
      tf.tidy(() => {
        const draw = samples === undefined ? undefined : { key, samples }
        const outputs = gatherUsed(mixture, sums, read(batch), used, draw)
        return parametersKl ? subtractKl(outputs, tf.div(parametersKl, images)) : outputs
      }),
    bound: batch => bound(mixture, read(batch)),
    async finishPass() {
      const pass = await finish<Name>(sums)
      checkImageCount(pass.images, images)
      return update({ ...pass, images })
    },
    dispose() {
      sums.dispose()
      variables.forEach(kept => void kept.dispose())
    },
  }
}

/** Makes `kl` that of the latents and of the parameters, whose share per image is given, and `elbo` the bound on the evidence. */
const subtractKl = <T extends Record<'elbo' | 'kl', tf.Tensor>>(outputs: T, parametersKl: tf.Tensor) => ({
  ...outputs,
  elbo: tf.sub(outputs.elbo, parametersKl),
  kl: tf.add(outputs.kl, parametersKl),
})

type Sums = CompensatedSums<string>

const createSums = ({ components, momentShapes }: Mixture): Sums =>
  compensatedSums({ counts: [components], ...momentShapes, log_prob: [], entropy: [] })

/** Adds the first `used` images of a batch x [batch, pixels] to the sums; returns what a step reports, in nats per image. */
function gatherUsed(mixture: Mixture, sums: Sums, x: tf.Tensor, used: number, draw?: Draw) {
  const mask = tf.cast(usedImages(x.shape[0] as number, used), 'float32') // [batch]
  const { counts, total, entropy, sampled } = gather(mixture, sums, x, mask, draw)
  // KL(q(z) || w) = Σ_k r (log r - log w)
  const kl = tf.neg(tf.add(entropy, tf.sum(tf.mul(counts, variable(mixture, 'log_weights')))))
  const mean = (value: tf.Tensor) => tf.div(value, used)
  return {
    elbo: mean(total),
    reconstruction: mean(tf.add(total, kl)),
    kl: mean(kl),
    entropy: mean(entropy),
    ...(sampled && { sampledElbo: mean(sampled) }),
  }
}

/** Draws of z that replace the responsibilities. */
interface Draw {
  key: Key
  samples: number
}

/** Adds a batch x [batch, pixels] to the sums, weighted by `mask` [batch]; returns the batch's exact sums and the sampled bound. */
function gather(mixture: Mixture, sums: Sums, x: tf.Tensor, mask: tf.Tensor, draw?: Draw) {
  const { logProb, responsibilities, logResponsibilities } = posterior(mixture, x)
  const exact = tf.mul(responsibilities, mask) // [K, batch]
  const weights = draw ? tf.mul(drawShares(draw.key, responsibilities, draw.samples), mask) : exact
  const counts = tf.sum(exact, 1) // [K]
  const total = tf.sum(tf.mul(logProb, mask))
  const entropy = tf.neg(tf.sum(tf.mul(exact, logResponsibilities)))
  const sampledCounts = draw ? tf.sum(weights, 1) : counts
  sums.add({
    counts: sampledCounts,
    ...mixture.moments(weights, x),
    log_prob: sumInParts(tf.mul(logProb, mask)),
    entropy,
  })
  // Σ_k r̂ log p(x, k) + H[q], with log p(x, k) = log p(x) + log r
  const sampled = draw && tf.addN([total, tf.sum(tf.mul(weights, logResponsibilities)), entropy])
  return { counts, total, entropy, sampled }
}

/** Σ values in nats, of the whole nats, which float32 adds exactly up to 2^24, and of the rest. */
function sumInParts(values: tf.Tensor): tf.Tensor[] {
  const whole = tf.round(values)
  return [tf.sum(whole), tf.sum(tf.sub(values, whole))]
}

/** Reads the sums and resets them to zero. */
async function finish<Name extends string>(sums: Sums): Promise<MixtureStatistics<Name>> {
  const { log_prob, entropy, ...moments } = (await sums.take()) as Record<string, Float64Array>
  const counts = moments.counts as Float64Array
  return {
    images: sum(counts),
    moments: moments as Moments<Name>,
    logProb: log_prob?.[0] as number,
    entropy: entropy?.[0] as number,
    emptyComponents: counts.filter(isUnused).length,
  }
}

const SAMPLE_BATCH = 1000

/** A pass over images x [images, pixels] in memory, with the given responsibilities [K, images] or those of the posterior. */
export async function passOver(
  mixture: Mixture,
  x: tf.Tensor,
  responsibilities?: tf.Tensor,
): Promise<MixtureStatistics<string>> {
  const sums = createSums(mixture)
  const [images, pixels] = x.shape as [number, number]
  for (let from = 0; from < images; from += SAMPLE_BATCH) {
    const size = Math.min(SAMPLE_BATCH, images - from)
    tf.tidy(() => {
      const batch = tf.slice(x, [from, 0], [size, pixels])
      if (!responsibilities) return void gather(mixture, sums, batch, tf.ones([size]))
      const weights = tf.slice(responsibilities, [0, from], [mixture.components, size])
      const none = tf.scalar(0)
      sums.add({ counts: tf.sum(weights, 1), ...mixture.moments(weights, batch), log_prob: none, entropy: none })
    })
  }
  const pass = await finish<string>(sums)
  sums.dispose()
  return pass
}

/** log p(x) = E_q[log p(x | z)] - KL(q(z) || p(z)) with q = p(z | x), each [batch]. */
function bound(mixture: Mixture, x: tf.Tensor): Record<string, tf.Tensor> {
  const { logProb, responsibilities, logResponsibilities } = posterior(mixture, x, true)
  const logRatio = tf.sub(logResponsibilities, column(variable(mixture, 'log_weights'))) // [K, batch]
  const kl = tf.sum(tf.mul(responsibilities, logRatio), 0)
  return { elbo: logProb, reconstruction: tf.add(logProb, kl), kl }
}

/** Relative tolerance for rounding in the sum of responsibilities. */
const ROUNDING = 1e-3

function checkImageCount(seen: number, images: number): void {
  if (Math.abs(seen - images) <= ROUNDING * images) return
  throw new Error(`the pass saw ${seen.toFixed(1)} images instead of ${images}; it must see each image once`)
}
