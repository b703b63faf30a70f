/** Comparison of gradient estimators for the ELBO and IWAE_k: the noise of each on one batch, and whether their means agree. */

import type { Choice, ScanOptions } from '../compile/step.js'
import type { ImageSet } from '../data/images.js'
import { type Baseline, createBaseline } from '../inference/estimators/baselines.js'
import { ascentOf, type bounds } from '../inference/gradient-ascent.js'
import type { Vae } from '../models/vae.js'
import type { klEstimators } from '../objectives/elbo.js'
import { streamKey } from '../random.js'
import { type GradientBlocks, gradientMoments, type Part } from './gradient-moments.js'
import { type Agreement, agreement, type GradientNoise, gradientNoise } from './gradient-noise.js'

/**
 * Gradient estimators; those of the score function are named by their baseline. The first that is measured is the reference for the others.
 * The learned baseline `input` is not included: its quality depends on its training.
 */
export const estimates = ['pathwise', 'stl', 'dreg', 'score:leave-one-out', 'score:running-mean', 'score:none'] as const

export type EstimateName = (typeof estimates)[number]

/** One way to estimate one gradient. */
export interface GradientEstimate {
  objective: (typeof bounds)[number]
  estimate: EstimateName
  /** Draws of z per image: k of IWAE_k. */
  samples: number
}

export interface EstimateOptions extends ScanOptions {
  /** Draws of the gradient per estimate, at least 20. */
  draws: number
  seed: number
  /** The KL term of the ELBO; `stl` always samples it. */
  kl: (typeof klEstimators)[number]
  /** Called with the number of draws done and in total, and the estimate in progress. */
  onProgress?: (done: number, total: number, current: GradientEstimate) => void
  /** Stops after the chunk in flight. */
  signal?: AbortSignal | undefined
}

export interface MeasuredPart extends GradientNoise {
  /** Variance divided by that of the reference; null for the reference itself. */
  varianceRatio: number | null
  /** Agreement with the reference; null for the reference itself. */
  agreement: Agreement | null
}

export interface MeasuredEstimate extends GradientEstimate, Record<Part, MeasuredPart> {
  /** The estimator it is compared with, for the same objective and samples. */
  reference: EstimateName
  compile: Choice
}

/** The reason why an estimate is not possible, to follow its name; undefined if it is. */
export function refuseEstimate(vae: Vae, { objective, estimate, samples }: GradientEstimate): string | undefined {
  if (!vae.latents.reparameterized && !estimate.startsWith('score'))
    return 'needs differentiable draws of z, but z is binary in this model; use a score estimator'
  if (estimate === 'stl' && objective === 'iwae') return 'is biased for iwae; use dreg'
  if (estimate === 'dreg' && objective === 'elbo') return 'works for iwae only; for elbo use stl'
  if (estimate === 'score:leave-one-out' && samples < 2) return 'needs at least 2 draws of z (k)'
  return undefined
}

/**
 * Measures each estimate on `images` as one batch; all draws are independent. Ends early if `options.signal` stops it.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const wanted = [{ objective: 'elbo', estimate: 'pathwise', samples: 1 }, { objective: 'elbo', estimate: 'stl', samples: 1 }] as const
 * for await (const { estimate, encoder } of measureEstimates(vae, images, wanted, { draws: 20, seed: 1, kl: 'analytic' }))
 *   console.log(estimate, encoder.variance.value) // such as: pathwise 0.012
 */
export async function* measureEstimates(
  vae: Vae,
  images: ImageSet,
  wanted: readonly GradientEstimate[],
  { draws, seed, kl, onProgress, signal, ...requested }: EstimateOptions,
): AsyncGenerator<MeasuredEstimate> {
  const inOrder = sort(wanted)
  const total = inOrder.length * draws
  let [done, scanOptions, reference] = [0, requested, undefined as Measurement | undefined]
  for (const current of inOrder) {
    const { objective, estimate, samples } = current
    const { ascent, baseline } = createEstimate(vae, current, kl)
    const key = streamKey(seed, `gradient ${objective} ${estimate} ${samples}`)
    const onDraws = (count: number) => {
      done += count
      onProgress?.(done, total, current)
    }
    const drawn = await gradientMoments(vae, { ascent, baseline }, images, {
      ...scanOptions,
      ...{ draws, key, onDraws, signal },
    })
    if (!drawn) return
    scanOptions = drawn.compile
    const noise = perPart(part => gradientNoise(drawn.blocks[part]))
    const measurement = { ...current, blocks: drawn.blocks, noise }
    if (reference?.objective !== objective || reference.samples !== samples) reference = measurement
    yield { ...current, reference: reference.estimate, compile: drawn.compile, ...compare(measurement, reference) }
  }
}

interface Measurement extends GradientEstimate {
  blocks: GradientBlocks
  noise: Record<Part, GradientNoise>
}

/** Sorts by objective, then samples, then estimator, so that each reference comes first. */
function sort(wanted: readonly GradientEstimate[]): GradientEstimate[] {
  const order = ({ objective, estimate, samples }: GradientEstimate) =>
    (objective === 'elbo' ? 0 : 1e6) + samples * 10 + estimates.indexOf(estimate)
  return [...wanted].sort((a, b) => order(a) - order(b))
}

function createEstimate(vae: Vae, { objective, estimate, samples }: GradientEstimate, kl: EstimateOptions['kl']) {
  const [estimator, kind = 'none'] = estimate.split(':') as ['score', 'none'] | ['pathwise']
  const baseline: Baseline = createBaseline(kind, vae.pixels, streamKey(0, 'no weights'))
  const options = { objective, estimator, samples, kl: estimate === 'stl' ? 'monte-carlo' : kl, freeBits: 0 } as const
  ascentOf(vae, options, baseline) // refuses an estimator that does not fit
  return { ascent: (model: Vae) => ascentOf(model, options, baseline), baseline }
}

function compare(measurement: Measurement, reference: Measurement): Record<Part, MeasuredPart> {
  const { noise, blocks } = measurement
  const isReference = measurement === reference
  return perPart(part => ({
    ...noise[part],
    varianceRatio: isReference ? null : noise[part].variance.value / reference.noise[part].variance.value,
    agreement: isReference ? null : agreement(blocks[part], reference.blocks[part]),
  }))
}

const perPart = <T>(value: (part: Part) => T): Record<Part, T> => ({
  encoder: value('encoder'),
  decoder: value('decoder'),
})
