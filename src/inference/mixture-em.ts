/**
 * Expectation maximisation of a mixture (Dempster, Laird & Rubin 1977; Neal & Hinton 1998): the E step sets q(z) = p(z | x), the M step
 * takes the most probable parameters given q, by moments alone. Both raise Σ_n ELBO_n + log p(parameters).
 */
import {
  type BernoulliMixture,
  type BernoulliPrior,
  flatBernoulliPrior,
  maximizeBernoulli,
} from '../models/bernoulli-mixture.js'
import {
  flatGaussianPrior,
  type GaussianMixture,
  type GaussianPrior,
  maximizeGaussian,
} from '../models/gaussian-mixture.js'
import type { Coefficients, Mixture, Moments } from '../models/mixture.js'
import type { Algorithm } from './algorithm.js'
import { type MixtureData, mixtureSteps } from './mixture-steps.js'

export interface MixtureEmOptions<Prior> extends MixtureData {
  /** Maximum a posteriori: what is given differs from the flat prior. */
  prior?: Partial<Prior>
}

/** EM of a mixture: maximum likelihood, or MAP with a prior. */
export function trainMixture(mixture: BernoulliMixture, options: MixtureEmOptions<BernoulliPrior>): Algorithm
export function trainMixture(mixture: GaussianMixture, options: MixtureEmOptions<GaussianPrior>): Algorithm
export function trainMixture(
  mixture: BernoulliMixture | GaussianMixture,
  options: MixtureEmOptions<BernoulliPrior & GaussianPrior>,
): Algorithm {
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
  data: MixtureData,
  maximize: Maximize<Name>,
): Algorithm {
  const steps = mixtureSteps(mixture, data)
  return {
    ...steps.algorithm,
    /** After each half step, in nats per image: the bound, and log p(parameters) without its constant. */
    async finishPass() {
      const pass = await steps.finish()
      const { coefficients, logPrior } = await maximize(pass.moments)
      const expected = mixture.totalLogJoint(coefficients, pass.moments)
      return {
        elboAfterE: pass.logProb / data.images,
        elboAfterM: (expected + pass.entropy) / data.images,
        logPrior: logPrior / data.images,
        emptyComponents: pass.emptyComponents,
      }
    },
  }
}
