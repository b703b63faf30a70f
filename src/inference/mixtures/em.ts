/**
 * Expectation maximisation of a mixture (Dempster, Laird & Rubin 1977; Neal & Hinton 1998). The E step sets q(z) = p(z | x); the M step
 * sets the most probable parameters given q, from its moments. Both raise Σ_n ELBO_n + log p(parameters).
 */
import {
  type BernoulliMixture,
  type BernoulliPrior,
  flatBernoulliPrior,
  maximizeBernoulli,
  restoreBernoulli,
} from '../../models/mixtures/bernoulli.js'
import {
  flatGaussianPrior,
  type GaussianMixture,
  type GaussianPrior,
  maximizeGaussian,
  restoreGaussian,
} from '../../models/mixtures/gaussian.js'
import type { Mixture, Moments } from '../../models/mixtures/mixture.js'
import { type MixtureAlgorithm, type MixtureData, mixtureAlgorithm } from './steps.js'

export interface MixtureEmOptions<Prior> extends MixtureData {
  /** Prior of maximum a posteriori estimation; omitted fields are flat. */
  prior?: Partial<Prior>
  /** Monte Carlo EM: draws of z per image, whose mean replaces the responsibilities. Omit it for exact EM. */
  samples?: number | undefined
}

/**
 * EM of a mixture: maximum likelihood, or MAP with a prior. `finishPass` returns, in nats per image, the bound after each half step and
 * `logPrior` = log p(parameters) up to a constant. Their sum after the M step, `objective`, never decreases.
 * With `samples` the bound after the M step is an estimate, `sampledElboAfterM`; the bound after the E step is still exact.
 * Throws an `Error` if `samples` is not a positive integer.
 *
 * @example
 * const mixture = createBernoulliMixture({ pixels: 4, components: 2 })
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const read = (batch: tf.Tensor) => tf.div(batch, 255)
 * const em = mixtureEm(mixture, { images: images.count, read })
 * await startMixture(em, images, { method: 'random', key: streamKey(1, 'start'), restarts: 1, passes: 0 })
 * const batch = tf.tensor2d(images.pixels, [2, 4], 'float32')
 * tf.tidy(() => em.step(batch, [0, 0], { learningRate: 0, beta: 1, used: 2, first: 0 })) // the E step of a batch
 * const { elboAfterE = 0, elboAfterM = 0 } = await em.finishPass() // the M step
 * console.log(elboAfterM >= elboAfterE) // true
 */
export function mixtureEm(mixture: BernoulliMixture, options: MixtureEmOptions<BernoulliPrior>): MixtureAlgorithm
export function mixtureEm(mixture: GaussianMixture, options: MixtureEmOptions<GaussianPrior>): MixtureAlgorithm
export function mixtureEm(
  mixture: BernoulliMixture | GaussianMixture,
  options: MixtureEmOptions<BernoulliPrior & GaussianPrior>,
): MixtureAlgorithm {
  return mixture.family === 'bernoulli'
    ? emAlgorithm(mixture, options, {
        maximize: moments => maximizeBernoulli(mixture, moments, { ...flatBernoulliPrior, ...options.prior }),
        restored: () => restoreBernoulli(mixture),
      })
    : emAlgorithm(mixture, options, {
        maximize: (moments, count) =>
          maximizeGaussian(mixture, moments, count, { ...flatGaussianPrior, ...options.prior }),
        restored: () => restoreGaussian(mixture),
      })
}

/** The M step of a family. */
interface FamilyUpdate<Name extends string> {
  /** Assigns the parameters. In nats: `logJoint` is Σ_n Σ_k r_nk (log w_k + log p(x_n | k)), `logPrior` log p(parameters) up to a constant. */
  maximize(moments: Moments<Name>, images: number): Promise<{ logJoint: number; logPrior: number }>
  restored(): void
}

function emAlgorithm<Name extends string>(
  mixture: Mixture<Name>,
  data: MixtureData & { samples?: number | undefined },
  { maximize, restored }: FamilyUpdate<Name>,
): MixtureAlgorithm {
  const { samples } = data
  if (samples !== undefined && !(Number.isInteger(samples) && samples > 0))
    throw new Error(`samples ${samples}: expected a positive integer; omit it for the exact E step`)
  return mixtureAlgorithm(
    mixture,
    data,
    { restored },
    async ({ images, moments, logProb, entropy, emptyComponents }) => {
      const { logJoint, logPrior } = await maximize(moments, images)
      const elboAfterM = (logJoint + entropy) / images
      return {
        elboAfterE: logProb / images,
        [samples === undefined ? 'elboAfterM' : 'sampledElboAfterM']: elboAfterM,
        logPrior: logPrior / images,
        objective: elboAfterM + logPrior / images,
        emptyComponents,
      }
    },
  )
}
