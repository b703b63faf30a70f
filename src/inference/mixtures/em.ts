/**
 * Expectation maximisation of a mixture (Dempster, Laird & Rubin 1977; Neal & Hinton 1998): the E step sets q(z) = p(z | x), the M step
 * takes the most probable parameters given q, by moments alone. Both raise Σ_n ELBO_n + log p(parameters).
 */
import {
  type BernoulliMixture,
  type BernoulliPrior,
  flatBernoulliPrior,
  maximizeBernoulli,
} from '../../models/mixtures/bernoulli.js'
import {
  flatGaussianPrior,
  type GaussianMixture,
  type GaussianPrior,
  maximizeGaussian,
} from '../../models/mixtures/gaussian.js'
import type { Coefficients, Mixture, Moments } from '../../models/mixtures/mixture.js'
import { type MixtureAlgorithm, type MixtureData, mixtureAlgorithm } from './steps.js'

export interface MixtureEmOptions<Prior> extends MixtureData {
  /** Maximum a posteriori: what is given differs from the flat prior. */
  prior?: Partial<Prior>
  /** Monte Carlo EM: the mean of so many draws of z per image stands for its responsibilities; without it these themselves. */
  samples?: number | undefined
}

/**
 * EM of a mixture: maximum likelihood, or MAP with a prior. `finishPass` gives, in nats per image, the bound after each half step and
 * `logPrior` = log p(parameters) without its constant; their sum after the M step, `objective`, never falls.
 * With `samples` the bound after the M step is an estimate, `sampledElboAfterM`; the one after the E step stays exact.
 */
export function mixtureEm(mixture: BernoulliMixture, options: MixtureEmOptions<BernoulliPrior>): MixtureAlgorithm
export function mixtureEm(mixture: GaussianMixture, options: MixtureEmOptions<GaussianPrior>): MixtureAlgorithm
export function mixtureEm(
  mixture: BernoulliMixture | GaussianMixture,
  options: MixtureEmOptions<BernoulliPrior & GaussianPrior>,
): MixtureAlgorithm {
  return mixture.family === 'bernoulli'
    ? emAlgorithm(mixture, options, moments =>
        maximizeBernoulli(mixture, moments, { ...flatBernoulliPrior, ...options.prior }),
      )
    : emAlgorithm(mixture, options, moments =>
        maximizeGaussian(mixture, moments, { ...flatGaussianPrior, ...options.prior }),
      )
}

/** An M step: assigns the parameters; `logPrior` is log p(parameters) without its constant, in nats. */
type Maximize<Name extends string> = (
  moments: Moments<Name>,
) => Promise<{ coefficients: Coefficients; logPrior: number }>

function emAlgorithm<Name extends string>(
  mixture: Mixture<Name>,
  data: MixtureData & { samples?: number | undefined },
  maximize: Maximize<Name>,
): MixtureAlgorithm {
  const { samples } = data
  if (samples !== undefined && !(Number.isInteger(samples) && samples > 0))
    throw new Error(`samples ${samples}: a whole number from 1 is needed, or none for the exact E step`)
  return mixtureAlgorithm(mixture, data, new Map(), async ({ images, moments, logProb, entropy, emptyComponents }) => {
    const { coefficients, logPrior } = await maximize(moments)
    const elboAfterM = (mixture.totalLogJoint(coefficients, moments) + entropy) / images
    return {
      elboAfterE: logProb / images,
      [samples === undefined ? 'elboAfterM' : 'sampledElboAfterM']: elboAfterM,
      logPrior: logPrior / images,
      objective: elboAfterM + logPrior / images,
      emptyComponents,
    }
  })
}
