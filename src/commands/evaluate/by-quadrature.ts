/** `elbo evaluate RUN --method quadrature`: log p(x) and the gap of the ELBO, by integration over a grid of z. */
import { describeCollapse } from '../../evaluation/collapse.js'
import { type Quadrature, quadrature } from '../../evaluation/quadrature.js'
import type { Vae } from '../../models/vae.js'
import { estimateMean } from '../../numeric/means.js'
import type { Values } from '../../settings/setting.js'
import type { Result } from '../command.js'
import { describeEstimate } from '../estimates.js'
import { type GridTrust, gridSettings, gridTrust, holdsQ, requireGrid } from '../grid.js'
import { describeChoice, inDeviations } from '../opened-run.js'
import { progressBar } from '../progress-bar.js'
import { estimator, imageOptions, refuseWithoutEncoder, saveOption } from './estimator.js'
import {
  bitsOf,
  describeDone,
  describeParts,
  imagesToMeasure,
  type Measuring,
  nothingMeasured,
  rateAndDistortion,
  saveValues,
} from './measuring.js'
import { referenceOf } from './published.js'

const FLAG = '--method quadrature'

const options = { ...gridSettings, ...imageOptions, ...saveOption }

export const quadratureOverGrid = estimator({
  name: 'quadrature',
  flag: FLAG,
  options,
  comparable: true,
  refuse: run => refuseWithoutEncoder(run, FLAG),
  measure: async (opened, values) => evaluateQuadrature(await imagesToMeasure(opened, values), values),
})

type QuadratureValues = Pick<Values<typeof options>, 'grid' | 'extent' | 'save'>

/** Measures the images of a run with one or two latent dimensions, prints the results and returns the JSON document. */
export async function evaluateQuadrature(
  measuring: Measuring,
  { grid, extent, save }: QuadratureValues,
): Promise<Result> {
  const { images, context, document } = measuring
  const vae = measuring.trained.learner.vae as Vae
  requireGrid(vae, FLAG, { grid, extent })
  const bar = progressBar('images', context)
  const result = await quadrature(vae, images, {
    side: grid,
    extent,
    mode: measuring.mode,
    onProgress: done => bar.update(done, images.count, `${grid} points along each axis of z`),
    signal: context.signal,
  }).finally(() => bar.stop())
  const done = result.logPx.length
  if (done === 0) return nothingMeasured(context, { ...document, method: 'quadrature' })
  const { logPx, bound } = summarize(result)
  const { warnings, ...trust } = gridTrust(result)
  const description = `quadrature with ${grid} points along each axis of z, from -${extent} to ${extent}${inDeviations(vae)}`
  const bits = printQuadrature(measuring, result, description, { warnings, ...trust })
  const perImage = { elbo: result.elbo, log_px: result.logPx, gap: result.gap, q_mass: result.qMass }
  saveValues(measuring, save, perImage, { method: 'quadrature', grid: String(grid), extent: String(extent) })
  const interrupted = done < images.count
  const numbers = {
    images: done,
    grid,
    extent,
    ...bound,
    logPx,
    ...(bound && rateAndDistortion(bound)),
    ...bits,
    ...trust,
  }
  const published = interrupted ? {} : referenceOf(measuring, { method: 'quadrature' })
  const json = { ...document, method: 'quadrature', ...numbers }
  return { json: { ...json, ...(interrupted && { interrupted }), ...published }, interrupted }
}

/** Prints the results; returns the bits per dimension. */
function printQuadrature(measuring: Measuring, result: Quadrature, description: string, trust: GridTrust) {
  const { images, context, about } = measuring
  const { logPx, bound } = summarize(result)
  if (result.compile) context.note(describeChoice(result.compile))
  context.print(`${describeDone(about, { done: result.logPx.length, count: images.count })}, ${description}`)
  if (bound) {
    const all = bound.elbo.count === logPx.count
    context.print(
      describeEstimate(
        'ELBO',
        bound.elbo,
        all ? '' : `, of the ${bound.elbo.count} images whose q(z|x) the grid holds`,
      ),
    )
    describeParts(context, bound)
    const identity = all ? `: ELBO + gap = ${measuring.logPx}` : ', of the same images'
    context.print(describeEstimate('gap', bound.gap, `, KL(q(z|x) || p(z|x))${identity}`))
  }
  context.print(describeEstimate(measuring.logPx, logPx))
  const bits = bitsOf(measuring, logPx)
  for (const line of [...describeTrust(measuring.logPx, trust), ...describeCollapse(bound?.kl.mean)])
    context.print(line)
  context.print('±: one standard error of the mean over images')
  return bits
}

/** log p(x) of all images; the bound, its terms and its gap only of those whose q(z|x) the grid holds, absent if there are none. */
function summarize({ logPx, elbo, gap, kl, qMass }: Quadrature) {
  const held = (values: Float64Array) => values.filter((_, i) => holdsQ(qMass[i] as number))
  const bound = {
    elbo: estimateMean(held(elbo)),
    reconstruction: estimateMean(held(elbo.map((value, i) => value + (kl[i] as number)))),
    kl: estimateMean(held(kl)),
    gap: estimateMean(held(gap)),
  }
  return { logPx: estimateMean(logPx), bound: bound.elbo.count > 0 ? bound : undefined }
}

function describeTrust(name: string, { half: { logPx, elbo }, qMass, warnings }: GridTrust): string[] {
  const describeChange = ({ mean, largest }: GridTrust['half']['logPx']) =>
    `${mean.toExponential(1)} on average, at most ${largest.toExponential(1)}`
  const small =
    'the error of the whole grid is far smaller, because it decreases faster than any power of the distance between points'
  return [
    `with half the points along each axis: ${name} changes by ${describeChange(logPx)}${elbo ? `; the ELBO by ${describeChange(elbo)}` : ''}`,
    `the sum of q(z|x) over the grid differs from 1 by at most ${Math.abs(qMass.worst - 1).toExponential(1)}`,
    ...(warnings.length > 0 ? warnings : [small]),
  ]
}
