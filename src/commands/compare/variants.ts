/** The methods of `elbo compare` by name, and the run of each: NAME[:SIZE][@IMAGES], such as `bernoulli-mixture:500`. */

import { readOptionsOf } from '../../data/dataset.js'
import type { Contestant } from '../../methods/contestant.js'
import { methodOf, methods } from '../../methods/list.js'
import type { RunConfig } from '../../methods/method.js'
import { nearest } from '../../settings/nearest.js'
import { UsageError } from '../../settings/setting.js'
import type { CompareSettings } from './compare-settings.js'

/** What may differ between two runs of a comparison, besides seed and learning rate. */
export interface Variant {
  /** Name in `--methods`. */
  method: string
  /** Latent dimensions, or components of a mixture. */
  size: number
  /** Number of training images; null: all. */
  trainImages: number | null
}

/** The settings that all runs of a comparison share, and the learning rate of one of them. */
type Shared = Omit<
  CompareSettings,
  'preset' | 'methods' | 'seeds' | 'latentDim' | 'components' | 'trainImages' | 'learningRate'
> & {
  learningRate: number
}

const contestants = new Map<string, Contestant<RunConfig>>(
  methods.flatMap(method => Object.entries(method.contestants ?? {})),
)

export const contestantNames: readonly string[] = [...contestants.keys()]

function contestantOf({ method }: Pick<Variant, 'method'>): Contestant<RunConfig> {
  const found = contestants.get(method)
  if (!found) throw new Error(`compare: there is no method ${method}`)
  return found
}

/** Whether a variant takes gradient steps, and so has a learning rate. */
export const learnsBySteps = (variant: Variant): boolean => contestantOf(variant).steps

/** The settings of a variant's run, except the number of epochs. */
export function variantConfig({ method, size, trainImages }: Variant, shared: Shared, seed: number): RunConfig {
  const {
    data,
    binarize,
    backend,
    compile,
    precision = 'float32',
    threads,
    validationImages,
    condition = 'none',
  } = shared
  const machine = { backend, compile, precision, threads }
  const images = { data, ...readOptionsOf(shared), binarize, validationImages, trainImages }
  const runSettings = { ...images, ...machine, seed, condition }
  return keepKnown(contestantOf({ method }).config(size, shared), runSettings)
}

/** The config with those of the `changes` that are settings of its method. */
export function keepKnown(config: RunConfig, changes: object): RunConfig {
  return { ...config, ...Object.fromEntries(Object.entries(changes).filter(([name]) => Object.hasOwn(config, name))) }
}

/** A variant as written in `--methods`. */
export const labelOf = ({ method, size, trainImages }: Variant): string =>
  `${method}:${size}${trainImages === null ? '' : `@${trainImages}`}`

/** The variants in `--methods`, in its order. Throws a `UsageError` for an unknown method, and for nats that are not comparable. */
export function variantsOf(settings: CompareSettings): Variant[] {
  const all = settings.methods.flatMap(text => parseMethod(text, settings))
  const variants = [...new Map(all.map(variant => [labelOf(variant), variant])).values()]
  requireOneMetric(variants, settings)
  return variants
}

function parseMethod(text: string, settings: CompareSettings): Variant[] {
  const [, name = '', size, images] = /^([^:@]*)(?::([1-9]\d*))?(?:@([1-9]\d*|all))?$/.exec(text) ?? []
  const method = contestants.get(name)
  if (!method) throw new UsageError(`--methods ${text}: ${expectedMethod(text)}`)
  const sizes = size === undefined ? settings[method.sizes] : [Number(size)]
  const counts = images === undefined ? settings.trainImages : [images === 'all' ? null : Number(images)]
  return counts.flatMap(trainImages => sizes.map(one => ({ method: name, size: one, trainImages })))
}

function expectedMethod(text: string): string {
  const name = /^[^:@]*/.exec(text)?.[0] ?? ''
  if (contestantNames.some(known => known === name))
    return `NAME, NAME:SIZE or NAME:SIZE@IMAGES was expected, such as ${name}:10 or ${name}:10@1000`
  return `one of ${contestantNames.join(', ')} was expected; did you mean ${nearest(name, contestantNames)}?`
}

/** Throws a `UsageError` if probabilities of binary pixels and densities of values are mixed, or models of p(x|y) and of p(x). */
function requireOneMetric(variants: readonly Variant[], settings: CompareSettings): void {
  const traitsOf = (variant: Variant) => {
    const config = variantConfig(variant, { ...settings, learningRate: 1 }, 1)
    return methodOf(config).traits(config)
  }
  const unconditional = variants.find(variant => !traitsOf(variant).conditional)
  if (settings.condition === 'label' && unconditional)
    throw new UsageError(
      `--condition label: ${labelOf(unconditional)} is a model of p(x), not of p(x|y), so their nats are not comparable; leave it out of --methods`,
    )
  const isBinary = (variant: Variant) => traitsOf(variant).reads !== 'none'
  const [binary, density] = [variants.find(isBinary), variants.find(variant => !isBinary(variant))]
  if (!binary || !density) return
  throw new UsageError(
    `--methods: ${labelOf(density)} is a density of values in [0, 1] and ${labelOf(binary)} a probability of binary images, ` +
      'so their nats are not comparable; leave one of them out',
  )
}
