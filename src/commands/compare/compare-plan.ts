/** The runs of a comparison: every method with every seed, each for the same number of images seen. */
import type { RunConfig } from '../../methods/method.js'
import { UsageError } from '../../settings/setting.js'
import type { CompareSettings } from './compare-settings.js'
import { keepKnown, labelOf, learnsBySteps, type Variant, variantConfig, variantsOf } from './variants.js'

export interface PlannedRun {
  /** The run's directory, such as `NAME.vae-20.seed-1`. */
  name: string
  variant: Variant
  /** Null if the method has none. */
  learningRate: number | null
  seed: number
  config: RunConfig
}

/** All runs of the comparison `name`, seed by seed; the data has `available` training images. */
export function planRuns(name: string, settings: CompareSettings, available: number): PlannedRun[] {
  const variants = variantsOf(settings)
  const rates = [...new Set(settings.learningRate)]
  const largest = Math.max(...variants.map(({ trainImages }) => trainImages ?? available))
  const budget = settings.imagesSeen ?? (settings.epochs ?? 0) * largest
  const plan = (variant: Variant, learningRate: number, seed: number): PlannedRun => {
    const epochs = Math.round(budget / (variant.trainImages ?? available))
    if (epochs < 1) throw tooSmall(budget, variant, available)
    // No method stops early, and pictures are drawn only after the first and the last pass.
    const fair = { epochs, imagesEvery: epochs, tolerance: null, patience: null }
    const config = keepKnown(variantConfig(variant, { ...settings, learningRate }, seed), fair)
    const ownRate = learnsBySteps(variant) ? learningRate : null
    return {
      name: runName(name, variant, rates.length > 1 ? ownRate : null, seed),
      variant,
      learningRate: ownRate,
      seed,
      config,
    }
  }
  return [...new Set(settings.seeds)].flatMap(seed =>
    variants.flatMap(variant =>
      (learnsBySteps(variant) ? rates : rates.slice(0, 1)).map(rate => plan(variant, rate, seed)),
    ),
  )
}

/** The runs in groups that differ only in their learning rate, of which one is chosen. */
export function choicesOf(runs: readonly PlannedRun[]): PlannedRun[][] {
  const key = ({ variant, seed }: PlannedRun) => `${labelOf(variant)} ${seed}`
  return [...new Set(runs.map(key))].map(one => runs.filter(run => key(run) === one))
}

/** The runs to train of each group: the first seed tries all learning rates, the others use the chosen one. */
export const runsToMake = (choices: readonly (readonly PlannedRun[])[]): (readonly PlannedRun[])[] =>
  choices.map(choice => (choice[0]?.seed === choices[0]?.[0]?.seed ? choice : choice.slice(0, 1)))

function runName(name: string, { method, size, trainImages }: Variant, rate: number | null, seed: number): string {
  const images = trainImages === null ? '' : `.images-${trainImages}`
  return `${name}.${method}-${size}${images}${rate === null ? '' : `.rate-${rate}`}.seed-${seed}`
}

function tooSmall(budget: number, variant: Variant, available: number): UsageError {
  const pass = (variant.trainImages ?? available).toLocaleString('en')
  return new UsageError(`--images-seen ${budget}: ${labelOf(variant)} needs at least one pass over ${pass} images`)
}
