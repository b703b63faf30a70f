/** `elbo evaluate RUN --method quadrature`: log p(x) and what the ELBO lacks, by integration over a grid of z. */
import { z } from 'zod'
import type { Integrals } from '../evaluation/grid-sums.js'
import { MOST_DIMENSIONS, type Quadrature, quadrature } from '../evaluation/quadrature.js'
import { estimateMean } from '../evaluation/statistics.js'
import type { TrainedVae } from '../session.js'
import { read, setting, UsageError, wholeNumber } from '../settings.js'
import { describeEstimate } from './estimates.js'
import {
  bitsOf,
  describeDone,
  describeParts,
  type Measurement,
  type MeasuringVae,
  nothingMeasured,
  rateAndDistortion,
  saveValues,
} from './measuring.js'
import { describeChoice, requireOneLayer } from './opened-run.js'
import { progressBar } from './progress-bar.js'

export const gridSettings = {
  grid: wholeNumber([3, 1e5], 801, 'with --method quadrature: points along each axis of z, an odd number'),
  extent: setting(
    z.number().positive(),
    8,
    'a number above 0',
    'with --method quadrature: the grid goes from -extent to extent along each axis',
    read.number,
  ),
}

export interface GridSettings {
  grid: number
  extent: number
}

/** Throws a `UsageError` where z has too many dimensions or is not Gaussian. */
export function requireGrid(trained: TrainedVae, what: string): void {
  requireOneLayer(trained, what)
  const { latentDim } = trained.vae
  if (latentDim > MOST_DIMENSIONS)
    throw new UsageError(
      `${what}: needs at most ${MOST_DIMENSIONS} latent dimensions; this run has ${latentDim} (--preset latent-2d trains one with 2)`,
    )
}

/** A share of an image's posterior on the border of the grid that shows in the digits that are printed. */
const BORDER = 1e-5

export async function evaluateQuadrature(
  measuring: MeasuringVae,
  { grid, extent }: GridSettings,
): Promise<Measurement> {
  if (grid % 2 === 0) throw new UsageError(`--grid ${grid}: an odd number was expected, such as ${grid + 1}`)
  const { trained, images, context } = measuring
  requireGrid(trained, '--method quadrature')
  const bar = progressBar('images', context)
  const result = await quadrature(trained.vae, images, {
    side: grid,
    extent,
    mode: measuring.mode,
    onProgress: done => bar.update(done, images.count, `${grid} points along each axis of z`),
    signal: context.signal,
  }).finally(() => bar.stop())
  const done = result.logPx.length
  if (done === 0) return nothingMeasured(context)
  const interrupted = done < images.count
  if (result.compile) context.note(describeChoice(result.compile))
  const about = describeDone(measuring.about, { done, count: images.count })
  context.print(`${about}, quadrature with ${grid} points along each axis of z, from -${extent} to ${extent}`)
  const summary = summarize(result)
  context.print(describeEstimate('ELBO', summary.elbo))
  describeParts(context, summary)
  context.print(describeEstimate('gap', summary.gap, ', KL(q(z|x) || p(z|x)): ELBO + gap = log p(x)'))
  context.print(describeEstimate('log p(x)', summary.logPx))
  const bits = bitsOf(measuring, summary.logPx)
  const half = changes(result, result.half)
  for (const line of describeHalf(half)) context.print(line)
  if (result.border > BORDER)
    context.print(
      `warning: of an image's posterior ${result.border.toExponential(1)} lies on the border of the grid: a larger --extent is needed`,
    )
  context.print('±: one standard error of the mean over images')
  saveValues(
    measuring,
    { elbo: result.elbo, log_px: result.logPx, gap: result.gap },
    { method: 'quadrature', grid: String(grid), extent: String(extent) },
  )
  const json = { images: done, grid, extent, ...summary, ...rateAndDistortion(summary), ...bits }
  return { json: { ...json, half, border: result.border, ...(interrupted && { interrupted }) }, interrupted }
}

function summarize({ logPx, elbo, gap, kl }: Quadrature) {
  return {
    elbo: estimateMean(elbo),
    reconstruction: estimateMean(elbo.map((value, i) => value + (kl[i] as number))),
    kl: estimateMean(kl),
    gap: estimateMean(gap),
    logPx: estimateMean(logPx),
  }
}

interface Change {
  /** Of the mean over images. */
  mean: number
  /** Of the image where it is largest, without its sign. */
  largest: number
}

/** How far the estimates by half the points are off those by all. */
function changes(whole: Integrals, half: Integrals): Record<'logPx' | 'elbo', Change> {
  const change = (name: 'logPx' | 'elbo'): Change => {
    const differences = half[name].map((value, i) => value - (whole[name][i] as number))
    return {
      mean: estimateMean(differences).mean,
      largest: differences.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    }
  }
  return { logPx: change('logPx'), elbo: change('elbo') }
}

function describeHalf({ logPx, elbo }: Record<'logPx' | 'elbo', Change>): string[] {
  const of = ({ mean, largest }: Change) => `${mean.toExponential(1)} on average, at most ${largest.toExponential(1)}`
  return [
    `with half the points along each axis: log p(x) changes by ${of(logPx)}; the ELBO by ${of(elbo)}`,
    'the error of the whole grid is far smaller: it falls faster than any power of the distance between points',
  ]
}
