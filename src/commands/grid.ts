/** The grid of z that `evaluate --method quadrature` and `posterior` integrate over: its settings, and checks of its accuracy. */
import { z } from 'zod'
import type { Integrals } from '../evaluation/grid-sums.js'
import { MOST_DIMENSIONS, type Quadrature } from '../evaluation/quadrature.js'
import type { Vae } from '../models/vae.js'
import { estimateMean } from '../numeric/means.js'
import { inGroup, read, setting, UsageError } from '../settings/setting.js'
import { orThrow, refuseLayers } from './opened-run.js'

export const gridSettings = inGroup('measurement', {
  grid: setting(
    z
      .int()
      .min(3)
      .max(9999)
      .refine(side => side % 2 === 1),
    801,
    'an odd number from 3 to 9999',
    ['points along each axis of z', 'Quadrature: points along each axis of z, an odd number.'],
    read.number,
  ),
  extent: setting(
    z.number().min(1e-3).max(1e3),
    8,
    'a number from 0.001 to 1000',
    [
      'the grid is from -n to n along each axis',
      'Quadrature: the grid runs from -extent to extent along each axis, in standard deviations of p(z) around its mean.',
    ],
    read.number,
  ),
})

export interface GridSettings {
  grid: number
  extent: number
}

/** Maximum number of points of a grid; more would take hours. */
const MOST_POINTS = 1e7

/** Throws a `UsageError` if z has too many dimensions or is not Gaussian, or if the grid has too many points. */
export function requireGrid(vae: Vae, what: string, { grid }: GridSettings): void {
  orThrow(refuseLayers(vae, what))
  const { latentDim } = vae
  if (latentDim > MOST_DIMENSIONS)
    throw new UsageError(
      `${what}: needs at most ${MOST_DIMENSIONS} latent dimensions; this run has ${latentDim}; train with --preset latent-2d`,
    )
  if (grid ** latentDim > MOST_POINTS) {
    const side = Math.floor(MOST_POINTS ** (1 / latentDim))
    throw new UsageError(
      `--grid ${grid}: ${grid}^${latentDim} points would take too long; an odd number up to ${side - ((side + 1) % 2)} was expected`,
    )
  }
}

/** Posterior mass of an image on the border of the grid above which the printed digits are affected. */
const BORDER = 1e-5

/** Error of the sum of q(z|x) over the grid, which should be 1, above which the printed digits of the ELBO are affected. */
const MASS_TOLERANCE = 1e-4

/** Change of any image with half the points, in nats, above which the printed digits of the whole grid may be affected. */
const HALF_CHANGE = 0.05

/** Whether the grid holds q(z|x) of an image with this `qMass`; otherwise its ELBO and gap are wrong. */
export const holdsQ = (qMass: number): boolean => Math.abs(qMass - 1) <= MASS_TOLERANCE

interface Change {
  /** Change of the mean over images. */
  mean: number
  /** Largest absolute change of an image. */
  largest: number
}

/** The accuracy of the sums over a grid. */
export interface GridTrust {
  /** The changes of the estimates with half the points, in nats; the ELBO's only of images whose q(z|x) the grid holds. */
  half: { logPx: Change; elbo?: Change }
  /** The largest posterior mass of an image on the border of the grid. */
  border: number
  /** The sum of q(z|x) that differs most from 1, and the number of images for which it differs too much. */
  qMass: { worst: number; imagesOff: number }
  /** One line for each problem, with the remedy. */
  warnings: string[]
}

export function gridTrust({ logPx, elbo, half, border, qMass }: Quadrature): GridTrust {
  const changes = (name: keyof Integrals, whole: Float64Array) =>
    half[name].map((value, i) => value - (whole[i] as number))
  const [logPxChanges, elboChanges] = [changes('logPx', logPx), changes('elbo', elbo)]
  const held = elboChanges.filter((_, i) => holdsQ(qMass[i] as number))
  const worst = qMass.reduce((most, mass) => (Math.abs(most - 1) >= Math.abs(mass - 1) ? most : mass), 1)
  const off = { worst, imagesOff: qMass.length - held.length }
  const change = Math.max(largest(logPxChanges), largest(held))
  return {
    half: { logPx: changeOf(logPxChanges), ...(held.length > 0 && { elbo: changeOf(held) }) },
    border,
    qMass: off,
    warnings: [
      ...(change < HALF_CHANGE ? [] : [describeCoarse(change)]),
      ...(border <= BORDER ? [] : [describeBorder(border)]),
      ...(off.imagesOff === 0 ? [] : [describeOff(off)]),
    ],
  }
}

const changeOf = (changes: Float64Array): Change => ({ mean: estimateMean(changes).mean, largest: largest(changes) })

const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

const describeCoarse = (change: number): string =>
  `warning: with half the points along each axis an image changes by ${change.toExponential(1)} nats; use a larger --grid`

const describeBorder = (border: number): string =>
  `warning: a share of ${border.toExponential(1)} of an image's posterior lies on the border of the grid; use a larger --extent`

const describeOff = ({ worst, imagesOff }: GridTrust['qMass']): string =>
  `warning: q(z|x) of ${imagesOff} ${imagesOff === 1 ? 'image' : 'images'} does not sum to 1 over the grid (worst sum: ${worst.toPrecision(3)}), ` +
  'because it extends beyond the grid or is narrower than a cell; their ELBO and gap are left out, log p(x) is not affected; ' +
  'use a larger --extent or a larger --grid'
