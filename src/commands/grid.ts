/** The grid of z that `evaluate --method quadrature` and `posterior` integrate over: its settings, and how far its sums are to be trusted. */
import { z } from 'zod'
import type { Integrals } from '../evaluation/grid-sums.js'
import { MOST_DIMENSIONS, type Quadrature } from '../evaluation/quadrature.js'
import type { Vae } from '../models/vae.js'
import { estimateMean } from '../numeric/means.js'
import { read, setting, UsageError } from '../settings/setting.js'
import { orThrow, refuseLayers } from './opened-run.js'

export const gridSettings = {
  grid: setting(
    z
      .int()
      .min(3)
      .max(9999)
      .refine(side => side % 2 === 1),
    801,
    'an odd number from 3 to 9999',
    'with --method quadrature: points along each axis of z, an odd number',
    read.number,
  ),
  extent: setting(
    z.number().min(1e-3).max(1e3),
    8,
    'a number from 0.001 to 1000',
    'with --method quadrature: the grid goes from -extent to extent along each axis',
    read.number,
  ),
}

export interface GridSettings {
  grid: number
  extent: number
}

/** Points of a grid in all: more would take hours. */
const MOST_POINTS = 1e7

/** Throws a `UsageError` where z has too many dimensions or is not Gaussian, or the grid too many points. */
export function requireGrid(vae: Vae, what: string, { grid }: GridSettings): void {
  orThrow(refuseLayers(vae, what))
  const { latentDim } = vae
  if (latentDim > MOST_DIMENSIONS)
    throw new UsageError(
      `${what}: needs at most ${MOST_DIMENSIONS} latent dimensions; this run has ${latentDim} (--preset latent-2d trains one with 2)`,
    )
  if (grid ** latentDim > MOST_POINTS) {
    const side = Math.floor(MOST_POINTS ** (1 / latentDim))
    throw new UsageError(
      `--grid ${grid}: ${grid}^${latentDim} points are more than can be computed; an odd number up to ${side - ((side + 1) % 2)} was expected`,
    )
  }
}

/** A share of an image's posterior on the border of the grid that shows in the digits that are printed. */
const BORDER = 1e-5

/** How far off 1 the sum of q(z|x) over the grid may be, before it shows in the digits of the ELBO that are printed. */
const MASS_TOLERANCE = 1e-4

/** A change in nats by half the points, of any image: from here on the whole grid may be off by what shows. */
const HALF_CHANGE = 0.05

/** Whether the grid holds q(z|x) of an image, whose ELBO and gap mean nothing otherwise: from its `qMass`. */
export const holdsQ = (qMass: number): boolean => Math.abs(qMass - 1) <= MASS_TOLERANCE

interface Change {
  /** Of the mean over images. */
  mean: number
  /** Of the image where it is largest, without its sign. */
  largest: number
}

/** How far a grid's sums are to be trusted. */
export interface GridTrust {
  /** How far the estimates by half the points are off those by all. */
  half: Record<'logPx' | 'elbo', Change>
  border: number
  /** The sum of q(z|x) that is furthest off 1, and the number of images where it is too far. */
  qMass: { worst: number; imagesOff: number }
  /** A line for each thing that is wrong, and what to do. */
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
    half: { logPx: changeOf(logPxChanges), elbo: changeOf(elboChanges) },
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
  `warning: with half the points along each axis an image changes by ${change.toExponential(1)} nats: a larger --grid is needed`

const describeBorder = (border: number): string =>
  `warning: of an image's posterior ${border.toExponential(1)} lies on the border of the grid: a larger --extent is needed`

const describeOff = ({ worst, imagesOff }: GridTrust['qMass']): string =>
  `warning: q(z|x) of ${imagesOff} ${imagesOff === 1 ? 'image' : 'images'} does not sum to 1 over the grid (the worst: ${worst.toPrecision(3)}), ` +
  'as it leaves the grid or is narrower than a cell: ELBO and gap there cannot be trusted; against log p(x), which does not depend on q, this says nothing; ' +
  'a larger --extent or a larger --grid is needed'
