/** Conflicts between the settings of a VAE. */
import { likelihoodOf } from '../models/likelihoods.js'
import { firstConflict, idle, type Rule } from '../settings/rules.js'
import { type VaeConfig, vaeSettings } from './vae-settings.js'

/** The first conflict between settings, with the remedy; undefined if there is none. */
export const vaeConflicts = (config: VaeConfig): string | undefined =>
  firstConflict(rules, config, vaeSettings.resolve())

/** The optimizers that read a setting. */
const readers = {
  epsilon: ['adam', 'adamax', 'rmsprop'],
  beta1: ['adam', 'adamax', 'momentum'],
  beta2: ['adam', 'adamax'],
} as const satisfies Partial<Record<keyof VaeConfig, readonly VaeConfig['optimizer'][]>>

const optimizerRules = Object.entries(readers).map(([name, optimizers]: [string, readonly string[]]) =>
  idle<VaeConfig>(
    [name as keyof typeof readers],
    ({ optimizer }) => !optimizers.includes(optimizer),
    ({ optimizer }) =>
      `has no effect with --optimizer ${optimizer}; leave it out, or use --optimizer ${optimizers.join(' or ')}`,
  ),
)

/** Whether p(z) has parameters; runs of older versions have no such setting. */
const isLearned = (prior: VaeConfig['prior'] | undefined): boolean => prior !== undefined && prior !== 'normal'

const rules: readonly Rule<VaeConfig>[] = [
  ...optimizerRules,
  ({ workers, batchSize }) =>
    batchSize % workers === 0
      ? undefined
      : `--workers ${workers}: each takes an equal part of a batch, and --batch-size ${batchSize} is no multiple; use --batch-size ${workers * Math.ceil(batchSize / workers)}`,
  // An operation that waits for others holds the whole process meanwhile, and with it the questions whether they live.
  ({ workers, compile }) =>
    compile === 'off' && workers > 1
      ? '--compile off: a worker would not notice that another one hangs; use --compile graph, or one worker'
      : undefined,
  idle(
    ['patience', 'validationImages'],
    ({ validation }) => validation === 'none',
    () => 'has no effect with --validation none; leave one of the two out',
  ),
  // Neither phase of wake-sleep has a KL term to weight or a gradient through z to estimate.
  idle(
    ['estimator', 'beta', 'klWarmup', 'freeBits'],
    ({ objective }) => objective === 'wake-sleep',
    () => 'has no effect with --objective wake-sleep; leave it out, or use --objective elbo',
  ),
  idle(
    ['kl', 'beta', 'klWarmup', 'freeBits'],
    ({ objective }) => objective === 'iwae',
    () =>
      'has no effect with --objective iwae, whose bound has no separate KL term; leave it out, or use --objective elbo',
  ),
  idle(
    ['baseline'],
    ({ estimator }) => estimator !== 'score',
    ({ estimator }) => `has no effect with --estimator ${estimator}; leave it out, or use --estimator score`,
  ),
  idle(
    ['outputBias'],
    ({ initFrom }) => initFrom !== null,
    ({ initFrom }) => `has no effect with --init-from ${initFrom}, which sets all biases; leave one of the two out`,
  ),
  idle(
    ['pixelVariance'],
    ({ likelihood }) => likelihood !== 'gaussian',
    ({ likelihood }) => `has no effect with --likelihood ${likelihood}; leave it out, or use --likelihood gaussian`,
  ),
  idle(
    ['upperHidden'],
    ({ upperLatentDim }) => upperLatentDim === null,
    () => 'needs --upper-latent-dim: this model has one latent layer; leave it out, or add --upper-latent-dim 50',
  ),
  idle(
    ['freeBits'],
    ({ upperLatentDim }) => upperLatentDim !== null,
    () => 'needs the KL term of each latent dimension in closed form; leave it out, or leave out --upper-latent-dim',
  ),
  ({ upperLatentDim, latents }) =>
    upperLatentDim !== null && latents !== 'gaussian'
      ? `--latents ${latents}: a model with two latent layers has Gaussian z; leave --upper-latent-dim out, or use --latents gaussian`
      : undefined,
  ({ upperLatentDim, kl, objective }) =>
    upperLatentDim !== null && kl === 'analytic' && objective !== 'iwae'
      ? `--upper-latent-dim ${upperLatentDim}: the KL term of two latent layers has no closed form; add --kl monte-carlo`
      : undefined,
  idle(
    ['priorComponents'],
    ({ prior }) => (prior ?? 'normal') === 'normal',
    () => 'has no effect with --prior normal; leave it out, or use --prior mixture or vamp',
  ),
  idle(
    ['freeBits'],
    ({ prior }) => isLearned(prior),
    ({ prior }) =>
      `needs the KL term of each latent dimension in closed form; leave it out, or leave out --prior ${prior}`,
  ),
  ({ prior, latents, upperLatentDim }) =>
    isLearned(prior) && (latents !== 'gaussian' || upperLatentDim !== null)
      ? `--prior ${prior}: needs one layer of Gaussian z; leave it out, or leave out ${upperLatentDim === null ? `--latents ${latents}` : `--upper-latent-dim ${upperLatentDim}`}`
      : undefined,
  ({ prior, kl, objective }) =>
    isLearned(prior) && kl === 'analytic' && objective !== 'iwae'
      ? `--prior ${prior}: the KL term to a learned prior has no closed form; add --kl monte-carlo`
      : undefined,
  ({ prior, condition }) =>
    prior === 'vamp' && condition === 'label'
      ? '--prior vamp: its pseudo-inputs have no class, and the encoder of --condition label needs one; use --prior mixture or normal'
      : undefined,
  ({ prior, objective }) =>
    prior === 'vamp' && objective === 'wake-sleep'
      ? '--prior vamp: this prior is made of the encoder, which wake-sleep trains on dreams only, so the wake phase could not learn it; use --prior mixture, or --objective elbo'
      : undefined,
  ({ objective, estimator }) =>
    estimator === 'stl' && objective === 'iwae'
      ? '--estimator stl: is biased for --objective iwae; use --estimator dreg'
      : undefined,
  ({ objective, estimator }) =>
    estimator === 'dreg' && objective === 'elbo'
      ? '--estimator dreg: needs --objective iwae; use --estimator stl for the ELBO'
      : undefined,
  ({ estimator, kl }) =>
    estimator === 'stl' && kl === 'analytic'
      ? '--estimator stl: needs a sampled KL term; add --kl monte-carlo'
      : undefined,
  ({ freeBits, kl }) =>
    freeBits > 0 && kl === 'monte-carlo'
      ? `--free-bits ${freeBits}: needs the KL term of each latent dimension in closed form; use --kl analytic`
      : undefined,
  ({ baseline, samples, estimator }) =>
    estimator === 'score' && baseline === 'leave-one-out' && samples < 2
      ? `--baseline leave-one-out: needs two draws or more, and --samples is ${samples}; use --samples 2`
      : undefined,
  ({ samplesMilestones: milestones, samples }) => {
    const epochs = milestones?.map(([epoch]) => epoch) ?? []
    const late = epochs.find((epoch, i) => i > 0 && epoch <= (epochs[i - 1] as number))
    if (late !== undefined) return `--samples-milestones: the epochs must increase, and ${late} does not`
    const few = milestones?.find(([, draws], i) => draws <= (milestones[i - 1]?.[1] ?? samples))
    return (
      few &&
      `--samples-milestones ${few.join(':')}: the number of draws must grow, and there are as many before or more`
    )
  },
  ({ latents, estimator, objective }) =>
    latents === 'bernoulli' && estimator !== 'score' && objective !== 'wake-sleep'
      ? `--latents bernoulli: --estimator ${estimator} cannot differentiate binary draws of z; use --estimator score`
      : undefined,
  ({ likelihood, pixelVariance }) =>
    likelihood === 'gaussian' && pixelVariance === null
      ? "--likelihood gaussian: needs --pixel-variance, a number above 0 such as 0.05, or 'learned'"
      : undefined,
  ({ precision, prior }) =>
    isLearned(prior) && precision === 'bfloat16'
      ? `--precision bfloat16: log p(z) of --prior ${prior} is computed by matrix products, which that would round by nats; leave --precision out`
      : undefined,
  ({ precision, compile, backend }) => {
    if (precision === 'float32' || precision === undefined) return undefined
    if (compile === 'graph' || compile === 'off')
      return `--precision ${precision}: --compile ${compile} computes in float32; use --compile xla, or leave --precision out`
    if (['auto', 'tensorflow', 'cuda'].includes(backend)) return undefined
    return `--precision ${precision}: --backend ${backend} computes in float32; use --backend tensorflow or cuda, or leave --precision out`
  },
  idle(
    ['logistics'],
    ({ likelihood }) => likelihood !== 'discretized-logistic',
    ({ likelihood }) =>
      `has no effect with --likelihood ${likelihood}; leave it out, or use --likelihood discretized-logistic`,
  ),
  ({ activation, filters }) =>
    activation === 'gated' && filters !== null
      ? `--activation gated: is for fully connected layers; leave out --filters ${filters}, or use --activation elu`
      : undefined,
  idle(
    ['residualBlocks'],
    ({ filters }) => filters === null,
    () => 'needs convolutions; leave it out, or add --filters 32,64',
  ),
  ({ likelihood, pixelVariance, binarize }) => {
    const { values } = likelihoodOf(likelihood, { pixelVariance })
    if ((values === 'binary') === (binarize !== 'none')) return undefined
    if (values === 'binary')
      return `--binarize none: --likelihood ${likelihood} is a probability of binary pixels; use --likelihood discretized-logistic, continuous-bernoulli or gaussian, or leave --binarize out`
    const kind = values === 'levels' ? 'a probability of the levels 0 to 255' : 'a density of values in [0, 1]'
    return `--likelihood ${likelihood}: is ${kind}; add --binarize none`
  },
]
