/** Estimators of the gradients of the ELBO and of IWAE_k side by side: the noise of each on one batch, and whether their means agree. */

import type { Choice, ScanOptions } from '../compile/step.js'
import type { Images } from '../data/images.js'
import { type Baseline, createBaseline } from '../inference/estimators/baselines.js'
import { ascentOf, type bounds } from '../inference/gradient-ascent.js'
import type { Vae } from '../models/vae.js'
import type { klEstimators } from '../objectives/elbo.js'
import { streamKey } from '../random.js'
import { type GradientBlocks, gradientMoments, type Part } from './gradient-moments.js'
import { type Agreement, agreement, type GradientNoise, gradientNoise } from './gradient-noise.js'

/**
 * Estimators, those of the score function by their baselines. The first that is measured is what the others are held against. A baseline that is a
 * network is not among them: it is worth what its training made of it.
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
  /** Of noise, for each estimate: 20 at least. */
  draws: number
  seed: number
  /** The KL term of the ELBO; `stl` always samples it. */
  kl: (typeof klEstimators)[number]
  /** Told what has been drawn, of all that will be, and for which estimate. */
  onProgress?: (done: number, total: number, of: GradientEstimate) => void
  /** Stops after the chunk in flight. */
  signal?: AbortSignal | undefined
}

export interface MeasuredPart extends GradientNoise {
  /** Of the variance, to that of the reference; null for the reference itself. */
  varianceRatio: number | null
  /** With the reference; null for the reference itself. */
  agreement: Agreement | null
}

export interface MeasuredEstimate extends GradientEstimate, Record<Part, MeasuredPart> {
  /** What it is held against, of the same objective and samples. */
  reference: EstimateName
  /** How the work was run. */
  compile: Choice
}

/** Why an estimate is none; undefined if it is one. */
export function refuseEstimate(vae: Vae, { objective, estimate, samples }: GradientEstimate): string | undefined {
  if (!vae.latents.reparameterized && !estimate.startsWith('score'))
    return 'differentiates draws of z, and those of this model are binary; use one of the score function'
  if (estimate === 'stl' && objective === 'iwae') return 'biased for iwae; use dreg'
  if (estimate === 'dreg' && objective === 'elbo') return 'is for iwae; for elbo use stl'
  if (estimate === 'score:leave-one-out' && samples < 2) return 'needs k of 2 or more'
  return undefined
}

/** Measures each on `images` as one batch; all draws are independent. Ends early if `options.signal` stops it. */
export async function* measureEstimates(
  vae: Vae,
  images: Images,
  wanted: readonly GradientEstimate[],
  { draws, seed, kl, onProgress, signal, ...asked }: EstimateOptions,
): AsyncGenerator<MeasuredEstimate> {
  const inOrder = sort(wanted)
  const total = inOrder.length * draws
  let [done, how, reference] = [0, asked, undefined as Found | undefined]
  for (const of of inOrder) {
    const { objective, estimate, samples } = of
    const { ascent, baseline } = createEstimate(vae, of, kl)
    const key = streamKey(seed, `gradient ${objective} ${estimate} ${samples}`)
    const onDraws = (count: number) => {
      done += count
      onProgress?.(done, total, of)
    }
    const measured = await gradientMoments(vae, { ascent, baseline }, images, {
      ...how,
      ...{ draws, key, onDraws, signal },
    })
    if (!measured) return
    how = measured.compile
    const found = { ...of, blocks: measured.blocks, noise: ofParts(part => gradientNoise(measured.blocks[part])) }
    if (reference?.objective !== objective || reference.samples !== samples) reference = found
    yield { ...of, reference: reference.estimate, compile: measured.compile, ...judge(found, reference) }
  }
}

interface Found extends GradientEstimate {
  blocks: GradientBlocks
  noise: Record<Part, GradientNoise>
}

/** By objective, then samples, then estimators, so that each reference is the first of its kind. */
function sort(wanted: readonly GradientEstimate[]): GradientEstimate[] {
  const order = ({ objective, estimate, samples }: GradientEstimate) =>
    (objective === 'elbo' ? 0 : 1e6) + samples * 10 + estimates.indexOf(estimate)
  return [...wanted].sort((a, b) => order(a) - order(b))
}

function createEstimate(vae: Vae, { objective, estimate, samples }: GradientEstimate, kl: EstimateOptions['kl']) {
  const [estimator, kind = 'none'] = estimate.split(':') as ['score', 'none'] | ['pathwise']
  const baseline: Baseline = createBaseline(kind, vae.pixels, streamKey(0, 'no weights'))
  const options = { objective, estimator, samples, kl: estimate === 'stl' ? 'monte-carlo' : kl, freeBits: 0 } as const
  return { ascent: ascentOf(vae, options, baseline), baseline }
}

/** What is held against itself has nothing to show. */
function judge(found: Found, reference: Found): Record<Part, MeasuredPart> {
  const isReference = found === reference
  return ofParts(part => ({
    ...found.noise[part],
    varianceRatio: isReference ? null : found.noise[part].variance.value / reference.noise[part].variance.value,
    agreement: isReference ? null : agreement(found.blocks[part], reference.blocks[part]),
  }))
}

const ofParts = <T>(value: (part: Part) => T): Record<Part, T> => ({
  encoder: value('encoder'),
  decoder: value('decoder'),
})
