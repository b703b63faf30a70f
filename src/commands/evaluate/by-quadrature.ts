/** `elbo evaluate RUN --method quadrature`: log p(x) and what the ELBO lacks, by integration over a grid of z. */
import { type Quadrature, quadrature } from '../../evaluation/quadrature.js'
import { estimateMean } from '../../numeric/means.js'
import { describeEstimate } from '../estimates.js'
import { type GridSettings, type GridTrust, gridTrust, requireGrid } from '../grid.js'
import { describeChoice } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
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

export async function evaluateQuadrature(
  measuring: MeasuringVae,
  { grid, extent }: GridSettings,
): Promise<Measurement> {
  const { trained, images, context } = measuring
  requireGrid(trained, '--method quadrature', { grid, extent })
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
  const { warnings, ...trust } = gridTrust(result)
  for (const line of describeTrust({ warnings, ...trust })) context.print(line)
  context.print('±: one standard error of the mean over images')
  saveValues(
    measuring,
    { elbo: result.elbo, log_px: result.logPx, gap: result.gap },
    { method: 'quadrature', grid: String(grid), extent: String(extent) },
  )
  const json = { images: done, grid, extent, ...summary, ...rateAndDistortion(summary), ...bits }
  return { json: { ...json, ...trust, ...(interrupted && { interrupted }) }, interrupted }
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

function describeTrust({ half: { logPx, elbo }, qMass, warnings }: GridTrust): string[] {
  const of = ({ mean, largest }: GridTrust['half']['elbo']) =>
    `${mean.toExponential(1)} on average, at most ${largest.toExponential(1)}`
  const small =
    'the error of the whole grid is far smaller: it falls faster than any power of the distance between points'
  return [
    `with half the points along each axis: log p(x) changes by ${of(logPx)}; the ELBO by ${of(elbo)}`,
    `the sum of q(z|x) over the grid is off 1 by at most ${Math.abs(qMass.worst - 1).toExponential(1)}`,
    ...(warnings.length > 0 ? warnings : [small]),
  ]
}
