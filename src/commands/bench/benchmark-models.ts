/** The models of `elbo bench`, by name. */
import { resolveConfig } from '../../methods/vae.js'
import { presets } from '../../methods/vae-presets.js'
import type { VaeConfig } from '../../methods/vae-settings.js'
import type { DeepReadonly } from '../../settings/table.js'

export interface BenchmarkModel {
  name: string
  /** Its layers in words. */
  layers: string
  config: DeepReadonly<Partial<VaeConfig>>
}

/** The values of `--models`, for help and errors. */
export const EXPECTED_MODELS =
  'mlp (784-400-20), conv (the preset), or sizes such as 784-400-400-32, separated by commas'

/** 784, hidden layers, latent dimensions. */
const SIZES = /^784((?:-[1-9]\d{0,4})+)-([1-9]\d{0,3})$/

/** The model `mlp`, `conv` or of given sizes; undefined for any other name. Binarization and optimizer are those of `train`. */
export function modelNamed(name: string): BenchmarkModel | undefined {
  if (name === 'conv') return model(name, presets.conv.config)
  const [, hidden, latentDim] = SIZES.exec(name === 'mlp' ? '784-400-20' : name) ?? []
  if (hidden === undefined) return undefined
  const sizes = { hidden: hidden.slice(1).split('-').map(Number), latentDim: Number(latentDim) }
  return model(name, { ...presets.small.config, ...sizes })
}

function model(name: string, config: BenchmarkModel['config']): BenchmarkModel {
  const { filters, hidden, latentDim } = resolveConfig(config)
  const dense = [...hidden, latentDim].join('-')
  return { name, config, layers: filters ? `conv ${filters.join('-')}, dense ${dense}` : `784-${dense}` }
}
