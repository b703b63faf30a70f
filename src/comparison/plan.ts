/** The runs of a comparison: every method with every seed, each for the same number of images seen. */
import type { RunConfig } from '../session.js'
import { UsageError } from '../settings.js'
import { labelOf, type Variant, variantConfig, variantsOf } from './methods.js'
import type { CompareSettings } from './settings.js'

export interface PlannedRun {
  /** The run's directory, such as `NAME.vae-20.seed-1`. */
  name: string
  variant: Variant
  seed: number
  config: RunConfig
}

/** All runs of the comparison called `name`, seed by seed, where `available` training images are there. */
export function planRuns(name: string, settings: CompareSettings, available: number): PlannedRun[] {
  const variants = variantsOf(settings)
  const largest = Math.max(...variants.map(({ trainImages }) => trainImages ?? available))
  const budget = settings.imagesSeen ?? (settings.epochs ?? 0) * largest
  return [...new Set(settings.seeds)].flatMap(seed =>
    variants.map(variant => {
      const epochs = Math.round(budget / (variant.trainImages ?? available))
      if (epochs < 1) throw tooSmall(budget, variant, available)
      // Methods that would stop by themselves make all their passes, and pictures are drawn at both ends only.
      const fair = { epochs, imagesEvery: epochs, tolerance: null, patience: null }
      const config = { ...variantConfig(variant, settings, seed) }
      return { name: runName(name, variant, seed), variant, seed, config: keepKnown(config, fair) }
    }),
  )
}

/** The settings of `changes` that the run has. */
function keepKnown(config: RunConfig, changes: object): RunConfig {
  return { ...config, ...Object.fromEntries(Object.entries(changes).filter(([name]) => Object.hasOwn(config, name))) }
}

function runName(name: string, { method, size, trainImages }: Variant, seed: number): string {
  return `${name}.${method}-${size}${trainImages === null ? '' : `.images-${trainImages}`}.seed-${seed}`
}

function tooSmall(budget: number, variant: Variant, available: number): UsageError {
  const pass = (variant.trainImages ?? available).toLocaleString('en')
  return new UsageError(`--images-seen ${budget}: ${labelOf(variant)} needs a pass over ${pass} images at least`)
}
