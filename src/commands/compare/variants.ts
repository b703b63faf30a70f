/** The methods of `elbo compare` by name, each with the run that it stands for: NAME[:SIZE][@IMAGES], such as `bernoulli-mixture:500`. */
import { closest } from 'fastest-levenshtein'
import { resolveConfig } from '../../methods/config.js'
import { type EmConfig, emTable } from '../../methods/em-config.js'
import { binarizes, type RunConfig, type Session } from '../../methods/session.js'
import { UsageError } from '../../settings/setting.js'
import type { CompareSettings } from './compare-settings.js'

/** What may differ between two runs of one comparison, but for the seed. */
export interface Variant {
  method: MethodName
  /** Latent dimensions, or components of a mixture. */
  size: number
  /** Training images; null stands for all. */
  trainImages: number | null
}

/** What all runs of one comparison share, and the step size of one of them. */
type Shared = Omit<
  CompareSettings,
  'preset' | 'methods' | 'seeds' | 'latentDim' | 'components' | 'trainImages' | 'learningRate'
> & {
  learningRate: number
}

interface Method {
  /** The list of sizes for a method that is named without one. */
  sizes: 'latentDim' | 'components'
  /** Whether it learns by gradient steps. */
  steps: boolean
  config(size: number, shared: Shared): RunConfig
}

/** Both networks by one objective. */
const networks = (objective: 'elbo' | 'wake-sleep'): Method => ({
  sizes: 'latentDim',
  steps: true,
  config: (latentDim, { hidden, activation, batchSize, learningRate, learningRateDecay }) =>
    resolveConfig({ objective, latentDim, hidden, activation, batchSize, learningRate, learningRateDecay }),
})

/** A mixture by one E step. */
const mixture = (model: EmConfig['model'], method: EmConfig['method']): Method => ({
  sizes: 'components',
  steps: false,
  config: (components, { prior }) =>
    emTable.resolve({
      model,
      method,
      components,
      ...(model === 'bernoulli-mixture' && method !== 'mean-field' && { prior }),
    }),
})

const factors = (model: EmConfig['model']): Method => ({
  sizes: 'latentDim',
  steps: false,
  config: latentDim => emTable.resolve({ model, latentDim }),
})

/** The decoder alone, on draws of z by HMC; each batch ends in updates, so that it is as large as those of the VAE. */
const decoder: Method = {
  sizes: 'latentDim',
  steps: true,
  config: (latentDim, { hidden, activation, batchSize, learningRate }) =>
    emTable.resolve({
      ...{ model: 'vae', method: 'monte-carlo', sampler: 'hmc' },
      ...{ latentDim, hidden, activation, batchSize, learningRate },
    }),
}

const methods = {
  vae: networks('elbo'),
  'wake-sleep': networks('wake-sleep'),
  'monte-carlo-em': decoder,
  'bernoulli-mixture': mixture('bernoulli-mixture', 'exact'),
  'monte-carlo-mixture': mixture('bernoulli-mixture', 'monte-carlo'),
  'mean-field-mixture': mixture('bernoulli-mixture', 'mean-field'),
  'gaussian-mixture': mixture('gaussian-mixture', 'exact'),
  'factor-analysis': factors('factor-analysis'),
  ppca: factors('ppca'),
} as const satisfies Record<string, Method>

export type MethodName = keyof typeof methods
export const methodNames = Object.keys(methods) as MethodName[]

/** Whether a variant learns by gradient steps, which have a size. */
export const learnsBySteps = ({ method }: Variant): boolean => methods[method].steps

/** The settings of a variant's run, but for how long it trains. */
export function variantConfig({ method, size, trainImages }: Variant, shared: Shared, seed: number): RunConfig {
  const { data, binarize, backend, compile, threads, validationImages } = shared
  const own = { data, binarize, backend, compile, threads, validationImages, trainImages, seed }
  return { ...methods[method].config(size, shared), ...own }
}

/** As `--methods` says it. */
export const labelOf = ({ method, size, trainImages }: Variant): string =>
  `${method}:${size}${trainImages === null ? '' : `@${trainImages}`}`

/** The variants that `--methods` asks for, in its order; throws a `UsageError` for an unknown method and for nats that do not compare. */
export function variantsOf(settings: CompareSettings): Variant[] {
  const all = settings.methods.flatMap(text => parseMethod(text, settings))
  const variants = [...new Map(all.map(variant => [labelOf(variant), variant])).values()]
  requireOneMetric(variants, settings)
  return variants
}

function parseMethod(text: string, settings: CompareSettings): Variant[] {
  const [, name = '', size, images] = /^([^:@]*)(?::([1-9]\d*))?(?:@([1-9]\d*|all))?$/.exec(text) ?? []
  const method = methodNames.find(known => known === name)
  if (!method) throw new UsageError(`--methods ${text}: ${expectedMethod(text)}`)
  const sizes = size === undefined ? settings[methods[method].sizes] : [Number(size)]
  const counts = images === undefined ? settings.trainImages : [images === 'all' ? null : Number(images)]
  return counts.flatMap(trainImages => sizes.map(one => ({ method, size: one, trainImages })))
}

function expectedMethod(text: string): string {
  const name = /^[^:@]*/.exec(text)?.[0] ?? ''
  if (methodNames.some(known => known === name))
    return `NAME, NAME:SIZE or NAME:SIZE@IMAGES was expected, such as ${name}:10 or ${name}:10@1000`
  return `one of ${methodNames.join(', ')} was expected; did you mean ${closest(name, methodNames)}?`
}

/** A probability of binary pixels and a density of grey ones have no common unit. */
function requireOneMetric(variants: readonly Variant[], settings: CompareSettings): void {
  const isBinary = (variant: Variant) => binarizes(variantConfig(variant, { ...settings, learningRate: 1 }, 1))
  const [binary, grey] = [variants.find(isBinary), variants.find(variant => !isBinary(variant))]
  if (!binary || !grey) return
  throw new UsageError(
    `--methods: ${labelOf(grey)} is a density of grey images and ${labelOf(binary)} a probability of binary ones, ` +
      'so their nats do not compare; leave one of them out',
  )
}

/** Free parameters: of the networks where there are any, those of the encoder too. */
export function countParameters({ method, size }: Variant, { algorithm }: Session, pixels: number): number {
  const networks = [...algorithm.models.values()]
  if (networks.length > 0) return networks.reduce((sum, model) => sum + model.countParams(), 0)
  if (method === 'factor-analysis') return (size + 2) * pixels
  if (method === 'ppca') return (size + 1) * pixels + 1
  return size - 1 + size * pixels * (method === 'gaussian-mixture' ? 2 : 1)
}
