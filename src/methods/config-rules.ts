/** Which settings of a training run make sense together: each refusal says what was asked for and what would be right. */

import { likelihoodOf } from '../models/likelihoods.js'
import { kebabCase, UsageError } from '../settings/setting.js'
import type { Config } from './config.js'

type Name = keyof Config & string

/** Why a configuration cannot be what was meant; undefined if it can. */
type Rule = (config: Config, defaults: Config) => string | undefined

/** Throws a `UsageError` for the first rule that the configuration breaks. */
export function requireMeaning(config: Config, defaults: Config): void {
  for (const rule of rules) {
    const broken = rule(config, defaults)
    if (broken) throw new UsageError(broken)
  }
}

const flag = (config: Config, name: Name): string => `--${kebabCase(name)} ${config[name]}`

/** Refuses settings that another one would make the run ignore. */
const idle =
  (names: readonly Name[], applies: (config: Config) => boolean, why: (config: Config) => string): Rule =>
  (config, defaults) => {
    const name = applies(config) ? names.find(one => config[one] !== defaults[one]) : undefined
    return name && `${flag(config, name)}: ${why(config)}`
  }

const rules: readonly Rule[] = [
  idle(
    ['patience', 'validationImages'],
    ({ validation }) => validation === 'none',
    () => 'nothing is validated with --validation none; leave one of the two out',
  ),
  // Neither phase of wake-sleep has a KL term to weigh or a gradient through z to estimate.
  idle(
    ['estimator', 'beta', 'klWarmup', 'freeBits'],
    ({ objective }) => objective === 'wake-sleep',
    () => 'means nothing to --objective wake-sleep; leave it out, or use --objective elbo',
  ),
  idle(
    ['kl', 'beta', 'klWarmup', 'freeBits'],
    ({ objective }) => objective === 'iwae',
    () => 'means nothing to --objective iwae, which has no KL term of its own; leave it out, or use --objective elbo',
  ),
  idle(
    ['baseline'],
    ({ estimator }) => estimator !== 'score',
    ({ estimator }) => `means nothing to --estimator ${estimator}; leave it out, or use --estimator score`,
  ),
  idle(
    ['outputBias'],
    ({ initFrom }) => initFrom !== null,
    ({ initFrom }) => `means nothing to --init-from ${initFrom}, which brings every bias; leave one of the two out`,
  ),
  idle(
    ['pixelVariance'],
    ({ likelihood }) => likelihood !== 'gaussian',
    ({ likelihood }) => `means nothing to --likelihood ${likelihood}; leave it out, or use --likelihood gaussian`,
  ),
  idle(
    ['upperHidden'],
    ({ upperLatentDim }) => upperLatentDim === null,
    () => 'leads to an upper layer of z, which there is not; leave it out, or add --upper-latent-dim 50',
  ),
  idle(
    ['freeBits'],
    ({ upperLatentDim }) => upperLatentDim !== null,
    () => 'needs the KL term of each dimension in closed form, which two layers of z do not have; leave it out',
  ),
  ({ upperLatentDim, latents }) =>
    upperLatentDim !== null && latents !== 'gaussian'
      ? `--latents ${latents}: an upper layer of z stands on a Gaussian one; leave --upper-latent-dim out, or use --latents gaussian`
      : undefined,
  ({ upperLatentDim, kl, objective }) =>
    upperLatentDim !== null && kl === 'analytic' && objective !== 'iwae'
      ? `--upper-latent-dim ${upperLatentDim}: the KL term of two layers of z has no closed form; add --kl monte-carlo`
      : undefined,
  ({ objective, estimator }) =>
    estimator === 'stl' && objective === 'iwae'
      ? '--estimator stl: biased for --objective iwae; use dreg, which is not'
      : undefined,
  ({ objective, estimator }) =>
    estimator === 'dreg' && objective === 'elbo'
      ? '--estimator dreg: is for --objective iwae; for elbo use stl'
      : undefined,
  ({ estimator, kl }) =>
    estimator === 'stl' && kl === 'analytic'
      ? '--estimator stl: its variance vanishes only beside a sampled KL term; add --kl monte-carlo'
      : undefined,
  ({ freeBits, kl }) =>
    freeBits > 0 && kl === 'monte-carlo'
      ? `--free-bits ${freeBits}: needs the KL term of each dimension in closed form; use --kl analytic`
      : undefined,
  ({ baseline, samples, estimator }) =>
    estimator === 'score' && baseline === 'leave-one-out' && samples < 2
      ? `--baseline leave-one-out: with --samples ${samples} there is no other draw to learn from; use 2 or more`
      : undefined,
  ({ latents, estimator, objective }) =>
    latents === 'bernoulli' && estimator !== 'score' && objective !== 'wake-sleep'
      ? `--latents bernoulli: --estimator ${estimator} differentiates draws, which binary ones do not allow; use --estimator score`
      : undefined,
  ({ likelihood, pixelVariance }) =>
    likelihood === 'gaussian' && pixelVariance === null
      ? '--likelihood gaussian: --pixel-variance is missing; a number above 0, such as 0.05, or learned was expected'
      : undefined,
  ({ likelihood, pixelVariance, binarize }) => {
    const { binary } = likelihoodOf(likelihood, pixelVariance ?? undefined)
    if (binary === (binarize !== 'none')) return undefined
    return binary
      ? `--binarize none: --likelihood ${likelihood} is a probability of binary pixels; use continuous-bernoulli or gaussian, or binarize`
      : `--likelihood ${likelihood}: is a density of grey pixels; add --binarize none`
  },
]
